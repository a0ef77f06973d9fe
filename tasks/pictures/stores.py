"""Where the bytes of pictures lie, and how one is read: single files of a folder, members of a zip archive."""

from __future__ import annotations

import threading
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Protocol

from accuracy.outside.opening import open_zip_heard
from tasks.base import DataMissing
from tasks.pictures.listing import ArchivePlace, FolderPlace, Listing, list_samples

OPENING_BYTES = 1 << 16
"""So much of a picture tells its size, but for the few with a long preface."""
_MAX_FILE_BYTES = 512 << 20


class Stored(NamedTuple):
    """One sample as it was read."""

    picture: bytes
    whole: bytes
    """All that is stored of it: the picture, and what lies in one record or row with it."""


class PictureStore(Protocol):
    """Where the bytes lie."""

    def read(self, key: str) -> Stored:
        """One sample; raises OSError or ValueError where it cannot be read."""

    def opening(self, key: str) -> bytes:
        """The picture's first bytes, which may be all of them, not held against a checksum; raises as `read`."""

    def size(self, key: str) -> int | None:
        """Of all that is stored of it, in bytes; None where only reading tells. Raises OSError where it is gone."""

    def stamp(self, key: str) -> str:
        """Tells one state of the file from another without reading it."""


@dataclass(frozen=True, slots=True)
class FolderStore:
    """Files in a folder; a key is the file's path within it."""

    path: Path

    def read(self, key: str) -> Stored:
        """As `Store.read`."""
        data = (self.path / key).read_bytes()
        return Stored(data, data)

    def opening(self, key: str) -> bytes:
        """As `Store.opening`."""
        with (self.path / key).open("rb") as file:
            return file.read(OPENING_BYTES)

    def size(self, key: str) -> int:
        """As `Store.size`."""
        return (self.path / key).stat().st_size

    def stamp(self, key: str) -> str:
        """As `Store.stamp`."""
        stat = (self.path / key).stat()
        # Copying tools set a file's time back, but nothing sets back when its entry changed.
        return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_ino}"


class ArchiveStore:
    """A zip archive, read in place. ZipFile counts its open members without a lock, hence ours."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._lock = threading.Lock()
        self._path = path

    def read(self, key: str) -> Stored:
        """As `Store.read`."""
        info = self._readable(key)
        with self._lock:
            data = self._archive.read(info)
        return Stored(data, data)

    def opening(self, key: str) -> bytes:
        """As `Store.opening`."""
        with self._lock, self._archive.open(self._readable(key)) as file:
            return file.read(OPENING_BYTES)

    def _readable(self, key: str) -> zipfile.ZipInfo:
        info = self._archive.getinfo(key)
        if info.flag_bits & 1:
            raise OSError("it is encrypted: unpack the archive and name the folder instead")
        if info.file_size > _MAX_FILE_BYTES:
            raise OSError(f"it unpacks to {info.file_size} bytes, which no picture needs")
        return info

    def size(self, key: str) -> int:
        """As `Store.size`."""
        return self._archive.getinfo(key).file_size

    def stamp(self, key: str) -> str:
        """As `Store.stamp`."""
        info = self._archive.getinfo(key)
        return f"{info.file_size} {info.CRC:08x}"


def list_stored(path: Path, suffixes: Sequence[str], *, by_class: bool, what: str) -> tuple[Listing, PictureStore]:
    """The samples of a folder or archive, and what reads them.

    Raises:
        DataMissing: Neither of them, or one that cannot be listed.
    """
    if path.is_dir():
        try:
            listing = list_samples(FolderPlace(path), suffixes, by_class=by_class, what=what)
            broken = next((key for key in listing.keys.values() if not (path / key).is_file()), None)
        except OSError as error:
            raise DataMissing(f"the {what} in {path} cannot be listed: {reason(error)}") from None
        if broken is not None:
            raise DataMissing(f"{path / broken} is no file: a link to nothing, or a device. Mend or remove it")
        return listing, FolderStore(path)
    try:
        archive = open_zip_heard(path)
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise DataMissing(f"{path} is neither a folder nor a zip archive that can be read: {reason(error)}") from None
    place = ArchivePlace(path, archive, suffixes)
    listing = list_samples(place, suffixes, by_class=by_class, what=what)
    return replace(listing, keys={name: place.key_of[key] for name, key in listing.keys.items()}), ArchiveStore(
        path, archive
    )


def reason(error: Exception) -> str:
    """What an error says, for a message that names the file itself."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
