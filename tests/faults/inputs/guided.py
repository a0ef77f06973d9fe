"""Fuzzing that is guided by what is covered, with atheris: `python -m tests.faults.inputs.guided READER [OPTION ...]`.

    ./run.sh install fuzz
    .venv/bin/python -m tests.faults.inputs.guided "detail log" -max_total_time=600

What comes behind the reader's name is libFuzzer's. An error that no user should meet ends it, with the input in a file of the
current directory: made small (`-minimize_crash=1`) and laid into `cases/`, it is tried again by each run of the tests.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from pathlib import Path
from typing import Any

_INSTRUMENTED = (
    "accuracy",
    "harness.results",
    "harness.config",
    "harness.json_records",
    "tasks",
    "backends.litert.file",
)


def main() -> int:
    """Fuzzes one reader until it is stopped."""
    try:
        atheris: Any = importlib.import_module("atheris")
    except ImportError:
        sys.stderr.write("atheris is not installed: ./run.sh install fuzz (Linux, Python up to 3.13)\n")
        return 2
    with atheris.instrument_imports(include=list(_INSTRUMENTED)):
        from tests.faults.inputs.fuzzing import wrong_with
        from tests.faults.inputs.readers import readers
        from tests.faults.inputs.states import states
    known = {reader.name: reader for reader in (*readers(), *states())}
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in known:
        sys.stderr.write(f"name one of: {', '.join(known)}\n")
        return 2
    reader = known[name]
    with tempfile.TemporaryDirectory() as folder:
        seeds, scratch = Path(folder) / "seeds", Path(folder) / "scratch"
        seeds.mkdir()
        scratch.mkdir()
        for place, seed in enumerate(reader.seeds):
            (seeds / str(place)).write_bytes(seed)

        def read(data: bytes) -> None:
            if (wrong := wrong_with(reader, data, scratch)) is not None:
                raise RuntimeError(wrong)

        atheris.Setup([sys.argv[0], *sys.argv[2:], str(seeds)], read)
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
