"""Text files as people have them, read in one way everywhere: UTF-8, with a byte order mark or without, with any line ends."""

from __future__ import annotations

import codecs
from pathlib import Path

from accuracy.outside.opening import read_heard

_WIDE = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
"""Byte order marks of what Windows calls Unicode; the longer ones first, since they begin like the others."""


class NotText(ValueError):  # noqa: N818 - reads as the sentence it stands in
    """Bytes that are no text in UTF-8; the message says what they are, without the file's name, and what to do."""


def read_text(path: Path) -> str:
    r"""A whole file: no byte order mark, and every line ends in `\n`, whatever system wrote it.

    Raises:
        OSError: It cannot be read.
        NotText: It is in another encoding, or no text.
    """
    return decode_text(read_heard(path))


def decode_text(data: bytes) -> str:
    """As `read_text`, for bytes that have been read.

    Raises:
        NotText: They are in another encoding, or no text.
    """
    for mark, name in _WIDE.items():
        if data.startswith(mark):
            raise NotText(f"it is in {name}, which Windows calls Unicode: save it as UTF-8")
    data = data.removeprefix(codecs.BOM_UTF8)
    if b"\0" in data:
        raise NotText(f"it is not text: byte {data.index(0)} is 0 (text in UTF-16 has such bytes; save it as UTF-8)")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise NotText(
            f"it is not text in UTF-8: byte {error.start} is {data[error.start]:#04x}. Text of an older Windows must be "
            "saved as UTF-8"
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def lines_of(text: str) -> list[str]:
    r"""The lines of a text that `read_text` gave; the end of the last one begins no other.

    Only `\n` ends a line: `str.splitlines` also parts at characters that stand in names and vocabularies (U+0085, U+2028).
    """
    lines = text.split("\n")
    return lines[:-1] if not lines[-1] else lines
