"""A file that is another for a while, and then again what it was."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path


def other(data: bytes) -> bytes:
    """As good a file: only what it means is another."""
    at = len(data) // 2
    return data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]


class Double:
    """A folder with one file that is another, to lie in a folder's place for a while: nothing tells of it afterwards."""

    def __init__(self, file: Path, change: Callable[[bytes], bytes] = other) -> None:
        self._folder = file.parent
        self._double, self._aside = self._folder.with_name("double"), self._folder.with_name("aside")
        shutil.copytree(self._folder, self._double)
        (self._double / file.name).write_bytes(change(file.read_bytes()))

    def put(self) -> None:
        self._folder.rename(self._aside)
        self._double.rename(self._folder)

    def take_away(self) -> None:
        self._folder.rename(self._double)
        self._aside.rename(self._folder)
