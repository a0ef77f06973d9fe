"""The console script, and `python -m harness`.

Ctrl-C is heard before anything is imported, which takes a while: nothing has begun by then, so nothing is left behind.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from types import FrameType

_OBJECTS = 50_000


def start() -> None:
    """Runs one command; see `harness.cli`."""
    signal.signal(signal.SIGINT, _leave)
    # What is imported stays: looking through it for garbage every 700 objects is a tenth of the time until a verb begins.
    gc.set_threshold(_OBJECTS)
    # Nothing of ours needs numpy's BLAS, which would start a thread a core: each spins for a tenth of a second in every process
    # that imports numpy, on the cores that the others start on.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Nor does pydantic have to look through everything that is installed for plug-ins, which would run here.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        from harness.machine.import_path import conflict, leave_current_folder

        leave_current_folder()
        if said := conflict():
            sys.exit(_refused(said))
        from harness.cli import entry
    except MemoryError:
        os.write(2, b"tflite-loadgen: memory ran out before anything had begun\n")
        os._exit(3)
    entry()


def _refused(said: str) -> int:
    """Before anything else of ours is imported, which may be the other's."""
    os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, f"tflite-loadgen: {ascii(said)[1:-1]}\n".encode())
    return 2


def _leave(number: int, _frame: FrameType | None) -> None:
    os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, b"tflite-loadgen: stopped by SIGINT\n")
    os._exit(128 + number)


if __name__ == "__main__":
    start()
