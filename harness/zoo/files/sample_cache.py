"""The folder in which prepared samples are kept for the next run, and its bound.

Each set of samples has a folder of its own in it, whose time is that of its last use. What must go is renamed away, then
deleted: nobody ever sees half of it, and a run that has it mapped keeps its pages.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

from harness.errors import ConfigError
from harness.units import bytes_text, parse_bytes

LIMIT_VARIABLE = "TFLITE_LOADGEN_SAMPLE_CACHE"
DEFAULT_LIMIT = 10 * 10**9
MAKING = ".making-"
"""How the folder is called in which samples are being written."""
_GOING = ".going-"
_LEAVE_FREE = 100 * 10**6
"""The disk has other uses, of which the run's own logs are one."""


def cache_limit() -> int:
    """Bytes that the prepared samples may take on the disk: what `TFLITE_LOADGEN_SAMPLE_CACHE` says, else 10 GB.

    Raises:
        ConfigError: It is no size.
    """
    text = os.environ.get(LIMIT_VARIABLE)
    try:
        return DEFAULT_LIMIT if not text else parse_bytes(text)
    except ValueError as error:
        raise ConfigError(f"{LIMIT_VARIABLE} {error}; 0 keeps nothing") from None


def kept_bytes(place: Path) -> int:
    """What is kept there now."""
    return sum(size for _, size, _ in _entries(place))


def make_room(place: Path, limit: int, needed: int, in_use: Collection[Path]) -> str | None:
    """Deletes what was used longest ago until there is room, in the cache and on the disk.

    Args:
        place: The folder of all sets of samples.
        limit: Of all of them together, in bytes.
        needed: By the set that is about to be written.
        in_use: Folders that stay: a set of which only a part fits would else push itself out, piece by piece.

    Returns:
        Why there is no room; None if there is.

    Raises:
        OSError: The folder cannot be read.
    """
    _sweep(place)
    entries = _entries(place)
    used = sum(size for _, size, _ in entries)
    free = shutil.disk_usage(place).free - _LEAVE_FREE
    loose = sorted(entry for entry in entries if entry[2] not in in_use)
    spare = sum(size for _, size, _ in loose)
    # Nothing is deleted in vain.
    if used - spare + needed > limit:
        return f"they take {bytes_text(needed)}, and all kept samples may take {bytes_text(limit)} ({LIMIT_VARIABLE})"
    if needed > free + spare:
        return f"they take {bytes_text(needed)}, and the disk has {bytes_text(max(0, free + spare))} for them"
    for _, size, folder in loose:
        if used + needed <= limit and needed <= free:
            break
        discard(folder)
        used, free = used - size, free + size
    return None


def discard(folder: Path) -> None:
    """Takes a folder away; that another process was quicker is no error."""
    aside = Path(tempfile.mkdtemp(prefix=_GOING, dir=folder.parent))
    try:
        with contextlib.suppress(FileNotFoundError):
            folder.rename(aside / folder.name)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def touch(folder: Path) -> None:
    """Notes that it is used; a cache that cannot be written forgets nothing either."""
    with contextlib.suppress(OSError):
        os.utime(folder)


def _entries(place: Path) -> list[tuple[float, int, Path]]:
    """(last use, bytes, folder) of each set of samples that is complete."""
    found = []
    with contextlib.suppress(OSError):
        for folder in place.iterdir():
            with contextlib.suppress(OSError):
                if not folder.name.startswith(".") and folder.is_dir():
                    size = sum(file.stat().st_size for file in folder.iterdir())
                    found.append((folder.stat().st_mtime, size, folder))
    return found


@contextlib.contextmanager
def making(folder: Path) -> Iterator[Path]:
    """A folder in which samples are being written, owned by this process until they are; what is left of it then goes.

    Args:
        folder: What it becomes, by a rename.
    """
    temporary = Path(tempfile.mkdtemp(prefix=MAKING, dir=folder.parent))
    descriptor = os.open(temporary, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield temporary
    finally:
        os.close(descriptor)
        shutil.rmtree(temporary, ignore_errors=True)


def _sweep(place: Path) -> None:
    """Takes away what a killed process has left half done, whose lock is released; what lives is never judged by its age."""
    for folder in [*place.glob(f"{MAKING}*"), *place.glob(f"{_GOING}*")]:
        with contextlib.suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # An empty one may have been made just now.
                if any(folder.iterdir()):
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)
