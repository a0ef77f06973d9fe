"""The list of files at the end of a zip, looked at before it is read: `zipfile` makes a record of every line of it first."""

from __future__ import annotations

import io
import os
import struct
import zipfile
from pathlib import Path
from typing import IO

from accuracy.outside.plain_files import open_plain

MOST_FILES = 200_000
"""In any archive: more than the largest data set that is scored has pictures."""
_END, _END_64, _AT_END_64, _LINE = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"PK\x01\x02"
_END_BYTES, _END_64_BYTES, _AT_END_64_BYTES = 22, 56, 20
_COMMENT_BYTES = 1 << 16
_LINE_BYTES = 1000
"""That a file's line takes at most, all in all: its path, its times, a comment."""


class ListTooLong(zipfile.BadZipFile):
    """It says how long the list is, and what the limit is."""


def open_zip(source: Path | bytes, most: int = MOST_FILES) -> zipfile.ZipFile:
    """Opens an archive from elsewhere, unless it lists more files than anybody needs.

    Args:
        source: The file, or its bytes.
        most: Files, folders among them.

    Raises:
        ListTooLong: It does.
        zipfile.BadZipFile, OSError: As `zipfile.ZipFile`.
    """
    with io.BytesIO(source) if isinstance(source, bytes) else open_plain(source) as file:
        _refuse_long_list(file, most)
    return zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source)


def _refuse_long_list(file: IO[bytes], most: int) -> None:
    """What the archive says of the number is not believed: the lines are counted, as `zipfile` reads them."""
    size, end = _span(file)
    if size > most * _LINE_BYTES:
        raise ListTooLong(f"its list of files takes {size:,} bytes, more than the limit of {most * _LINE_BYTES:,}")
    file.seek(max(0, end - size))
    found = file.read(size).count(_LINE)
    if found > most:
        raise ListTooLong(f"it holds {found:,} files, more than the limit of {most:,}")


def _span(file: IO[bytes]) -> tuple[int, int]:
    """The size of the list and where it ends; the size is 0 where there is none."""
    whole = file.seek(0, os.SEEK_END)
    before = max(0, whole - _END_BYTES - _COMMENT_BYTES)
    file.seek(before)
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_BYTES:
        return 0, 0
    (size,) = struct.unpack_from("<L", tail, at + 12)
    end = before + at
    pointer = end - _AT_END_64_BYTES
    if pointer >= _END_64_BYTES:
        file.seek(pointer)
        if file.read(4) == _AT_END_64:
            # zipfile looks for it here, whatever the pointer says.
            file.seek(pointer - _END_64_BYTES)
            record = file.read(_END_64_BYTES)
            if record.startswith(_END_64):
                (size,) = struct.unpack_from("<Q", record, 40)
                end = pointer - _END_64_BYTES
    return min(size, end), end
