"""A built-in picture set in ADE20K's form: rooms of patterned surfaces with figures before them, 24 classes and unscored.

Each class is one pattern in one pair of colours. A mistake must show: half of the classes come in pairs that a swap of
red and blue turns into each other, half in pairs of one pattern that differ by brightness; stripes by direction.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from harness.zoo.builtin.drawing import (
    Array,
    Chance,
    Colour,
    coverage,
    grain,
    grid,
    jpeg,
    light,
    mixed,
    png,
    to_bytes,
    varied,
)

Part = Literal["fit", "test"]


def _level(x: Array, y: Array) -> Array:
    inside: Array = abs(y % 1 * 2 - 1) - 0.5 + 0 * x
    return inside


def _upright(x: Array, y: Array) -> Array:
    return _level(y, x)


def _falling(x: Array, y: Array) -> Array:
    return _level(0 * x, (x - y) * math.sqrt(0.5))


def _rising(x: Array, y: Array) -> Array:
    return _level(0 * x, (x + y) * math.sqrt(0.5))


def _dots(x: Array, y: Array) -> Array:
    inside: Array = 0.6 - np.hypot(x % 1 * 2 - 1, y % 1 * 2 - 1)
    return inside


def _checks(x: Array, y: Array) -> Array:
    return np.where((x % 1 < 0.5) == (y % 1 < 0.5), np.float32(0.5), np.float32(-0.5))


PATTERNS: Mapping[str, Callable[[Array, Array], Array]] = {
    "level": _level,
    "upright": _upright,
    "falling": _falling,
    "rising": _rising,
    "dots": _dots,
    "checks": _checks,
}
_COLOURS: tuple[tuple[Colour, Colour], ...] = (
    ((200, 70, 60), (130, 110, 110)),
    ((60, 70, 200), (110, 110, 130)),
    ((240, 240, 240), (165, 165, 165)),
    ((95, 95, 95), (25, 25, 25)),
)
SURFACES = tuple((pattern, colours) for pattern in PATTERNS for colours in _COLOURS)
CLASSES = (1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 13, 14, 16, 17, 18, 20, 21, 22, 24, 25, 27, 28, 30, 31)
"""The class (1 to 31) of each surface."""
UNSCORED = 0
"""What the metric does not count: a plain frame here and there."""
COUNTS: dict[Part, int] = {"fit": 120, "test": 40}
_COLOUR_SPREAD = 12
_PERIODS = (18, 26)
"""Of the patterns, in pixels where the long side is resized to 512."""


def _surface(number: int, height: int, width: int, scale: float, chance: Chance) -> Array:
    """float32 [height, width, 3]."""
    pattern, (figure, ground) = SURFACES[number]
    rows, columns = grid(height, width)
    period = chance.between(*_PERIODS) * scale
    x, y = columns / period + chance.between(0, 1), rows / period + chance.between(0, 1)
    share = np.clip(PATTERNS[pattern](x, y) * period / 2 + 0.5, 0, 1)
    share = np.broadcast_to(share, (height, width))
    return mixed(varied(ground, chance, _COLOUR_SPREAD), varied(figure, chance, _COLOUR_SPREAD), share)


def scene(height: int, width: int, scale: float, chance: Chance) -> tuple[Array, Array]:
    """A picture uint8 [height, width, 3] and its classes uint8 [height, width].

    Args:
        height: In pixels.
        width: In pixels.
        scale: Pixels of this picture to one of the model's: patterns and figures are as large as that.
        chance: Of this picture alone.
    """
    numbers = list(range(len(SURFACES)))
    picture, classes = _walls(height, width, scale, chance, numbers)
    rows, columns = grid(height, width)
    for _ in range(chance.integer(2, 4)):
        number = numbers.pop(chance.integer(0, len(numbers) - 1))
        radius = chance.between(55, 110) * scale
        middle_y, middle_x = chance.between(0.1, 0.9) * height, chance.between(0.1, 0.9) * width
        motif = chance.pick(("disc", "box", "up"))
        share = coverage(motif, (columns - middle_x) / radius, (rows - middle_y) / radius, radius)
        picture = mixed(picture, _surface(number, height, width, scale, chance), share)
        classes = np.where(share > 0.5, np.uint8(CLASSES[number]), classes)
    if chance.between(0, 1) < 0.3:
        edge = math.ceil(chance.between(8, 20) * scale)
        picture[:edge], classes[:edge] = varied((120, 160, 90), chance, _COLOUR_SPREAD), UNSCORED
    picture = picture * light(height, width, chance, 0.1) + grain(height, width, chance, 5)
    return to_bytes(picture), classes


def _walls(height: int, width: int, scale: float, chance: Chance, numbers: list[int]) -> tuple[Array, Array]:
    """Two to four surfaces that meet at one crooked line across and one down; takes them off `numbers`."""
    rows, columns = grid(height, width)
    across = rows - height * chance.between(0.35, 0.65) - (columns - width / 2) * chance.between(-0.3, 0.3)
    down = columns - width * chance.between(0.35, 0.65) - (rows - height / 2) * chance.between(-0.3, 0.3)
    picture = np.zeros((height, width, 3), np.float32)
    classes = np.zeros((height, width), np.uint8)
    for quarter in ((across < 0) & (down < 0), (across < 0) & (down >= 0), (across >= 0) & (down < 0), None):
        place = (across >= 0) & (down >= 0) if quarter is None else quarter
        number = numbers.pop(chance.integer(0, len(numbers) - 1))
        picture[place] = _surface(number, height, width, scale, chance)[place]
        classes[place] = CLASSES[number]
    return picture, classes


def pictures(part: Part) -> Iterator[tuple[str, bytes, bytes]]:
    """Base name, JPEG and PNG of the classes, of every picture of a part, of many sizes and aspects."""
    for index in range(COUNTS[part]):
        chance = Chance(f"ade20k/{part}/{index}")
        long = chance.integer(400, 640)
        short = int(long * chance.between(0.6, 0.95))
        height, width = (short, long) if chance.integer(0, 1) else (long, short)
        picture, classes = scene(height, width, long / 512, chance)
        yield f"{part}_{index:04}", jpeg(picture), png(classes)


def write_builtin_ade20k(folder: Path, part: Part = "test") -> None:
    """Writes `images/` and `annotations/`.

    Raises:
        OSError: The folder cannot be written.
    """
    for name in ("images", "annotations"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name, picture, classes in pictures(part):
        (folder / "images" / f"{name}.jpg").write_bytes(picture)
        (folder / "annotations" / f"{name}.png").write_bytes(classes)
