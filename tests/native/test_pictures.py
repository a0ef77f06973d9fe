"""The resize of pictures in C: what its twin in Python gives, to the last bit, and nothing beyond the picture is read."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import native
from tasks.base import Array
from tasks.pictures.pixels.resize import _interpolate_in_python, _Lines, _lines, resize_bilinear

pictures = native.pictures
if pictures is None:
    pytest.skip(f"pictures in C are not here: {native.why_not}", allow_module_level=True)

SIZE = st.integers(1, 60)


def noise(height: int, width: int, channels: int = 3) -> Array:
    return np.random.default_rng(height * 100 + width).integers(0, 256, (height, width, channels), np.uint8)


def both(values: Array, down: _Lines, across: _Lines) -> tuple[Array, Array]:
    results = [np.full((len(down.first), len(across.first)), np.nan, np.float32) for _ in range(2)]
    pictures.interpolate(values, down, across, results[0])
    _interpolate_in_python(values, down, across, results[1])
    return results[0], results[1]


@settings(deadline=None, derandomize=True)
@given(h=SIZE, w=SIZE, height=SIZE, width=SIZE, channels=st.integers(1, 4), data=st.data())
def test_a_picture_or_a_window_of_it_is_what_the_twin_makes(
    h: int, w: int, height: int, width: int, channels: int, data: st.DataObject
) -> None:
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    down, across = _lines(h, height, top, height), _lines(w, width, left, width, channels)
    in_c, twin = both(noise(h, w, channels).reshape(h, -1), down, across)
    assert np.array_equal(in_c, twin)


def test_a_crop_that_lies_in_a_larger_picture_is_what_a_copy_of_it_is() -> None:
    crop = noise(50, 70)[11:40, 13:60]
    assert np.array_equal(resize_bilinear(crop, 31, 37), resize_bilinear(crop.copy(), 31, 37))


def test_threads_resize_at_once() -> None:
    images = [noise(20 + number, 30) for number in range(40)]
    alone = [resize_bilinear(image, 24, 24) for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda image: resize_bilinear(image, 24, 24), images))
    assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))


LINES = _lines(8, 4, 0, 4)
VALUES, ROOM = noise(8, 8, 1)[:, :, 0], np.empty((4, 4), np.float32)


@pytest.mark.parametrize(
    ("values", "down", "across", "result"),
    [
        (VALUES[:6], LINES, LINES, ROOM),
        (VALUES[:, :6], LINES, LINES, ROOM),
        (VALUES, LINES._replace(first=LINES.first - 1), LINES, ROOM),
        (VALUES, LINES._replace(second=LINES.second[:3]), LINES, ROOM),
        (VALUES, LINES._replace(first=LINES.first.astype(np.int32)), LINES, ROOM),
        (VALUES, _Lines(*(part[:0] for part in LINES)), LINES, ROOM[:0]),
        (VALUES, LINES, LINES, ROOM[:3]),
        (VALUES[:, ::2], LINES, _lines(4, 4, 0, 4), ROOM),
        (VALUES.astype(np.float32), LINES, LINES, ROOM),
        (VALUES[0], LINES, LINES, ROOM),
    ],
)
def test_what_does_not_fit_is_refused(values: Array, down: Any, across: Any, result: Array) -> None:
    with pytest.raises(ValueError, match=r"lines do not fit|rows of bytes|the result has"):
        pictures.interpolate(values, down, across, result)


def test_what_is_not_there_to_be_read_or_written_is_refused() -> None:
    locked = ROOM.copy()
    locked.setflags(write=False)
    with pytest.raises((ValueError, BufferError)):
        pictures.interpolate(VALUES, LINES, LINES, locked)
    with pytest.raises(TypeError):
        pictures.interpolate(VALUES, LINES, LINES)
    with pytest.raises(TypeError):
        pictures.interpolate(VALUES, LINES[:2], LINES, ROOM)
    with pytest.raises(TypeError):
        pictures.interpolate("picture", LINES, LINES, ROOM)
