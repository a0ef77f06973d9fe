"""TFRecord files that are too large to hold: their records are found at once, and each is read when it is asked for.

For sets of pictures (ImageNet's validation set is 6.5 GB of records). A file that is packed with zlib or gzip can't be read
in the middle and is held in memory (`accuracy.records.tfrecord`).
"""

from __future__ import annotations

import mmap
import struct
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from accuracy.outside.border import reads
from accuracy.outside.opening import open_heard
from accuracy.records.example import Example
from accuracy.records.tfrecord import RecordError, Records, crc32c, crc32c_of_long, crc32c_of_long_slices, masked

_HEAD_BYTES, _TAIL_BYTES = 12, 4
_BATCH_BYTES = 1 << 24
"""Of records that are verified at once."""


class RecordFile(ABC):
    """The records of one file, in file order. Safe to read from several threads."""

    path: Path

    @staticmethod
    @reads(RecordError)
    def open(path: Path) -> RecordFile:
        """Finds the records and verifies the checksums of their lengths; those of the data wait until they are read.

        Raises:
            RecordError: The file is absent, no TFRecord, empty, cut or corrupt.
        """
        try:
            with open_heard(path) as file:
                if _opens_with_frame(file.read(_HEAD_BYTES)):
                    return _Plain(path, file)
        except OSError as error:
            raise RecordError(f"{path} cannot be read: {error.strerror}") from None
        return _Packed(path)

    @abstractmethod
    def __len__(self) -> int:
        """Number of records."""

    @abstractmethod
    def examples(self) -> Iterator[Example]:
        """Every record, parsed as far as it is asked: small features are read without the large ones beside them.

        An example may be used until the next one is asked for. Raises RecordError for one that is no tf.train.Example.
        """

    @abstractmethod
    def first_corrupt(self, indices: Sequence[int]) -> int | None:
        """The first of these records whose data does not match its checksum: for truth taken from `examples`.

        Many at once take a fraction of the time that `read` takes for each.

        Raises:
            RecordError: The file is gone, or was cut.
        """

    @abstractmethod
    def read(self, index: int) -> Example:
        """One record, its checksum verified.

        Raises:
            RecordError: The file is gone or was cut, or the record is corrupt.
        """

    @abstractmethod
    def glance(self, index: int) -> Example:
        """As `read`, in a fraction of the time: a record that is not held against its checksum, so no truth to score by."""

    @abstractmethod
    def size(self, index: int) -> int:
        """Bytes of one record's data."""

    @abstractmethod
    def stamp(self, index: int) -> str:
        """Tells one state of the record from another without reading it: place, file size and time."""

    def name(self, index: int) -> str:
        """The record as error messages call it."""
        return f"{self.path}, record {index}"

    def corrupt(self, index: int) -> str:
        """What is said of a corrupt one."""
        return f"{self.name(index)} is corrupt: its data does not match its checksum"


class _Plain(RecordFile):
    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            self._starts, self._lengths = _frames(path, data)
        self._stamp = _stamp_of(path)

    def __len__(self) -> int:
        return len(self._starts)

    def examples(self) -> Iterator[Example]:
        with open_heard(self.path) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            for index, (start, length) in enumerate(zip(self._starts, self._lengths, strict=True)):
                yield Example(data, self.name(index), start, start + length)

    def first_corrupt(self, indices: Sequence[int]) -> int | None:
        try:
            file = open_heard(self.path)
        except OSError as error:
            raise RecordError(f"{self.path} cannot be read: {error.strerror}") from None
        with file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            for batch in self._batches(indices):
                starts, lengths = [self._starts[index] for index in batch], [self._lengths[index] for index in batch]
                if starts[-1] + lengths[-1] + _TAIL_BYTES > len(data):
                    raise RecordError(f"{self.name(batch[-1])} is cut: was the file changed?")
                for index, crc in zip(batch, crc32c_of_long_slices(data, starts, lengths), strict=True):
                    end = self._starts[index] + self._lengths[index]
                    if not _is_of(crc, data[end : end + _TAIL_BYTES]):
                        return index
        return None

    def _batches(self, indices: Sequence[int]) -> Iterator[list[int]]:
        batch: list[int] = []
        size = 0
        for index in sorted(indices):
            batch.append(index)
            size += self._lengths[index]
            if size > _BATCH_BYTES:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def read(self, index: int) -> Example:
        length = self._lengths[index]
        record = self._stored(index)
        if not _is_of(crc32c_of_long(record[:length]), record[length:]):
            raise RecordError(self.corrupt(index))
        return Example(record, self.name(index), 0, length)

    def glance(self, index: int) -> Example:
        return Example(self._stored(index), self.name(index), 0, self._lengths[index])

    def _stored(self, index: int) -> bytes:
        """A record and its checksum."""
        length = self._lengths[index]
        try:
            with open_heard(self.path) as file:
                file.seek(self._starts[index])
                record = file.read(length + _TAIL_BYTES)
        except OSError as error:
            raise RecordError(f"{self.name(index)} cannot be read: {error.strerror}") from None
        if len(record) != length + _TAIL_BYTES:
            raise RecordError(f"{self.name(index)} is cut: {length} bytes are announced and {len(record)} left")
        return record

    def size(self, index: int) -> int:
        return self._lengths[index]

    def stamp(self, index: int) -> str:
        return f"{self._starts[index]} {self._lengths[index]} {self._stamp}"


class _Packed(RecordFile):
    def __init__(self, path: Path) -> None:
        self.path = path
        self._records = Records(path)
        self._stamp = _stamp_of(path)

    def __len__(self) -> int:
        return len(self._records)

    def examples(self) -> Iterator[Example]:
        return (self.read(index) for index in range(len(self)))

    def first_corrupt(self, indices: Sequence[int]) -> int | None:
        """None: they were verified when the file was unpacked."""
        del indices
        return None

    def read(self, index: int) -> Example:
        return Example(self._records[index], self.name(index))

    def glance(self, index: int) -> Example:
        return self.read(index)

    def size(self, index: int) -> int:
        return len(self._records[index])

    def stamp(self, index: int) -> str:
        return f"{index} {self._stamp}"


def _stamp_of(path: Path) -> str:
    status = path.stat()
    # Copying tools set a file's time back, but nothing sets back when its entry changed.
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"


def _is_of(crc: int, stored: bytes) -> bool:
    return stored == struct.pack("<I", masked(crc))


def _opens_with_frame(head: bytes) -> bool:
    return len(head) == _HEAD_BYTES and masked(crc32c(head[:8])) == struct.unpack_from("<I", head, 8)[0]


def _frames(path: Path, data: mmap.mmap) -> tuple[list[int], list[int]]:
    """Where every record's data starts, and its length."""
    starts: list[int] = []
    lengths: list[int] = []
    at, end = 0, len(data)
    while at < end:
        where = f"{path}, record {len(starts)}"
        head = data[at : at + _HEAD_BYTES]
        if len(head) < _HEAD_BYTES:
            raise RecordError(f"{where} is cut: {end - at} bytes are left, too few for a length")
        (length,) = struct.unpack_from("<Q", head)
        if not _opens_with_frame(head):
            raise RecordError(f"{where} is corrupt: its length ({length}) does not match its checksum")
        if length > end - at - _HEAD_BYTES - _TAIL_BYTES:
            raise RecordError(f"{where} is cut: {length} bytes are announced and {end - at - _HEAD_BYTES} left")
        starts.append(at + _HEAD_BYTES)
        lengths.append(length)
        at += _HEAD_BYTES + length + _TAIL_BYTES
    return starts, lengths
