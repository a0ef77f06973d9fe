"""Whether a process is still there."""

from __future__ import annotations

from pathlib import Path


def lives(pid: int) -> bool:
    """Whether it is there and no corpse, which only waits for its parent to ask for its status."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        # It may go before the file is opened, and before it is read.
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
