"""Pictures without a header: bytes of the model's size, which nothing but their number says how to read.

So what they show is looked at: bytes that make a far smoother picture when they are read in another way are refused.
"""

from __future__ import annotations

import numpy as np

from tasks.base import Array, DataMissing

_PLANAR = 0.85
"""Photographs of 32 to 224 pixels a side have 1.5 and more as they should be, 0.82 and less where each channel stands by
itself; noise and single colours have 1. So do the other two, with 1.05 and 0.95."""
_SIGNED = 0.8
_DRAWN = 0.25
"""Black beside white, as in digits, is one step in int8. Of a photograph in int8 these bytes are its middle gray, and few."""
_LOOKED_AT = 1 << 14
"""Bytes that are looked at, in the middle: 0.1 ms."""
_SMOOTH = 1.0
"""Added to each mean: what hardly changes from pixel to pixel tells nothing."""


def decode_rgb8(data: bytes, name: str, height: int, width: int) -> Array:
    """A headerless picture (RAW_SUFFIXES): uint8 [height, width, 3]. It is neither resized nor cropped, so its size must fit.

    One of a third of the bytes is gray, and comes out with three channels alike.

    Raises:
        DataMissing: Another number of bytes, or bytes that are plainly int8, or one channel behind the other.
    """
    if len(data) not in (height * width, height * width * 3):
        raise DataMissing(
            f"{name} has {len(data)} bytes, but a raw picture for a {height}x{width} input has {height * width * 3}, or "
            f"{height * width} in gray"
        )
    channels = len(data) // (height * width)
    pixels = np.frombuffer(data, np.uint8)
    if what := _looks_like(pixels, width, channels):
        raise DataMissing(
            f"{name} looks like {what}; a raw picture is uint8, the channels of a pixel side by side. If that is what it is, "
            f"keep it as a .npy file, uint8 [{height}, {width}, 3]"
        )
    picture = pixels.reshape(height, width, channels)
    return picture if channels == 3 else np.repeat(picture, 3, axis=2)


def _looks_like(pixels: Array, width: int, channels: int) -> str | None:
    """Another way of writing a picture that these bytes are in; None where nothing speaks for one."""
    surplus = max(0, pixels.size - max(_LOOKED_AT, 4 * channels * width)) // 2
    seen = pixels[surplus : pixels.size - surplus]
    values = seen.astype(np.int16)
    if seen.size > channels * width > width and _change(values, width) < _PLANAR * _change(values, channels * width):
        return "a picture whose channels stand one behind the other, [3, height, width]"
    drawn = ((seen == 0) | (seen == 255)).mean() > _DRAWN
    signed = (seen ^ 128).astype(np.int16)
    if seen.size > channels and not drawn and _change(signed, channels) < _SIGNED * _change(values, channels):
        return "int8, already made for a model's input"
    return None


def _change(values: Array, step: int) -> float:
    """How far bytes so far apart differ in the mean."""
    return float(np.abs(values[step:] - values[:-step]).mean()) + _SMOOTH
