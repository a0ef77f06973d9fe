"""Where official files are kept once a user has them."""

from __future__ import annotations

import os
from pathlib import Path

CACHE_VARIABLE = "TFLITE_LOADGEN_CACHE"


def cache_dir() -> Path:
    """`TFLITE_LOADGEN_CACHE`, else the place that XDG names for caches."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen).resolve()
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "tflite-loadgen"


def official_path(file: str, cache: Path) -> Path:
    """Where the official file of this name lies, whether it is there or not; "" for the folder."""
    return cache / "official" / file
