"""The timed path in C (`timed_path.c`), where it could be compiled when the package was installed.

Nothing depends on it: whoever uses a class of it has the same in Python, and takes that where `timed_path` is None.
"""

from __future__ import annotations

import os
import zlib
from importlib import import_module
from pathlib import Path
from typing import Any

SWITCH = "TFLITE_LOADGEN_NATIVE"
"""An environment variable: `off` leaves everything to Python."""

timed_path: Any = None
"""The compiled module, or None."""
if os.environ.get(SWITCH) == "off":
    why_not = f"{SWITCH} is off"
    """Why there is none; empty where there is."""
else:
    try:
        timed_path, why_not = import_module("native._timed_path"), ""
    except ImportError as error:
        why_not = (
            f"it was not compiled when this was installed, or not for this Python ({error}). With a C compiler and "
            "Python's headers (gcc, python3-dev): ./run.sh install native"
        )
    else:
        # Python's half of a checkout changes at once, the compiled half when it is installed again.
        source = zlib.crc32(Path(__file__).with_name("timed_path.c").read_bytes())
        if getattr(timed_path, "SOURCE", None) != f"{source:08x}":
            timed_path, why_not = None, "timed_path.c has changed since it was compiled: ./run.sh install native"
