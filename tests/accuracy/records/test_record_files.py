"""Large TFRecord files: found at once, read one by one."""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accuracy.records.record_files import RecordFile
from accuracy.records.tfrecord import RecordError, crc32c, crc32c_of_long, masked

packings: dict[str, Callable[[bytes], bytes]] = {"plain": bytes, "zlib": zlib.compress, "gzip": gzip.compress}


def varint(value: int) -> bytes:
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)


def field(number: int, payload: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def example(values: Mapping[str, bytes]) -> bytes:
    return field(
        1, b"".join(field(1, field(1, k.encode()) + field(2, field(1, field(1, v)))) for k, v in values.items())
    )


def framed(records: Sequence[bytes]) -> bytes:
    parts = []
    for record in records:
        length = struct.pack("<Q", len(record))
        parts += [length, struct.pack("<I", masked(crc32c(length))), record, struct.pack("<I", masked(crc32c(record)))]
    return b"".join(parts)


RECORDS = [example({"picture": bytes([number]) * (700 * number), "name": f"n{number}".encode()}) for number in range(5)]


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.integers(0, 3000), st.randoms(use_true_random=False))
def test_the_checksum_of_a_long_buffer_is_that_of_its_bytes(size: int, random: Random) -> None:
    data = random.randbytes(size)
    assert crc32c_of_long(data) == crc32c(data)


@pytest.mark.parametrize("packing", packings)
def test_records_are_found_and_read_in_any_order(tmp_path: Path, packing: str) -> None:
    path = tmp_path / "set.tfrecord"
    path.write_bytes(packings[packing](framed(RECORDS)))
    records = RecordFile.open(path)
    assert len(records) == 5
    assert [one.text("name") for one in records.examples()] == ["n0", "n1", "n2", "n3", "n4"]
    for number in (4, 0, 2):
        assert records.read(number).content("picture") == bytes([number]) * (700 * number)
    assert len({records.stamp(number) for number in range(5)}) == 5


def test_a_changed_picture_is_found_when_it_is_read_and_not_before(tmp_path: Path) -> None:
    path = tmp_path / "set.tfrecord"
    path.write_bytes(framed(RECORDS).replace(b"\3" * 2000, b"\3" * 1000 + b"\4" + b"\3" * 999, 1))
    records = RecordFile.open(path)
    assert records.read(2).content("picture")
    with pytest.raises(RecordError, match=r"set\.tfrecord, record 3 is corrupt: its data does not match"):
        records.read(3)


def test_a_length_that_is_not_its_checksums_is_found_at_once(tmp_path: Path) -> None:
    path = tmp_path / "set.tfrecord"
    data = bytearray(framed(RECORDS))
    data[len(framed(RECORDS[:2]))] ^= 1
    path.write_bytes(data)
    with pytest.raises(RecordError, match="record 2 is corrupt: its length"):
        RecordFile.open(path)


@pytest.mark.parametrize("lost", [1, 4, 5, 1000])
def test_a_file_cut_in_the_last_record_is_found_at_once(tmp_path: Path, lost: int) -> None:
    path = tmp_path / "set.tfrecord"
    path.write_bytes(framed(RECORDS)[:-lost])
    with pytest.raises(RecordError, match="record 4 is cut"):
        RecordFile.open(path)


def test_a_file_cut_in_a_length_is_found_at_once(tmp_path: Path) -> None:
    path = tmp_path / "set.tfrecord"
    path.write_bytes(framed(RECORDS[:2]) + b"\0" * 7)
    with pytest.raises(RecordError, match="record 2 is cut: 7 bytes are left"):
        RecordFile.open(path)


@pytest.mark.parametrize("content", [b"", b"no records at all, but a text"])
def test_what_is_no_record_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "set.tfrecord"
    path.write_bytes(content)
    with pytest.raises(RecordError, match=r"set\.tfrecord is (empty|no TFRecord)"):
        RecordFile.open(path)


def test_a_file_that_is_not_there_or_goes_away_is_named(tmp_path: Path) -> None:
    path = tmp_path / "set.tfrecord"
    with pytest.raises(RecordError, match=r"set\.tfrecord cannot be read: No such file"):
        RecordFile.open(path)
    path.write_bytes(framed(RECORDS))
    records = RecordFile.open(path)
    path.write_bytes(framed(RECORDS)[:-1])
    with pytest.raises(RecordError, match="record 4 is cut"):
        records.read(4)
    path.unlink()
    with pytest.raises(RecordError, match="record 0 cannot be read: No such file"):
        records.read(0)


def test_a_file_of_other_bytes_under_its_old_size_and_time_has_another_stamp(tmp_path: Path) -> None:
    path = tmp_path / "a.tfrecord"
    path.write_bytes(framed([RECORDS[1]]))
    before, times = RecordFile.open(path).stamp(0), path.stat()
    path.write_bytes(framed([RECORDS[1].replace(b"\1", b"\2")]))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert RecordFile.open(path).stamp(0) != before
