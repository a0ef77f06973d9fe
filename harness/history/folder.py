"""Where the history lies. Every run asks this, and most have none: it imports nothing of the index."""

from __future__ import annotations

import os
from pathlib import Path

ENVIRONMENT = "TFLITE_LOADGEN_HISTORY"


def history_folder(named: str | None) -> Path | None:
    """Where the history lies: `--history`, or the environment; None where neither says."""
    text = named or os.environ.get(ENVIRONMENT)
    return Path(text) if text else None
