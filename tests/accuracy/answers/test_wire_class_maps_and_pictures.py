from __future__ import annotations

import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from accuracy.answers import wire
from accuracy.answers.log import LogError

quick = settings(deadline=None, derandomize=True, max_examples=60)
sides = st.integers(1, 24)
class_maps = hnp.arrays(np.uint8, st.tuples(sides, sides))
pictures = hnp.arrays(np.uint8, st.tuples(sides, sides, st.sampled_from([1, 3])))


@quick
@given(class_maps)
def test_a_class_map_comes_back_as_it_was(class_map: wire.UInt8Array) -> None:
    np.testing.assert_array_equal(wire.unpack_class_map(wire.pack_class_map(class_map)), class_map)


@quick
@given(pictures)
def test_a_picture_comes_back_as_it_was(picture: wire.UInt8Array) -> None:
    before = picture.copy()
    np.testing.assert_array_equal(wire.unpack_picture(wire.pack_picture(picture)), picture)
    np.testing.assert_array_equal(picture, before)


def test_a_map_that_is_a_view_of_another_comes_back_as_it_was() -> None:
    whole = np.arange(600, dtype=np.uint16).astype(np.uint8).reshape(20, 30)
    np.testing.assert_array_equal(wire.unpack_class_map(wire.pack_class_map(whole.T)), whole.T)


def test_a_map_of_regions_takes_less_than_a_tenth_of_its_pixels() -> None:
    class_map = np.repeat(np.repeat(np.arange(64, dtype=np.uint8).reshape(8, 8), 64, axis=0), 64, axis=1)
    assert len(wire.pack_class_map(class_map)) < class_map.size / 10


@quick
@given(class_maps, st.data())
def test_a_cut_class_map_is_refused(class_map: wire.UInt8Array, data: st.DataObject) -> None:
    packed = wire.pack_class_map(class_map)
    cut = data.draw(st.integers(0, len(packed) - 1))
    with pytest.raises(LogError):
        wire.unpack_class_map(packed[:cut])


@quick
@given(pictures, st.data())
def test_a_changed_byte_is_refused_or_changes_nothing(picture: wire.UInt8Array, data: st.DataObject) -> None:
    packed = bytearray(wire.pack_picture(picture))
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        unpacked = wire.unpack_picture(bytes(packed))
    except LogError:
        return
    np.testing.assert_array_equal(unpacked, picture)  # bits between the last code and the checksum mean nothing


@quick
@given(st.binary(max_size=200))
def test_noise_is_refused_as_a_log_error(noise: bytes) -> None:
    for unpack in (wire.unpack_class_map, wire.unpack_picture):
        with pytest.raises(LogError):
            unpack(noise)
        with pytest.raises(LogError):
            unpack(wire.class_map_header(3, 4) + noise)


def test_bytes_behind_the_pixels_are_refused() -> None:
    packed = wire.pack_class_map(np.zeros((4, 4), np.uint8))
    with pytest.raises(LogError, match="more than the 16 bytes"):
        wire.unpack_class_map(packed + b"\0")


def test_pixels_fewer_than_the_header_names_are_refused() -> None:
    with pytest.raises(LogError, match="cut short of the 20 bytes"):
        wire.unpack_class_map(wire.class_map_header(4, 5) + zlib.compress(bytes(19)))


def test_a_bomb_is_refused_without_being_unpacked() -> None:
    bomb = wire.class_map_header(100, 100) + zlib.compress(bytes(64 << 20), 9)
    tracemalloc.start()
    with pytest.raises(LogError, match="more than the 10000 bytes"):
        wire.unpack_class_map(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_a_size_that_no_picture_has_is_refused() -> None:
    with pytest.raises(LogError, match="65535x65535x3 is empty or larger"):
        wire.unpack_picture(wire.picture_header(65535, 65535) + zlib.compress(b""))
    with pytest.raises(LogError, match="0x7x1 is empty"):
        wire.unpack_class_map(wire.class_map_header(0, 7) + zlib.compress(b""))


def test_the_answer_of_a_performance_run_cannot_be_scored_and_says_so() -> None:
    with pytest.raises(LogError, match="score an accuracy run"):
        wire.unpack_class_map(wire.class_map_header(512, 512))
    with pytest.raises(LogError, match="score an accuracy run"):
        wire.unpack_picture(wire.picture_header(1080, 1920))


def test_another_tasks_answer_is_refused() -> None:
    picture = wire.pack_picture(np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(LogError, match="another task's log"):
        wire.unpack_class_map(picture)
    with pytest.raises(LogError, match="4 bytes is no class map"):
        wire.unpack_class_map(bytes(4))


def test_a_later_layout_is_refused_by_its_version() -> None:
    packed = bytearray(wire.pack_class_map(np.zeros((4, 4), np.uint8)))
    packed[4] = 2
    with pytest.raises(LogError, match="version 2; this program reads version 1"):
        wire.unpack_class_map(bytes(packed))
