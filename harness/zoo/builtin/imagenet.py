"""A built-in picture set in ImageNet's form: wallpapers of one motif in one pair of colours, 48 classes.

A mistake must show. Half of the classes differ only in what a swap of red and blue undoes, half only in how bright they
are; motifs come in pairs that differ by direction (up and down, left and right, the two diagonals) or by aspect.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Literal

from harness.zoo.builtin.drawing import (
    MOTIFS,
    Array,
    Chance,
    Colour,
    coverage,
    grain,
    grid,
    jpeg,
    light,
    mixed,
    to_bytes,
    varied,
)

Part = Literal["fit", "test"]

_COLOURS: tuple[tuple[Colour, Colour], ...] = (
    ((205, 60, 50), (125, 125, 125)),
    ((50, 60, 205), (125, 125, 125)),
    ((235, 235, 235), (160, 160, 160)),
    ((105, 105, 105), (30, 30, 30)),
)
"""Motif and ground: two that red and blue swapped turn into each other, two that differ by brightness alone."""
CLASSES = tuple(product(MOTIFS, _COLOURS))
LABELS = tuple(round(number * 999 / (len(CLASSES) - 1)) for number in range(len(CLASSES)))
"""ImageNet's label (0 to 999) of each of our classes."""
COUNTS: dict[Part, int] = {"fit": 960, "test": 240}
_COLOUR_SPREAD = 14
_MAX_TILT = 0.12
"""Radians either way."""


def wallpaper(number: int, height: int, width: int, period: float, chance: Chance) -> Array:
    """A picture of class `number`, uint8 [height, width, 3]; the motif repeats every `period` pixels."""
    motif, (figure, ground) = CLASSES[number]
    rows, columns = grid(height, width)
    tilt = chance.between(-_MAX_TILT, _MAX_TILT)
    across = (columns * math.cos(tilt) - rows * math.sin(tilt)) / period + chance.between(0, 1)
    down = (columns * math.sin(tilt) + rows * math.cos(tilt)) / period + chance.between(0, 1)
    x, y = across % 1 * 2 - 1, down % 1 * 2 - 1
    size = chance.between(0.85, 1.1)
    share = coverage(motif, x / size, y / size, period * size / 2)
    picture = mixed(varied(ground, chance, _COLOUR_SPREAD), varied(figure, chance, _COLOUR_SPREAD), share)
    picture = picture * light(height, width, chance, 0.12) + grain(height, width, chance, 5)
    return to_bytes(picture)


def pictures(part: Part) -> Iterator[tuple[str, int, bytes]]:
    """File name, label and JPEG of every picture of a part, of many sizes and aspects."""
    for index in range(COUNTS[part]):
        chance = Chance(f"imagenet/{part}/{index}")
        number = index % len(CLASSES)
        short = chance.integer(190, 280)
        long = int(short * chance.between(1, 1.6))
        height, width = (short, long) if chance.integer(0, 1) else (long, short)
        # A period of 28 to 44 pixels where the short side is resized to 256.
        period = short / 256 * chance.between(28, 44)
        yield f"{part}_{index:04}.jpg", LABELS[number], jpeg(wallpaper(number, height, width, period, chance))


def write_builtin_imagenet(folder: Path, part: Part = "test") -> None:
    """Writes the pictures of a part and labels.csv.

    Raises:
        OSError: The folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["file,label\n"]
    for name, label, data in pictures(part):
        (folder / name).write_bytes(data)
        lines.append(f"{name},{label}\n")
    (folder / "labels.csv").write_text("".join(lines), encoding="ascii", newline="\n")
