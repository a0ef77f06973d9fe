"""Files from outside as they are opened: whoever must know that they stayed what they were hears of each descriptor.

A path can lead elsewhere for the moment in which it is opened; a descriptor is of the file that is read. What is opened for
each sample goes past here: its bytes are hashed as they are read.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import IO

from accuracy.outside.plain_files import open_plain
from accuracy.outside.zip_lists import open_zip

Hear = Callable[[Path, int], None]
"""Called with the path and the descriptor of a file that was opened to be read; from any thread."""
_hearing: list[Hear] = []


@contextmanager
def heard_by(hear: Hear) -> Iterator[None]:
    """Meanwhile it is called for every file that is opened here, in this process."""
    _hearing.append(hear)
    try:
        yield
    finally:
        _hearing.remove(hear)


def open_heard(path: Path) -> BufferedReader:
    """Opens a file to be read.

    Raises:
        OSError: See `open_plain`.
    """
    file = open_plain(path)
    _tell(path, file)
    return file


def open_zip_heard(path: Path) -> zipfile.ZipFile:
    """Opens an archive. Raises: As `open_zip`."""
    archive = open_zip(path)
    if archive.fp is not None:
        _tell(path, archive.fp)
    return archive


def _tell(path: Path, file: IO[bytes]) -> None:
    for hear in tuple(_hearing):
        hear(path, file.fileno())


def read_heard(path: Path) -> bytes:
    """All of a file. Raises: As `open_heard`."""
    with open_heard(path) as file:
        return file.read()
