"""A folder that makes way for another for a while, or a link to it that does, and whether anybody opened what lay there."""

from __future__ import annotations

import ctypes
import os
import shutil
from collections.abc import Callable
from pathlib import Path

_IN_OPEN = 0x20
_EVENT_BYTES = 4096


class Decoy:
    """A folder's double, in which one file is another. Nothing of the folder itself tells afterwards that it was away."""

    def __init__(self, folder: Path, file: Path, other: Callable[[bytes], bytes], *, linked: bool) -> None:
        """Makes the double beside the folder.

        Args:
            folder: That runs are given.
            file: In it.
            other: From the file's contents to the double's.
            linked: The folder becomes a link, which is led elsewhere; else it is moved.
        """
        self._folder, self._linked = folder, linked
        self.double = folder.with_name("double")
        """Where it lies first."""
        self._aside = folder.with_name("aside")
        shutil.copytree(folder, self.double, symlinks=True)
        other_file = self.double / file.relative_to(folder)
        other_file.write_bytes(other(file.read_bytes()))
        if linked:
            folder.rename(self._aside)
            folder.symlink_to(self._aside)
        libc = ctypes.CDLL(None)
        self._heard = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        libc.inotify_add_watch(self._heard, os.fsencode(other_file), _IN_OPEN)

    def put(self) -> None:
        """From now on it lies in the folder's place."""
        self._lead_to(self.double) if self._linked else self._change_places(self._aside, self.double)

    def take_away(self) -> None:
        """From now on the folder lies there again."""
        self._lead_to(self._aside) if self._linked else self._change_places(self.double, self._aside)

    def was_opened(self) -> bool:
        """Whether anybody opened the other file. Asked once."""
        try:
            return bool(os.read(self._heard, _EVENT_BYTES))
        except BlockingIOError:
            return False
        finally:
            os.close(self._heard)

    def _lead_to(self, target: Path) -> None:
        link = self._folder.with_name("link")
        link.symlink_to(target)
        link.replace(self._folder)

    def _change_places(self, to: Path, new: Path) -> None:
        self._folder.rename(to)
        new.rename(self._folder)
