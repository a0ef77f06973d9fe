"""A tensor that holds one picture: its layout, the order of its channels, its normalisation, and pixels in and out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from native import answers as in_c
from tasks.base import Array, ModelMismatch, Tensor

PerChannel = float | tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Normalisation:
    """(pixel - mean) / std, of pixels in 0 to 255."""

    mean: PerChannel
    std: PerChannel

    def apply(self, values: Array) -> Array:
        """float32 [h, w, 3], in the order of operations of TFLite's stage: less the mean, times 1 / std."""
        normalised: Array = values - np.array(self.mean, np.float32)
        normalised *= (1 / np.array(self.std)).astype(np.float32)
        return normalised

    def undo(self, values: Array) -> Array:
        """Pixels again, float32 [h, w, 3]."""
        pixels: Array = values * np.array(self.std, np.float32)
        pixels += np.array(self.mean, np.float32)
        return pixels

    def range(self) -> tuple[float, float]:
        """What the darkest and the brightest pixel become, of all channels."""
        mean, std = np.array(self.mean), np.array(self.std)
        return float(((0 - mean) / std).min()), float(((255 - mean) / std).max())


MINUS_ONE_TO_ONE = Normalisation(127.5, 127.5)
"""Of float inputs where none is named, as TFLite's stage has it."""
PIXELS = Normalisation(0.0, 1.0)
"""Of float inputs of models that make pictures of pictures."""
_GRAY_RED, _GRAY_BLUE = np.float32(0.299), np.float32(0.114)
"""Luminance of ITU-R BT.601, as Pillow's L and TensorFlow's rgb_to_grayscale have it; green has the rest."""


@dataclass(frozen=True, slots=True)
class PictureTensor:
    """A tensor that holds one picture, and how: `bind_input` and `bind_output` make it."""

    tensor: Tensor
    height: int
    width: int
    nchw: bool
    bgr: bool
    normalisation: Normalisation | None
    """None where the bytes themselves are meant."""
    channels: int = 3
    """1 takes the picture in gray."""

    def ranges(self) -> Mapping[str, tuple[float, float]]:
        """See `tasks.codecs.base.Codec.input_ranges`; none of integers."""
        if self.normalisation is None or self.tensor.dtype.kind != "f":
            return {}
        return {self.tensor.name: self.normalisation.range()}

    def encode(self, pixels: Array) -> Array:
        """Pixels as the model takes them.

        Args:
            pixels: [height, width, 3] in 0 to 255, RGB, uint8 or float32 and then not rounded.

        Returns:
            The tensor's shape and type, C-contiguous.

        Raises:
            ModelMismatch: Pixels of another shape.
        """
        if pixels.shape != (self.height, self.width, 3):
            raise ModelMismatch(
                f"input {self.tensor.name} takes {self.height}x{self.width} pixels, not {list(pixels.shape)}"
            )
        ordered = gray(pixels) if self.channels == 1 else pixels[..., ::-1] if self.bgr else pixels
        values = self._typed(ordered)
        return np.ascontiguousarray(values.transpose(2, 0, 1) if self.nchw else values)[None]

    def _typed(self, pixels: Array) -> Array:
        dtype = self.tensor.dtype
        if self.normalisation is None:
            values = np.clip(pixels, 0, 255)
            return (values - np.float32(128)).astype(np.int8) if dtype == np.int8 else values.astype(dtype)
        values = self.normalisation.apply(pixels)
        if dtype.kind == "f":
            return values.astype(dtype, copy=False)
        if is_counted(self.tensor):
            return values.astype(dtype)  # cut, as the bytes are
        steps = np.rint(values / np.float32(self.tensor.scale)) + self.tensor.zero_point
        limits = np.iinfo(dtype)
        kept: Array = np.clip(steps, limits.min, limits.max)
        return kept.astype(dtype)

    def decode(self, values: Array, *, nearest: bool) -> Array:
        """A picture as the model gives it, as bytes.

        Args:
            values: The tensor's shape and type.
            nearest: Rounds floats; else their fraction is cut off.

        Returns:
            uint8 [height, width, 3], RGB.

        Raises:
            ValueError: A value that is no number.
        """
        picture = values[0].transpose(1, 2, 0) if self.nchw else values[0]
        pixels: Array = self._pixels(picture, nearest=nearest)
        return pixels[..., ::-1] if self.bgr else pixels

    def packed(self, values: Array, header: bytes, *, nearest: bool) -> bytes | None:
        """A header and behind it what `decode` gives, in C; None where that does not look at such a picture.

        Args:
            values: As `decode`.
            header: Of the answer.
            nearest: As `decode`.
        """
        if in_c is None or self.nchw or self.bgr:
            return None
        meant, found = self.normalisation, None
        if meant is None:
            found = in_c.picture_of_bytes(values, header)
        elif values.dtype == np.float32 and isinstance(meant.mean, float) and isinstance(meant.std, float):
            found = in_c.picture_of_floats(values, header, meant.mean, meant.std, nearest)
        return found if isinstance(found, bytes) else None

    def _pixels(self, values: Array, *, nearest: bool) -> Array:
        if self.normalisation is None and values.dtype == np.int8:
            return (values ^ np.int8(-128)).view(np.uint8)  # the value plus 128
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise ValueError("the model's picture holds values that are no numbers")
        if self.normalisation is not None:
            floats = values.astype(np.float32)
            if values.dtype.kind in "iu":
                nearest = True
                if not is_counted(self.tensor):
                    floats = (floats - np.float32(self.tensor.zero_point)) * np.float32(self.tensor.scale)
            values = self.normalisation.undo(floats)
        if values.dtype.kind == "f" and nearest:
            values = np.rint(values)
        return np.clip(values, 0, 255).astype(np.uint8)


def gray(pixels: Array) -> Array:
    """A picture's luminance, of the same type [h, w, 1]; one whose channels are alike stays as it is, to the bit.

    Args:
        pixels: [h, w, 3], RGB, uint8 or float32. Bytes are rounded, floats are not.
    """
    values = pixels.astype(np.float32)
    red, green, blue = values[..., :1], values[..., 1:2], values[..., 2:]
    mixed: Array = green + _GRAY_RED * (red - green) + _GRAY_BLUE * (blue - green)
    return np.rint(mixed).astype(np.uint8) if pixels.dtype == np.uint8 else mixed


def is_counted(tensor: Tensor) -> bool:
    """Whether the tensor's numbers are meant as they stand, without a scale."""
    return tensor.dtype.kind in "iu" and tensor.zero_point == 0 and tensor.scale in (0.0, 1.0)
