"""What a path leads to while it is opened: the very file that was hashed, or none.

A folder above a file, or a link to it, can lead elsewhere for a moment, and nothing of the file tells of it afterwards. So
whoever hashes a file keeps which one it was (`OpenedFile`), and hands that on to each process that opens it (`hold`). There
the state of every descriptor is held against it before anything is read, and the runtime is given the descriptor's own name
instead of the path. A library must be loaded by its path, by which it finds others: what is mapped is held against the
descriptor then (`refuse_other_mapping`).
"""

from __future__ import annotations

import hashlib
import mmap
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

import numpy as np


class FileChanged(Exception):  # noqa: N818 - the name is part of the contract
    """A file that a run holds is another one now. The run is worth nothing: exit status 3."""

    exit_status = 3

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path} changed during the run: {why}. Leave it alone while a run lasts, and run once more")


@dataclass(frozen=True, slots=True)
class FileState:
    """Which file, and as it was last changed. The last of these the kernel sets, and nobody else."""

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int

    @classmethod
    def of(cls, found: os.stat_result) -> FileState:
        """As the system tells it."""
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A file that was opened once and hashed."""

    path: Path
    state: FileState
    """Before its first byte was read."""
    sha256: str

    @classmethod
    def of(cls, path: Path) -> OpenedFile:
        """Opens and hashes it.

        Raises:
            OSError: It cannot be read.
        """
        with path.open("rb") as file:
            return cls.read(path, file)

    @classmethod
    def read(cls, path: Path, file: BufferedReader) -> OpenedFile:
        """As `of`, of a file that is open at its beginning, where it is left."""
        state = FileState.of(os.fstat(file.fileno()))
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        return cls(path, state, sha256)


_held: dict[Path, OpenedFile] = {}
"""Of this process."""
_meanwhile: ContextVar[dict[Path, OpenedFile] | None] = ContextVar("held meanwhile", default=None)
"""Of this thread alone, with what the process held when that began: two threads may open models of their own."""


def hold(files: Iterable[OpenedFile]) -> None:
    """From now on this process opens these paths only where they lead to these files, or to others with the same contents."""
    _in_force().update({file.path: file for file in files})


def held() -> tuple[OpenedFile, ...]:
    """What this process holds, for a process that it starts."""
    return tuple(_in_force().values())


@contextmanager
def held_meanwhile() -> Iterator[None]:
    """What this thread holds from here on is let go in the end: the process lives on, and its user may write the file anew."""
    token = _meanwhile.set(dict(_in_force()))
    try:
        yield
    finally:
        _meanwhile.reset(token)


def _in_force() -> dict[Path, OpenedFile]:
    meanwhile = _meanwhile.get()
    return _held if meanwhile is None else meanwhile


@contextmanager
def opened(path: Path) -> Iterator[BufferedReader]:
    """Opens a file to be read; what is held is proven first.

    Raises:
        OSError: It cannot be read.
        FileChanged: It is held, and another file lies there now, or none.
    """
    known = (in_force := _in_force()).get(path)
    try:
        file = path.open("rb")
    except OSError as error:
        if known is not None:
            raise FileChanged(path, f"it cannot be opened any more ({error.strerror})") from None
        raise
    with file:
        if known is not None and FileState.of(os.fstat(file.fileno())) != known.state:
            # Of the cache another process may have made it anew, the same.
            found = OpenedFile.read(path, file)
            if found.sha256 != known.sha256:
                why = (
                    f"what is opened there is not what was hashed (its sha256 is {found.sha256}, it was {known.sha256})"
                )
                raise FileChanged(path, why)
            in_force[path] = found
        yield file


def bytes_of(path: Path) -> bytes:
    """All of a file. Raises: See `opened`."""
    with opened(path) as file:
        return file.read()


def name_of(file: BufferedReader, path: Path) -> str:
    """By which a runtime opens an open file once more, wherever its path leads by then."""
    return f"/proc/self/fd/{file.fileno()}" if sys.platform == "linux" else str(path)


def refuse_other_mapping(path: Path, file: BufferedReader, address: int) -> None:
    """Holds what lies in memory against an open file; on Linux.

    Args:
        path: Under which it was loaded.
        file: The one that should have been.
        address: Of something that was loaded.

    Raises:
        FileChanged: It is of another file.
    """
    # Some file systems show other numbers for what is mapped than for what is open: mappings are held against each other.
    with mmap.mmap(file.fileno(), 1, access=mmap.ACCESS_READ) as own:
        bytes_of_it = np.frombuffer(own, np.uint8)
        ours, loaded = _mapped_file(bytes_of_it.ctypes.data), _mapped_file(address)
        del bytes_of_it
    if ours != loaded:
        raise FileChanged(path, "what was loaded from there is another file than the one that was opened")


def _mapped_file(address: int) -> str:
    """Device and inode of what is mapped there."""
    with Path("/proc/self/maps").open(encoding="utf-8", errors="replace") as maps:
        for line in maps:
            span, _, _, device, inode, *_ = line.split(maxsplit=5)
            start, end = (int(each, 16) for each in span.split("-"))
            if start <= address < end:
                return f"{device} {inode}"
    return ""
