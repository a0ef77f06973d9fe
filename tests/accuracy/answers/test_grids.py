from __future__ import annotations

import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from accuracy.answers import grids
from accuracy.answers.log import LogError

quick = settings(deadline=None, derandomize=True, max_examples=60)
sides = st.integers(1, 24)
class_maps = hnp.arrays(np.uint8, st.tuples(sides, sides), elements=st.integers(0, 2)) | hnp.arrays(
    np.uint8, st.tuples(sides, sides)
)
pictures = hnp.arrays(np.uint8, st.tuples(sides, sides, st.sampled_from([1, 3])))


def header(magic: bytes, version: int, height: int, width: int, channels: int = 1) -> bytes:
    return struct.pack("<4sBBHH", magic, version, channels, height, width)


def deflated_picture(picture: grids.UInt8Array) -> bytes:
    """As versions up to 0.1 logged it: the differences from the left, upper and upper left neighbours."""
    rest = picture.copy()
    if picture.shape[2] == 3:
        rest[..., 0] -= picture[..., 1]
        rest[..., 2] -= picture[..., 1]
    rest[1:] -= rest[:-1].copy()
    rest[:, 1:] -= rest[:, :-1].copy()
    return header(b"PICT", 1, *picture.shape) + zlib.compress(rest.tobytes())


@quick
@given(class_maps)
def test_a_class_map_comes_back_as_it_was(class_map: grids.UInt8Array) -> None:
    np.testing.assert_array_equal(grids.unpack_class_map(grids.pack_class_map(class_map)), class_map)


@quick
@given(pictures)
def test_a_picture_comes_back_as_it_was(picture: grids.UInt8Array) -> None:
    np.testing.assert_array_equal(grids.unpack_picture(grids.pack_picture(picture)), picture)


@quick
@given(class_maps, pictures)
def test_answers_that_earlier_versions_compressed_are_read(
    class_map: grids.UInt8Array, picture: grids.UInt8Array
) -> None:
    old = header(b"CMAP", 1, *class_map.shape) + zlib.compress(class_map.tobytes())
    np.testing.assert_array_equal(grids.unpack_class_map(old), class_map)
    np.testing.assert_array_equal(grids.unpack_picture(deflated_picture(picture)), picture)


def test_a_map_that_is_a_view_of_another_comes_back_as_it_was() -> None:
    whole = np.arange(600, dtype=np.uint16).astype(np.uint8).reshape(20, 30)
    np.testing.assert_array_equal(grids.unpack_class_map(grids.pack_class_map(whole.T)), whole.T)


def test_a_map_of_regions_takes_less_than_a_tenth_of_its_pixels_and_one_without_no_more_than_them() -> None:
    class_map = np.repeat(np.repeat(np.arange(64, dtype=np.uint8).reshape(8, 8), 64, axis=0), 64, axis=1)
    assert len(grids.pack_class_map(class_map)) < class_map.size / 10
    noise = np.random.default_rng(2).integers(0, 9, (64, 64)).astype(np.uint8)
    assert len(grids.pack_class_map(noise)) == 10 + noise.size


def test_the_largest_map_of_one_class_is_one_run() -> None:
    class_map = np.full((2048, 2048), 7, np.uint8)
    packed = grids.pack_class_map(class_map)
    assert len(packed) == 10 + 5 + 1 + 1 + 4
    assert np.array_equal(grids.unpack_class_map(packed), class_map)


@quick
@given(class_maps, st.data())
def test_a_cut_class_map_is_refused(class_map: grids.UInt8Array, data: st.DataObject) -> None:
    packed = grids.pack_class_map(class_map)
    cut = data.draw(st.integers(0, len(packed) - 1))
    with pytest.raises(LogError):
        grids.unpack_class_map(packed[:cut])


@quick
@given(class_maps, st.data())
def test_a_changed_byte_is_refused_or_changes_classes_never_the_size(
    class_map: grids.UInt8Array, data: st.DataObject
) -> None:
    packed = bytearray(grids.pack_class_map(class_map))
    packed[data.draw(st.integers(10, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        unpacked = grids.unpack_class_map(bytes(packed))
    except LogError:
        return
    assert unpacked.shape == class_map.shape


@quick
@given(st.binary(max_size=200), st.sampled_from([1, 2, 3]))
def test_noise_is_refused_as_a_log_error(noise: bytes, version: int) -> None:
    for unpack, magic in ((grids.unpack_class_map, b"CMAP"), (grids.unpack_picture, b"PICT")):
        with pytest.raises(LogError):
            unpack(noise)
        with pytest.raises(LogError):
            unpack(header(magic, version, 999, 999) + noise)


def test_bytes_behind_the_pixels_are_refused() -> None:
    for packed in (grids.pack_class_map(np.zeros((4, 4), np.uint8)), grids.pack_class_map(np.eye(4, dtype=np.uint8))):
        with pytest.raises(LogError, match=r"more or fewer than it says|17 bytes, not the 16"):
            grids.unpack_class_map(packed + b"\0")
    with pytest.raises(LogError, match="more than the 16 bytes"):
        grids.unpack_class_map(header(b"CMAP", 1, 4, 4) + zlib.compress(bytes(16)) + b"\0")


def test_pixels_fewer_than_the_header_names_are_refused() -> None:
    with pytest.raises(LogError, match="cut short of the 20 bytes"):
        grids.unpack_class_map(header(b"CMAP", 1, 4, 5) + zlib.compress(bytes(19)))
    with pytest.raises(LogError, match="runs have 19 pixels, not the 20"):
        grids.unpack_class_map(header(b"CMAP", 3, 4, 5) + b"\x01\0\0\0" + b"\0\x07\0" + b"\x13")
    with pytest.raises(LogError, match="has 11 bytes, not the 12"):
        grids.unpack_picture(header(b"PICT", 2, 2, 2, 3) + bytes(11))


def test_a_bomb_is_refused_without_being_unpacked() -> None:
    bombs = [
        header(b"CMAP", 1, 100, 100) + zlib.compress(bytes(64 << 20), 9),
        header(b"CMAP", 3, 100, 100) + b"\x01\0\0\0" + b"\0\x07\0" + b"\xff\xff\xff\xff\x7f",
    ]
    for bomb in bombs:
        tracemalloc.start()
        with pytest.raises(LogError, match="the 10000"):
            grids.unpack_class_map(bomb)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1 << 20


def test_a_run_longer_than_any_number_is_refused() -> None:
    with pytest.raises(LogError, match="longer than any map"):
        grids.unpack_class_map(header(b"CMAP", 3, 4, 4) + b"\x01\0\0\0" + b"\0\x07\0" + b"\xff" * 9 + b"\x01")


def test_a_size_that_no_picture_has_is_refused() -> None:
    with pytest.raises(LogError, match="65535x65535x3 is empty or larger"):
        grids.unpack_picture(header(b"PICT", 1, 65535, 65535, 3) + zlib.compress(b""))
    with pytest.raises(LogError, match="0x7x1 is empty"):
        grids.unpack_class_map(header(b"CMAP", 1, 0, 7) + zlib.compress(b""))


def test_what_a_performance_run_of_earlier_versions_answered_cannot_be_scored_and_says_so() -> None:
    with pytest.raises(LogError, match="score an accuracy run"):
        grids.unpack_class_map(header(b"CMAP", 1, 512, 512))
    with pytest.raises(LogError, match="score an accuracy run"):
        grids.unpack_picture(header(b"PICT", 1, 1080, 1920, 3))


def test_another_tasks_answer_is_refused() -> None:
    picture = grids.pack_picture(np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(LogError, match="another task's log"):
        grids.unpack_class_map(picture)
    with pytest.raises(LogError, match="4 bytes is no class map"):
        grids.unpack_class_map(bytes(4))
    with pytest.raises(LogError, match="which only class maps have"):
        grids.unpack_picture(header(b"PICT", 3, 4, 4, 3) + bytes(48))


def test_a_later_layout_is_refused_by_its_version() -> None:
    packed = bytearray(grids.pack_class_map(np.zeros((4, 4), np.uint8)))
    packed[4] = 4
    with pytest.raises(LogError, match="version 4; this program reads versions 1 to 3"):
        grids.unpack_class_map(bytes(packed))
