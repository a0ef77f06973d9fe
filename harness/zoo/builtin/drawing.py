"""Procedural pictures: motifs with smooth edges, light that varies, grain. The same bytes for the same seed."""

from __future__ import annotations

import io
import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from harness.zoo.graph.noise import normal_noise

Array = npt.NDArray[Any]
Colour = tuple[int, int, int]
_T = TypeVar("_T")


class Chance:
    """Draws that stay the same in every version of Python: of its generator only random() promises that."""

    def __init__(self, key: str) -> None:
        """`key` names the draws, and the grain of the picture that is made of them."""
        self.key = key
        self._random = random.Random(key)

    def between(self, low: float, high: float) -> float:
        """A number in [low, high)."""
        return low + (high - low) * self._random.random()

    def integer(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return low + int(self._random.random() * (high - low + 1))

    def pick(self, choices: Sequence[_T]) -> _T:
        """One of them."""
        return choices[int(self._random.random() * len(choices))]


def _disc(x: Array, y: Array) -> Array:
    inside: Array = 0.62 - np.hypot(x, y)
    return inside


def _ring(x: Array, y: Array) -> Array:
    inside: Array = 0.17 - abs(np.hypot(x, y) - 0.53)
    return inside


def _wide(x: Array, y: Array) -> Array:
    inside: Array = 0.34 - np.hypot(x * 0.42, y)
    return inside


def _tall(x: Array, y: Array) -> Array:
    return _wide(y, x)


def _up(x: Array, y: Array) -> Array:
    """A triangle that points to smaller y: up."""
    inside: Array = np.minimum(0.55 - y, (y + 0.75) * 0.5 - abs(x) * 0.85)
    return inside


def _right(x: Array, y: Array) -> Array:
    return _up(y, -x)


def _left(x: Array, y: Array) -> Array:
    return _up(y, x)


def _down(x: Array, y: Array) -> Array:
    return _up(x, -y)


def _cross(x: Array, y: Array) -> Array:
    inside: Array = np.minimum(0.72 - np.maximum(abs(x), abs(y)), 0.2 - np.minimum(abs(x), abs(y)))
    return inside


def _slash(x: Array, y: Array) -> Array:
    """A bar from lower left to upper right."""
    inside: Array = np.minimum(0.2 - abs(x + y) * math.sqrt(0.5), 0.78 - abs(x - y) * math.sqrt(0.5))
    return inside


def _backslash(x: Array, y: Array) -> Array:
    return _slash(-x, y)


def _box(x: Array, y: Array) -> Array:
    inside: Array = 0.56 - np.maximum(abs(x), abs(y))
    return inside


MOTIFS: Mapping[str, Callable[[Array, Array], Array]] = {
    "disc": _disc,
    "ring": _ring,
    "wide": _wide,
    "tall": _tall,
    "up": _up,
    "down": _down,
    "left": _left,
    "right": _right,
    "cross": _cross,
    "slash": _slash,
    "backslash": _backslash,
    "box": _box,
}
"""Name -> how far inside (above 0) or outside of the figure a point of [-1, 1] x [-1, 1] lies; y grows downwards."""


def coverage(motif: str, x: Array, y: Array, unit: float) -> Array:
    """How much of each pixel a motif covers: 0 to 1, float32.

    Args:
        motif: A key of MOTIFS.
        x: In the motif's own units.
        y: Likewise.
        unit: Pixels to one unit, which decides how wide the soft edge is.
    """
    return np.clip(MOTIFS[motif](x, y) * unit + 0.5, 0, 1)


def grid(height: int, width: int) -> tuple[Array, Array]:
    """Rows [height, 1] and columns [1, width] of the pixels, float32."""
    return np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)[None]


def light(height: int, width: int, chance: Chance, strength: float) -> Array:
    """A slope of brightness in a random direction: factors around 1, [height, width, 1]."""
    rows, columns = grid(height, width)
    down, across = chance.between(-strength, strength), chance.between(-strength, strength)
    slope: Array = 1 + down * (rows / height - 0.5) + across * (columns / width - 0.5)
    return slope[..., None]


def grain(height: int, width: int, chance: Chance, strength: float) -> Array:
    """Noise around 0 in counts of a byte, [height, width, 1]."""
    return normal_noise(f"grain/{chance.key}", (height, width, 1)) * np.float32(strength)


def varied(colour: Colour, chance: Chance, spread: float) -> Array:
    """A colour near another, float32 [3]."""
    return np.array([channel + chance.between(-spread, spread) for channel in colour], np.float32)


def mixed(under: Array, over: Array, share: Array) -> Array:
    """`over` laid over `under`: colours or pictures [..., 3], share [height, width]."""
    picture: Array = under + (over - under) * share[..., None]
    return picture


def to_bytes(picture: Array) -> Array:
    """Float pixels as uint8 [height, width, 3]."""
    return np.clip(picture + 0.5, 0, 255).astype(np.uint8)


def jpeg(picture: Array) -> bytes:
    """uint8 [height, width, 3] as JPEG of quality 95 with full colour resolution."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=95, subsampling=0)
    return file.getvalue()


def png(picture: Array) -> bytes:
    """uint8 [height, width] as PNG."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG", compress_level=1)
    return file.getvalue()
