"""TFRecord files: frames, checksums, packing."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accuracy.records.tfrecord import RecordError, Records, crc32c, crc32c_of_slices, masked

quick = settings(
    deadline=None,
    derandomize=True,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
packings: dict[str, Callable[[bytes], bytes]] = {"plain": bytes, "zlib": zlib.compress, "gzip": gzip.compress}


def bitwise_crc32c(data: bytes) -> int:
    """The definition: one bit at a time, polynomial 0x1EDC6F41, reflected."""
    crc = 0xFFFFFFFF
    for byte in data:
        for bit in range(8):
            carry = (crc ^ (byte >> bit)) & 1
            crc >>= 1
            if carry:
                crc ^= 0x82F63B78
    return crc ^ 0xFFFFFFFF


def framed(records: Sequence[bytes]) -> bytes:
    def mask(crc: int) -> int:
        return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) % (1 << 32)

    out = b""
    for record in records:
        length = struct.pack("<Q", len(record))
        out += length + struct.pack("<I", mask(bitwise_crc32c(length)))
        out += record + struct.pack("<I", mask(bitwise_crc32c(record)))
    return out


@pytest.mark.parametrize(
    ("data", "crc"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
    ],
)
def test_the_checksum_gives_the_vectors_of_rfc_3720(data: bytes, crc: int) -> None:
    assert crc32c(data) == crc
    assert bitwise_crc32c(data) == crc
    assert list(crc32c_of_slices(data, [0], [len(data)])) == [crc]


@quick
@given(st.lists(st.binary(max_size=40), min_size=1, max_size=20))
def test_checksums_of_many_slices_are_those_of_each(slices: list[bytes]) -> None:
    starts = [sum(map(len, slices[:at])) for at in range(len(slices))]
    found = crc32c_of_slices(b"".join(slices), starts, [len(part) for part in slices])
    assert found.tolist() == [bitwise_crc32c(part) for part in slices]


def test_more_slices_than_one_batch_holds_keep_their_order() -> None:
    slices = [bytes([at % 251]) * (at % 17) for at in range(2500)]
    starts = [sum(map(len, slices[:at])) for at in range(2500)]
    found = crc32c_of_slices(b"".join(slices), starts, [len(part) for part in slices])
    assert found.tolist() == [crc32c(part) for part in slices]


def test_the_mask_turns_by_fifteen_bits_and_adds() -> None:
    assert masked(0) == 0xA282EAD8
    assert masked(0x8000) == 0xA282EAD9
    assert masked(1) == 0xA284EAD8


@pytest.mark.parametrize("packing", packings)
@quick
@given(records=st.lists(st.binary(max_size=50), min_size=1, max_size=8))
def test_what_was_framed_is_read_back(tmp_path: Path, packing: str, records: list[bytes]) -> None:
    path = tmp_path / "some.tfrecord"
    path.write_bytes(packings[packing](framed(records)))
    found = Records(path)
    assert len(found) == len(records)
    assert list(found) == records
    assert found[-1] == records[-1]
    assert found[1:] == records[1:]


def test_a_plain_file_whose_length_looks_like_a_zlib_header_is_read(tmp_path: Path) -> None:
    record = bytes(0x0178)  # 78 01, the header of a zlib stream
    path = tmp_path / "plain.tfrecord"
    path.write_bytes(framed([record]))
    assert path.read_bytes()[:2] == b"\x78\x01"
    assert list(Records(path)) == [record]


def test_a_gzip_file_of_two_members_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "two.tfrecord"
    path.write_bytes(gzip.compress(framed([b"one"])) + gzip.compress(framed([b"two"])))
    assert list(Records(path)) == [b"one", b"two"]


@pytest.mark.parametrize("packing", packings)
def test_a_file_cut_anywhere_is_refused_and_named(tmp_path: Path, packing: str) -> None:
    whole = packings[packing](framed([b"first record", b"second record"]))
    path = tmp_path / "cut.tfrecord"
    border = len(framed([b"first record"])) if packing == "plain" else -1
    for length in range(len(whole)):
        if length == border:
            continue  # a plain file cut between two frames is a whole file of fewer records
        path.write_bytes(whole[:length])
        with pytest.raises(RecordError, match=r"cut\.tfrecord"):
            Records(path)


@pytest.mark.parametrize("packing", packings)
def test_a_file_with_a_bit_turned_never_gives_other_records(tmp_path: Path, packing: str) -> None:
    records = [b"first record", b"second record"]
    whole = packings[packing](framed(records))
    path = tmp_path / "turned.tfrecord"
    refused = 0
    for at in range(0, 8 * len(whole), 3):
        turned = bytearray(whole)
        turned[at // 8] ^= 1 << at % 8
        path.write_bytes(turned)
        try:
            assert list(Records(path)) == records  # gzip's date and deflate's padding may be anything
        except RecordError:
            refused += 1
    assert refused > 2 * len(whole)


def test_the_message_counts_records_from_zero(tmp_path: Path) -> None:
    path = tmp_path / "some.tfrecord"
    whole = framed([b"zero", b"one", b"two"])
    path.write_bytes(whole.replace(b"two", b"tow"))
    with pytest.raises(RecordError, match=r"some\.tfrecord, record 2 is corrupt: its data does not match"):
        Records(path)
    path.write_bytes(whole[:-1])
    with pytest.raises(RecordError, match=r"record 2 is cut: 3 bytes are announced and 6 left"):
        Records(path)
    path.write_bytes(whole[: len(framed([b"zero"])) + 5])
    with pytest.raises(RecordError, match=r"record 1 is cut: 5 bytes are left"):
        Records(path)


def test_a_packed_file_cut_in_the_middle_says_so(tmp_path: Path) -> None:
    path = tmp_path / "some.tfrecord"
    path.write_bytes(zlib.compress(framed([b"zero", b"one"]))[:-3])
    with pytest.raises(RecordError, match=r"after record 1: the file is cut in the middle of the packed data"):
        Records(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\x89PNG\r\n\x1a\n and so on", "is no TFRecord, neither plain nor packed"),
        (zlib.compress(b""), "holds no record"),
    ],
)
def test_what_is_no_record_file_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "some.tfrecord"
    path.write_bytes(content)
    with pytest.raises(RecordError, match=message):
        Records(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"nowhere\.tfrecord cannot be read"):
        Records(tmp_path / "nowhere.tfrecord")


def test_a_record_too_long_to_be_true_is_refused_before_it_is_read(tmp_path: Path) -> None:
    length = struct.pack("<Q", 1 << 40)
    path = tmp_path / "some.tfrecord"
    path.write_bytes(length + struct.pack("<I", masked(crc32c(length))) + bytes(100))
    with pytest.raises(RecordError, match=r"record 0 is 1099511627776 bytes long"):
        Records(path)


@pytest.mark.parametrize(
    ("name", "count"),
    [("squad_eval", 10833), ("squad_eval_mini", 100), ("squad_eval_tiny", 10), ("squad_groundtruth", 10570)],
)
def test_mlperfs_files_hold_as_many_records_as_published(zoo: Path, name: str, count: int) -> None:
    assert len(Records(zoo / "datasets" / "squad" / f"{name}.tfrecord")) == count


def test_a_small_file_that_unpacks_to_gigabytes_is_refused_before_they_are_in_memory(tmp_path: Path) -> None:
    packer = zlib.compressobj(9, wbits=31)
    packed = b"".join([*(packer.compress(bytes(1 << 20)) for _ in range(200)), packer.flush()])
    (tmp_path / "bomb.tfrecord").write_bytes(packed)
    tracemalloc.start()
    with pytest.raises(RecordError, match=r"unpacks to more than [\d,]+, the limit for a file of its size"):
        Records(tmp_path / "bomb.tfrecord")
    assert tracemalloc.get_traced_memory()[1] < 150_000_000
    tracemalloc.stop()
