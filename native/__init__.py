"""The timed path in C (`timed_path.c`), where it could be compiled when the package was installed.

Nothing depends on it: whoever uses a class of it has the same in Python, and takes that where `timed_path` is None.
"""

from __future__ import annotations

import os
from importlib import import_module
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
