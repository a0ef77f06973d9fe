"""Archives from elsewhere, unpacked by code that trusts nothing in them.

Only plain files come out, under the folder named and nowhere else: no absolute path, no `..`, no link, no device; not
more files nor bytes than the limits, whatever the archive's headers say.
"""

from __future__ import annotations

import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Self

from accuracy.outside.zip_lists import MOST_FILES, ListTooLong, open_zip
from harness.errors import ConfigError
from harness.zoo.files.tar_headers import more_headers_than

_BLOCK = 1 << 20
_NOTE_BYTES = 1 << 20
_NOTES = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
_CORRUPT = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,  # NotImplementedError too: a compression nobody has
    ValueError,
    LookupError,
    ArithmeticError,
    TypeError,
    MemoryError,
    struct.error,
)
"""What the standard library raises over archives that are cut, corrupt or made by an enemy."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may hold."""

    files: int = MOST_FILES
    """Folders among them, since each takes its time."""
    file_bytes: int = 1 << 30
    total_bytes: int = 16 << 30


class ArchiveRefused(ConfigError):  # noqa: N818 - reads as the sentence it stands in
    """An archive that is corrupt, or does what no archive should: exit status 2."""


def unpack(archive: Path, place: Callable[[PurePosixPath], Path | None], limits: Limits | None = None) -> list[Path]:
    """Takes files out of a zip or tar archive.

    Args:
        archive: The file; tar may be compressed.
        place: Where a member goes, or None to leave it. It is asked for safe paths only.
        limits: What is refused.

    Returns:
        The files written, in the archive's order.

    Raises:
        ArchiveRefused: A hostile or corrupt archive. What was written before stays: unpack into a folder of its own.
        OSError: A file cannot be written.
    """
    limits, written, total = limits or Limits(), [], 0
    for name, size, source in _members(archive, limits.files):
        path = _safe(archive, name)
        target = place(path)
        if target is None:
            continue
        if size > limits.file_bytes or total + size > limits.total_bytes:
            raise ArchiveRefused(f"{archive}: {name} would unpack to {size:,} bytes, more than the limit")
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() or target.is_symlink():
            raise ArchiveRefused(f"{archive} holds two files for {target.name}")
        total += _copy(archive, name, source, target, min(limits.file_bytes, limits.total_bytes - total))
        written.append(target)
    return written


def _safe(archive: Path, name: str) -> PurePosixPath:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in (path.parts or ("",))[0] or "\0" in name:
        raise ArchiveRefused(f"{archive} holds a path that leads out of it: {name!r}")
    return path


def _copy(archive: Path, name: str, source: Callable[[], IO[bytes]], target: Path, limit: int) -> int:
    """Headers may lie about sizes: what comes is counted."""
    size = 0
    try:
        with _opened(archive, name, source) as file, target.open("xb") as out:
            while block := _read(archive, name, file):
                size += len(block)
                if size > limit:
                    raise ArchiveRefused(f"{archive}: {name} unpacks to more than the limit of {limit:,} bytes")
                out.write(block)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return size


def _opened(archive: Path, name: str, source: Callable[[], IO[bytes]]) -> IO[bytes]:
    try:
        return source()
    except _CORRUPT as error:
        raise ArchiveRefused(f"{archive}: {name} is corrupt: {error}") from None


def _read(archive: Path, name: str, file: IO[bytes]) -> bytes:
    try:
        return file.read(_BLOCK)
    except _CORRUPT as error:
        raise ArchiveRefused(f"{archive}: {name} is corrupt: {error}") from None


def _members(archive: Path, most: int) -> Iterator[tuple[str, int, Callable[[], IO[bytes]]]]:
    """(path, size as announced, opener) of every plain file; links and devices are refused."""
    try:
        if zipfile.is_zipfile(archive):
            yield from _zip_members(archive, most)
        else:
            yield from _tar_members(archive, most)
    except ListTooLong as error:
        raise ArchiveRefused(f"{archive}: {error}") from None
    except _CORRUPT as error:
        raise ArchiveRefused(f"{archive} is corrupt: {error}") from None


def _zip_members(archive: Path, most: int) -> Iterator[tuple[str, int, Callable[[], IO[bytes]]]]:
    with open_zip(archive, most) as file:
        for info in file.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if info.is_dir():
                continue
            if kind not in (0, stat.S_IFREG):
                raise ArchiveRefused(f"{archive} holds a link or a device: {info.filename!r}")
            if info.flag_bits & 1:
                raise ArchiveRefused(f"{archive}: {info.filename!r} is encrypted")
            yield info.filename, info.file_size, lambda info=info: file.open(info)  # type: ignore[misc]


def _tar_members(archive: Path, most: int) -> Iterator[tuple[str, int, Callable[[], IO[bytes]]]]:
    if more_headers_than(archive, most):
        raise _too_many(archive, most)
    try:
        # Not is_tarfile: it would read the first header, however long, before we can look at it.
        opened = tarfile.open(archive, tarinfo=_header_of(archive))  # noqa: SIM115 - closed below
    except tarfile.ReadError:
        raise ArchiveRefused(f"{archive} is neither a zip nor a tar archive") from None
    with opened as file:
        for count, info in enumerate(file):
            if count >= most:
                raise _too_many(archive, most)
            if info.isdir():
                continue
            if not info.isreg():
                raise ArchiveRefused(f"{archive} holds a link or a device: {info.name!r}")
            yield info.name, info.size, lambda info=info: _tar_file(file, info)  # type: ignore[misc]


def _too_many(archive: Path, most: int) -> ArchiveRefused:
    return ArchiveRefused(f"{archive}: it holds more files than the limit of {most:,}")


def _header_of(archive: Path) -> type[tarfile.TarInfo]:
    """A member's header, refused where it announces long names or notes: they are read into memory before anything is known."""

    class Header(tarfile.TarInfo):
        @classmethod
        def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
            found = super().frombuf(buf, encoding, errors)
            if found.type in _NOTES and found.size > _NOTE_BYTES:
                raise ArchiveRefused(
                    f"{archive}: a header takes {found.size:,} bytes, more than the limit of {_NOTE_BYTES:,} for notes"
                )
            if found.type == tarfile.GNUTYPE_SPARSE:
                raise ArchiveRefused(f"{archive} holds a file with holes, {found.name!r}: pack it without --sparse")
            return found

    return Header


def _tar_file(file: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    source = file.extractfile(info)
    if source is None:  # asked of plain files only
        raise ArchiveRefused(f"{info.name!r} is no plain file")
    return source
