"""Folders for what is only needed while something lasts. They go with it, and those of a killed process with the next one."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path


class ScratchFolder(tempfile.TemporaryDirectory[str]):
    """As Python's, and locked as long as its owner lives, so that one whose owner was killed is known and taken away."""

    _lock = -1

    def __init__(self, purpose: str, place: Path | None = None) -> None:
        """Makes one, and takes away what killed processes have left of the same purpose in the same place.

        Args:
            purpose: A part of its name.
            place: Where it lies, under a hidden name; None for the system's folder of temporary files.
        """
        for left in left_behind(purpose, place):
            shutil.rmtree(left, ignore_errors=True)
        while True:
            super().__init__(prefix=_prefix(purpose, place), dir=place, ignore_cleanup_errors=True)
            self._lock = _open(Path(self.name))
            # Whoever found it before it was locked may have taken it away.
            with contextlib.suppress(OSError):
                fcntl.flock(self._lock, fcntl.LOCK_EX)
            if Path(self.name).is_dir():
                return
            self.cleanup()

    def cleanup(self) -> None:
        """Takes it away."""
        super().cleanup()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def left_behind(purpose: str, place: Path | None = None) -> Iterator[Path]:
    """What killed processes have left of a purpose in a place, each held while it is looked at.

    Only what is this user's, and of which the owner's lock is released. Some file systems have no locks: there it stays.

    Args:
        purpose: As `ScratchFolder` has it.
        place: Likewise.
    """
    where = Path(tempfile.gettempdir()) if place is None else place
    try:
        folders = list(where.glob(f"{_prefix(purpose, place)}*"))
    except OSError:
        return
    for folder in folders:
        with contextlib.ExitStack() as held:
            try:
                found = folder.lstat()
                if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
                    continue
                lock = _open(folder)
                held.callback(os.close, lock)
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            yield folder


def _prefix(purpose: str, place: Path | None) -> str:
    return f"tflite-loadgen-{purpose}." if place is None else f".{purpose}."


def _open(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
