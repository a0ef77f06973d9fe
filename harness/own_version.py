"""Which harness this is: its version, and of a checkout the commit. Nothing heavy is imported: `--version` asks here."""

from __future__ import annotations

import contextlib
import subprocess
from importlib import metadata
from pathlib import Path

_LONGEST_S = 120
_ROOT = Path(__file__).resolve().parents[1]


def version() -> str:
    """As the package has it; `unknown` where it was not installed."""
    try:
        return metadata.version("tflite-loadgen")
    except metadata.PackageNotFoundError:
        return "unknown"


def commit() -> str | None:
    """The commit of the checkout that this runs from, `-dirty` behind it where files differ; None where it is none."""
    return CommitAsked().answer()


class CommitAsked:
    """Git, asked for the commit. It looks at every file, so whoever has something to do meanwhile asks first."""

    def __init__(self) -> None:
        """Asks."""
        self._git: subprocess.Popen[str] | None = None
        # An installed package may lie below another project's checkout.
        if not (_ROOT / ".git").exists():
            return
        words = ["git", "-C", str(_ROOT), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
        with contextlib.suppress(OSError):
            self._git = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def answer(self) -> str | None:
        """As `commit`; waits for it."""
        if self._git is None:
            return None
        with self._git as git:
            try:
                said, _ = git.communicate(timeout=_LONGEST_S)
            except subprocess.TimeoutExpired:
                git.kill()
                return None
        return said.strip() or None if git.returncode == 0 else None
