"""What a folder that was made here holds, so that one that was altered, emptied or cut by a power failure is known.

The manifest lies beside the folder, whose own files belong to whoever reads the data.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from harness.json_records import from_json, to_json
from harness.whole_file import replacing


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class _Contents:
    files: tuple[_File, ...]


def write_contents(folder: Path, place: Path) -> None:
    """Notes what a folder holds that is about to become `place`, once it is all on the disk.

    Raises:
        OSError: It cannot be written.
    """
    _flush(folder)
    files = tuple(_File(str(path.relative_to(folder)), path.stat().st_size, _sha256(path)) for path in _files(folder))
    with replacing(_manifest(place)) as file:
        file.write(json.dumps(to_json(_Contents(files))).encode())


def has_contents(place: Path) -> bool:
    """Whether it was noted what a folder holds."""
    return _manifest(place).is_file()


def is_whole(place: Path, *, every_byte: bool) -> bool:
    """Whether there is no `damage`."""
    return not damage(place, every_byte=every_byte)


def damage(place: Path, *, every_byte: bool) -> str:
    """How a folder differs from what was noted of it: its files, each of its size, and with its content what was written since.

    Args:
        place: The folder.
        every_byte: All contents are read; else those of files that are newer than the note.

    Returns:
        The first difference; "" where there is none.
    """
    try:
        noted_ns = _manifest(place).stat().st_mtime_ns
        known = {file.path: file for file in from_json(_Contents, json.loads(_manifest(place).read_bytes())).files}
        found = {str(path.relative_to(place)): path for path in _files(place)}
        if other := sorted(found.keys() ^ known.keys()):
            return f"{place / other[0]} {'is gone' if other[0] in known else 'was added'}"
        for name, path in found.items():
            status = path.stat()
            if status.st_size != known[name].size:
                return f"{path} has {status.st_size:,} bytes, {known[name].size:,} were put there"
            if (every_byte or status.st_mtime_ns > noted_ns) and _sha256(path) != known[name].sha256:
                return f"{path} is not what was put there: its sha256 is another"
    except (OSError, ValueError, RecursionError) as error:
        return f"{place} or what was noted of it cannot be read: {error}"
    return ""


def _manifest(place: Path) -> Path:
    return place.with_name(f".{place.name}.contents.json")


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if not path.is_dir())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(folder: Path) -> None:
    """All of its file system to the disk: one call, where a call for each of a thousand files would take seconds."""
    with contextlib.suppress(OSError, AttributeError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            ctypes.CDLL(None).syncfs(descriptor)
        finally:
            os.close(descriptor)
