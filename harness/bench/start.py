"""`python -P -m harness.bench.start ASKED TOLD CONTROL_FD PARENT_PID`: the process of `harness.bench.probe`, which it imports.

What is imported stays, so the garbage collector, which is off while a model is timed, need not look through it again and again.
"""

from __future__ import annotations

import contextlib
import gc
import sys


def main() -> int:
    """The life of the process."""
    gc.disable()
    from harness.bench import probe

    return probe.main()


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main())
