"""Folders for what is only needed while something lasts. They go with it, and those of a killed process with the next one."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
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
        prefix = f"tflite-loadgen-{purpose}." if place is None else f".{purpose}."
        where = Path(tempfile.gettempdir()) if place is None else place
        with contextlib.suppress(OSError):
            for left in where.glob(f"{prefix}*"):
                _remove_if_left(left)
        while True:
            super().__init__(prefix=prefix, dir=place, ignore_cleanup_errors=True)
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


def _remove_if_left(folder: Path) -> None:
    """Only where it is this user's, and the lock of its owner is released. Some file systems have no locks: there it stays."""
    with contextlib.suppress(OSError):
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            return
        lock = _open(folder)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)


def _open(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
