"""PNG files that end too soon.

Pillow leaves the rows black that a stream of pixels does not reach, and says nothing; libpng, and so TensorFlow's decoder,
refuses them.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHUNK = struct.Struct(">I4s")
_CHECKSUM = 4
_HEADER = struct.Struct(">IIBBBBB")  # width, height, bit depth, colour type, compression, filter, interlace
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""By colour type."""
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Of an interlaced picture: the first column and row, and how far it is to the next."""
_PIECE = 1 << 20
"""Bytes that are unpacked at once."""


class _Chunk(NamedTuple):
    """Where a chunk's content lies; `end` may lie behind the file's end."""

    kind: bytes
    start: int
    end: int


def cut_short(data: bytes) -> str | None:
    """That one of a PNG's chunks ends behind the file's end, in words; None where none does."""
    *_, last = (None, *_chunks(data))
    if last is None or last.kind == b"IEND" or last.end + _CHECKSUM <= len(data):
        return None
    return f"it is cut short at {len(data):,} bytes"


def ends_too_soon(data: bytes) -> str | None:
    """What is missing of a PNG's pixels, in words; None where it is whole, or damaged in a way that a decoder finds."""
    if not data.startswith(_SIGNATURE):
        return None
    if cut := cut_short(data):
        return cut
    chunks = list(_chunks(data))
    header = next((data[each.start : each.end] for each in chunks if each.kind == b"IHDR"), b"")
    if len(header) != _HEADER.size:
        return None
    width, height, depth, colour, _, _, interlaced = _HEADER.unpack(header)
    wanted = _bytes_of_pixels(width, height, depth * _CHANNELS.get(colour, 0), interlaced=bool(interlaced))
    found = _unpacked(b"".join(data[each.start : each.end] for each in chunks if each.kind == b"IDAT"), wanted)
    if found is None or found >= wanted:
        return None
    return f"it ends too soon: {width}x{height} pixels are {wanted:,} bytes, but it holds {found:,}"


def _chunks(data: bytes) -> Iterator[_Chunk]:
    """Each, up to the last that there is: IEND, or the one that the file cuts."""
    end = len(_SIGNATURE) - _CHECKSUM
    while (at := end + _CHECKSUM) < len(data):
        length, kind = _CHUNK.unpack_from(data, at) if at + _CHUNK.size <= len(data) else (len(data), b"")
        start = at + _CHUNK.size
        end = start + length
        yield _Chunk(kind, start, end)
        if kind == b"IEND":
            return


def _bytes_of_pixels(width: int, height: int, bits: int, *, interlaced: bool) -> int:
    """Unpacked; each row has a byte for its filter."""
    passes = _PASSES if interlaced else ((0, 0, 1, 1),)
    total = 0
    for left, top, right, down in passes:
        columns, rows = -((left - width) // right), -((top - height) // down)
        if columns > 0:
            total += max(0, rows) * (1 + (columns * bits + 7) // 8)
    return total


def _unpacked(packed: bytes, most: int) -> int | None:
    """How many bytes come out, counted up to `most`; None where they cannot be unpacked."""
    stream, found = zlib.decompressobj(), 0
    try:
        while found < most:
            piece = stream.decompress(packed, _PIECE)
            if not piece:
                break
            found += len(piece)
            packed = stream.unconsumed_tail
    except zlib.error:
        return None
    return found
