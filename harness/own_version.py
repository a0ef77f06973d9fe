"""Which harness this is: its version, and of a checkout the commit. Nothing heavy is imported: `--version` asks here."""

from __future__ import annotations

import subprocess
from importlib import metadata
from pathlib import Path

_LONGEST_S = 10


def version() -> str:
    """As the package has it; `unknown` where it was not installed."""
    try:
        return metadata.version("tflite-loadgen")
    except metadata.PackageNotFoundError:
        return "unknown"


def commit() -> str | None:
    """The commit of the checkout that this runs from, `-dirty` behind it where files differ; None where it is none."""
    root = Path(__file__).resolve().parents[1]
    # An installed package may lie below another project's checkout.
    if not (root / ".git").exists():
        return None
    words = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=_LONGEST_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
