"""TFLite's bilinear resize, to the last bit: the one its evaluation stages and the MLPerf mobile app use.

The source coordinate of output pixel i is i * in / out (no half-pixel centres), which is neither OpenCV's nor Pillow's
bilinear. Four products are summed in float32, in the order of the reference kernel (LRT tflite/kernels/internal/reference/
resize_bilinear.h); any other order, one that interpolates down and then across among them, moves values by an ulp, and so
bytes by a step where they are cut.

`native.pictures` does the sums where it could be compiled, `_interpolated_in_python` elsewhere: the same floats.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from native import pictures
from tasks.base import Array

Window = tuple[slice, slice]
"""Rows and columns of the result that are wanted, both without a step."""

_ONE = np.float32(1)
_ROOM = 48 << 10
"""Floats that are worked on at once: they stay in the cache, and the allocator keeps their memory for the next picture."""


def resize_bilinear(image: Array, height: int, width: int, window: Window | None = None) -> Array:
    """Resizes without regard to the aspect (align_corners=False).

    Args:
        image: [h, w, c] of any number type, h and w at least 1.
        height: Of the whole result, pixels.
        width: Of the whole result, pixels.
        window: The part of the result to compute; None for all.

    Returns:
        float32 [height, width, c], or its window; not rounded.
    """
    rows, columns = window or (slice(None), slice(None))
    down = _lines(image.shape[0], height, *rows.indices(height)[:2])
    # Columns of values, not of pixels: numpy gathers single numbers faster than threes.
    across = _lines(image.shape[1], width, *columns.indices(width)[:2], image.shape[2])
    values = image.reshape(image.shape[0], -1)
    result = np.empty((len(down.first), len(across.first)), np.float32)
    if pictures is not None and values.dtype == np.uint8 and values.strides[1] == 1:
        pictures.interpolate(values, down, across, result)
    else:
        _interpolate_in_python(values, down, across, result)
    return result.reshape(len(down.first), -1, image.shape[2])


class _Lines(NamedTuple):
    """For each output line the two input lines it lies between, and the share of the second (float32)."""

    first: Array
    second: Array
    share: Array


def _interpolate_in_python(values: Array, down: _Lines, across: _Lines, result: Array) -> None:
    """Fills `result` [rows, columns]. The twin of `native.pictures.interpolate`.

    Args:
        values: [h, w], a row of pixels' values each.
        down: Between which of its rows each row of the result lies.
        across: Between which of its columns.
        result: float32.
    """
    start, end = across.first[0], across.second[-1] + 1
    left, right, far = across.first - start, across.second - start, across.share
    near = _ONE - far
    part = values[:, start:end]
    height = max(1, _ROOM // max(part.shape[1], result.shape[1]))
    room = np.empty((height, result.shape[1]), np.float32)
    for top in range(0, len(result), height):
        rows = slice(top, top + height)
        above = part[down.first[rows]].astype(np.float32)
        above *= (_ONE - down.share[rows])[:, None]
        below = part[down.second[rows]].astype(np.float32)
        below *= down.share[rows, None]
        total = result[rows]
        product = room[: len(total)]
        np.take(above, left, axis=1, out=total, mode="clip")  # with "raise", numpy would fill a copy first
        total *= near
        for line, place, share in ((below, left, near), (above, right, far), (below, right, far)):
            np.take(line, place, axis=1, out=product, mode="clip")
            product *= share
            total += product


@lru_cache(maxsize=256)  # the pictures of a set share few sizes
def _lines(size: int, wanted: int, start: int, stop: int, channels: int = 1) -> _Lines:
    """The output lines `start` to `stop` of `wanted`; each `channels` times, as values lie in a row of pixels."""
    scale = np.float32(size) / np.float32(wanted)
    at = np.arange(start, stop, dtype=np.float32) * scale
    first = np.minimum(np.floor(at).astype(np.intp), size - 1)
    second = np.minimum(np.ceil(at).astype(np.intp), size - 1)
    share = np.repeat(at - first.astype(np.float32), channels)
    each = np.arange(channels)
    first, second = ((lines[:, None] * channels + each).ravel() for lines in (first, second))
    for array in (first, second, share):
        array.setflags(write=False)  # shared by all who ask again
    return _Lines(first, second, share)
