"""A built-in picture set in CIFAR-10's binary form: ten figures of 32x32 pixels.

A mistake must show: figures turn into one another upside down, mirrored, or with red and blue swapped.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np

from harness.zoo.builtin.drawing import Array, Chance, Colour, coverage, grain, grid, light, mixed, to_bytes, varied

Part = Literal["fit", "test"]
SIDE = 32
_RED, _BLUE, _WHITE, _BLACK = (215, 50, 45), (45, 50, 215), (240, 240, 240), (20, 20, 20)
CLASSES: tuple[tuple[str, Colour], ...] = (
    ("up", _RED),
    ("down", _RED),
    ("up", _BLUE),
    ("down", _BLUE),
    ("left", _WHITE),
    ("right", _WHITE),
    ("left", _BLACK),
    ("right", _BLACK),
    ("cross", _RED),
    ("cross", _BLUE),
)
COUNTS: dict[Part, int] = {"fit": 2000, "test": 200}
_COLOUR_SPREAD = 20


def picture(label: int, chance: Chance) -> Array:
    """A figure of a class somewhere on gray, uint8 [32, 32, 3]."""
    motif, colour = CLASSES[label]
    rows, columns = grid(SIDE, SIDE)
    radius = chance.between(9, 14)
    across = (columns + 0.5 - chance.between(12, 20)) / radius
    down = (rows + 0.5 - chance.between(12, 20)) / radius
    level = int(chance.between(95, 160))
    ground = np.broadcast_to(varied((level, level, level), chance, 18), (SIDE, SIDE, 3))
    made = mixed(ground, varied(colour, chance, _COLOUR_SPREAD), coverage(motif, across, down, radius))
    return to_bytes(made * light(SIDE, SIDE, chance, 0.2) + grain(SIDE, SIDE, chance, 8))


def pictures(part: Part) -> Iterator[tuple[int, Array]]:
    """Label and picture of every record of a part."""
    for index in range(COUNTS[part]):
        label = index % len(CLASSES)
        yield label, picture(label, Chance(f"cifar10/{part}/{index}"))


def write_builtin_cifar10(folder: Path, part: Part = "test") -> None:
    """Writes test_batch.bin: a byte of label, then red, green and blue.

    Raises:
        OSError: The folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    records = [bytes([label]) + made.transpose(2, 0, 1).tobytes() for label, made in pictures(part)]
    (folder / "test_batch.bin").write_bytes(b"".join(records))
