"""What is there in C too, where it could be compiled when the package was installed.

The timed path, answers, the resize of pictures, and the random numbers of `diff`.

Nothing depends on it: whoever uses a class or function of it has the same in Python, and takes that where the module is None.
"""

from __future__ import annotations

import os
import zlib
from importlib import import_module
from pathlib import Path
from typing import Any

SWITCH = "TFLITE_LOADGEN_NATIVE"
"""An environment variable: `off`, `0`, `no` or `false` leaves everything to Python."""


def _load(name: str) -> tuple[Any, str]:
    """The module and nothing, or None and why."""
    switch = os.environ.get(SWITCH, "on").lower()
    if switch in ("off", "0", "no", "false"):
        return None, f"{SWITCH} is {switch}"
    here = Path(__file__).parent
    try:
        module = import_module(f"native._{name}")
    except ImportError as error:
        why = here / "why_not_compiled.txt"
        reason = why.read_text(encoding="utf-8").strip() if why.is_file() else str(error)
        return None, (
            f"it could not be compiled when this was installed ({reason}). With a C compiler and Python's headers (gcc, "
            "python3-dev): ./run.sh install native"
        )
    # Python's half of a checkout changes at once, the compiled half when it is installed again.
    source = zlib.crc32((here / f"{name}.c").read_bytes())
    if getattr(module, "SOURCE", None) != f"{source:08x}":
        return None, f"{name}.c has changed since it was compiled: ./run.sh install native"
    return module, ""


timed_path, _why_no_timed_path = _load("timed_path")
answers, _why_no_answers = _load("answers")
pictures, _why_no_pictures = _load("pictures")
normal_draws, _why_no_normal_draws = _load("normal_draws")
"""The compiled modules, or None."""

why_not = _why_no_timed_path or _why_no_answers or _why_no_pictures or _why_no_normal_draws
"""Why one of them is not there; empty where all are."""
