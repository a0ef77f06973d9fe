"""Reads TFRecord files of tf.train.Example without TensorFlow.

A TFRecord is a row of frames: length (uint64), masked CRC-32C of the length (uint32), data, masked CRC-32C of the data,
all little-endian (tensorflow/core/lib/io/record_writer.h). The whole file may be one zlib or gzip stream around the
frames, as in MLPerf's SQuAD files. Every checksum is verified; a record is parsed only when it is asked for.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from functools import cache
from mmap import mmap
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from accuracy.errors import TruthError
from accuracy.outside.opening import read_heard

Array = npt.NDArray[Any]

_CHUNK_BYTES = 1 << 12
_MAX_BYTES = 1 << 31
_ALWAYS_BYTES, _MOST_TIMES = 1 << 26, 30
"""What may be unpacked: text comes to some five times its packed size, zeros alone to a thousand times."""
_PART_BYTES = 1 << 24
_MAX_RECORD_BYTES = 1 << 22
_CRC_BATCH_RECORDS = 1024
_PIECE_BYTES = 512
_CRC_BATCH_BYTES = 1 << 24
_POLYNOMIAL = 0x82F63B78
_FRAME_BYTES = 16


class RecordError(TruthError):
    """A record file that is absent, cut or corrupt; the message names the file and the record, counted from 0."""


class Records(Sequence[bytes]):
    """The records of one TFRecord file, in file order. The unpacked file is held in memory."""

    def __init__(self, path: Path) -> None:
        """Unpacks the file, finds every record and verifies its checksums.

        Raises:
            RecordError: The file is absent, no TFRecord, empty, cut or corrupt.
        """
        self.path = path
        try:
            packed = read_heard(path)
        except OSError as error:
            raise RecordError(f"{path} cannot be read: {error.strerror}") from None
        self._data, damage = (packed, None) if _opens_with_frame(packed) else _unpack(path, packed)
        self._starts, self._lengths = _frames(path, self._data, damage)
        _verify(path, self._data, self._starts, self._lengths)

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> list[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | list[bytes]:
        """The data of one record, or of several."""
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        start = self._starts[index]
        return self._data[start : start + self._lengths[index]]

    def name(self, index: int) -> str:
        """The record as error messages call it."""
        return f"{self.path}, record {index}"


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli) of `data`, plain, not masked; RFC 3720 appendix B.4 has test vectors."""
    state = 0xFFFFFFFF
    for byte in data:
        state = _BYTE_TABLE_LIST[(state ^ byte) & 0xFF] ^ (state >> 8)
    return state ^ 0xFFFFFFFF


def masked(crc: int) -> int:
    """The form in which TFRecord stores a CRC: rotated right by 15 bits, plus a constant."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def crc32c_of_slices(data: bytes | mmap, starts: Sequence[int], lengths: Sequence[int]) -> Array:
    """CRC-32C of many slices of one buffer at once, uint32.

    Slices advance side by side, two bytes a step. A zero state stays zero over zero bytes, so that slices are aligned
    to the right and padded on the left; the initial state is the complement of the first four bytes.
    """
    result = np.empty(len(starts), np.uint32)
    remaining = np.argsort(lengths, kind="stable")
    while remaining.size:
        width = (lengths[remaining[-1]] + 1) // 2 * 2
        count = min(_CRC_BATCH_RECORDS, max(1, _CRC_BATCH_BYTES // max(width, 1)))
        remaining, batch = remaining[:-count], remaining[-count:]
        result[batch] = _crc32c_side_by_side(data, [(starts[at], lengths[at]) for at in batch], width)
    return result


def crc32c_of_long(data: bytes) -> int:
    """`crc32c` of a long buffer, quickly: some 2 ms for 100 KB."""
    return crc32c_of_long_slices(data, [0], [len(data)])[0]


def crc32c_of_long_slices(data: bytes | mmap, starts: Sequence[int], lengths: Sequence[int]) -> list[int]:
    """CRC-32C of long slices of one buffer; many at once take a fraction of the time that each takes alone.

    The checksums of short pieces are computed side by side and joined: that of two pieces is that of the first, led over
    as many zeros as the second is long, XOR that of the second (zlib's crc32_combine).
    """
    heads = [length % _PIECE_BYTES for length in lengths]
    places = [
        range(start + head, start + length, _PIECE_BYTES)
        for start, length, head in zip(starts, lengths, heads, strict=True)
    ]
    pieces = [*starts, *(place for row in places for place in row)]
    sizes = [*heads, *[_PIECE_BYTES] * (len(pieces) - len(heads))]
    crcs = crc32c_of_slices(data, pieces, sizes).tolist()
    joined: list[int] = crcs[: len(heads)]
    rest = iter(crcs[len(heads) :])
    lowest, low, high, highest = _over_zeros()
    for number, row in enumerate(places):
        crc = joined[number]
        for _ in row:
            crc = lowest[crc & 255] ^ low[crc >> 8 & 255] ^ high[crc >> 16 & 255] ^ highest[crc >> 24] ^ next(rest)
        joined[number] = crc
    return joined


@cache
def _over_zeros() -> list[list[int]]:
    """What each byte of a checksum, lowest first, becomes over as many zeros as a piece is long."""
    bits = np.uint32(1) << np.arange(32, dtype=np.uint32)
    for _ in range(_PIECE_BYTES):
        bits = _BYTE_TABLE[bits & 0xFF] ^ (bits >> 8)
    values = np.arange(256)[:, None]
    tables = [np.where(values >> np.arange(8) & 1, bits[at : at + 8], 0) for at in range(0, 32, 8)]
    return [np.bitwise_xor.reduce(table, axis=1).tolist() for table in tables]


def _crc32c_side_by_side(data: bytes | mmap, slices: Sequence[tuple[int, int]], width: int) -> Array:
    block = np.zeros((len(slices), width), np.uint8)
    for row, (start, length) in zip(block, slices, strict=True):
        if length >= 4:
            row[width - length :] = np.frombuffer(data, np.uint8, length, start)
            row[width - length : width - length + 4] ^= 0xFF
    state = np.zeros(len(slices), np.uint32)
    for column in np.ascontiguousarray(block.view("<u2").T):
        state = _PAIR_TABLE[(state ^ column) & 0xFFFF] ^ (state >> 16)
    crcs: Array = ~state
    for at, (start, length) in enumerate(slices):
        if length < 4:  # too short to take the initial state in
            crcs[at] = crc32c(data[start : start + length])
    return crcs


def _tables() -> tuple[Array, Array]:
    state = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        state = np.where(state & 1, (state >> 1) ^ np.uint32(_POLYNOMIAL), state >> 1)
    one = state
    pair = np.arange(65536, dtype=np.uint32)
    for _ in range(2):
        pair = one[pair & 0xFF] ^ (pair >> 8)
    return one, pair


_BYTE_TABLE, _PAIR_TABLE = _tables()
_BYTE_TABLE_LIST: list[int] = _BYTE_TABLE.tolist()


def _opens_with_frame(data: bytes) -> bool:
    """Whether the bytes start with a frame; asked first, because a length of 376 looks like a zlib header."""
    return len(data) >= 12 and masked(crc32c(data[:8])) == struct.unpack_from("<I", data, 8)[0]


def _unpack(path: Path, packed: bytes) -> tuple[bytes, str | None]:
    """What can be unpacked of a zlib or gzip stream, and what is wrong with the rest, if anything."""
    is_gzip = packed[:2] == b"\x1f\x8b"
    is_zlib = len(packed) >= 2 and packed[0] & 0x0F == 8 and int.from_bytes(packed[:2], "big") % 31 == 0
    if not packed:
        raise RecordError(f"{path} is empty")
    if not (is_gzip or is_zlib):
        raise RecordError(f"{path} is no TFRecord, neither plain nor packed with zlib or gzip (opens {packed[:8]!r})")
    parts: list[bytes] = []
    total, limit = 0, min(_MAX_BYTES, _ALWAYS_BYTES + _MOST_TIMES * len(packed))
    stream = zlib.decompressobj(wbits=47)
    try:
        for at in range(0, len(packed), _CHUNK_BYTES):
            piece = packed[at : at + _CHUNK_BYTES]
            more = True
            while more:
                if stream.eof:  # a gzip file may hold several members
                    stream = zlib.decompressobj(wbits=47)
                parts.append(stream.decompress(piece, _PART_BYTES))
                piece = stream.unused_data if stream.eof else stream.unconsumed_tail
                # What has been taken in may still have more to give.
                more = bool(piece) or len(parts[-1]) == _PART_BYTES
                total += len(parts[-1])
                if total > limit:
                    raise RecordError(
                        f"{path} has {len(packed):,} bytes and unpacks to more than {limit:,}, the limit for a file of its "
                        "size: that is no data set. If it is one of yours, unpack it and name the unpacked file"
                    )
    except zlib.error as error:
        return b"".join(parts), f"the packed data is corrupt ({error})"
    return b"".join(parts), None if stream.eof else "the file is cut in the middle of the packed data"


def _frames(path: Path, data: bytes, damage: str | None) -> tuple[list[int], list[int]]:
    """Where every record's data starts, and its length."""
    starts: list[int] = []
    lengths: list[int] = []
    at, end = 0, len(data)
    while at < end:
        where = f"{path}, record {len(starts)}"
        if end - at < 12:
            raise RecordError(f"{where} is cut: {damage or f'{end - at} bytes are left, too few for a length'}")
        length, length_crc = struct.unpack_from("<QI", data, at)
        if masked(crc32c(data[at : at + 8])) != length_crc:
            raise RecordError(f"{where} is corrupt: its length ({length}) does not match its checksum")
        if length > _MAX_RECORD_BYTES:
            raise RecordError(f"{where} is {length} bytes long; at most {_MAX_RECORD_BYTES} are read")
        if length > end - at - _FRAME_BYTES:
            left = f"{length} bytes are announced and {end - at - 12} left"
            raise RecordError(f"{where} is cut: {damage or left}")
        starts.append(at + 12)
        lengths.append(length)
        at += length + _FRAME_BYTES
    if damage:
        raise RecordError(f"{path}, after record {len(starts) - 1}: {damage}")
    if not starts:
        raise RecordError(f"{path} holds no record")
    return starts, lengths


def _verify(path: Path, data: bytes, starts: list[int], lengths: list[int]) -> None:
    crcs = crc32c_of_slices(data, starts, lengths).astype(np.uint64)
    found = ((crcs >> 15 | crcs << 17) + 0xA282EAD8) & 0xFFFFFFFF
    ends = np.asarray(starts) + np.asarray(lengths)
    stored = np.fromiter((struct.unpack_from("<I", data, end)[0] for end in ends), np.uint64, len(starts))
    wrong = np.flatnonzero(found != stored)
    if wrong.size:
        raise RecordError(f"{path}, record {wrong[0]} is corrupt: its data does not match its checksum")
