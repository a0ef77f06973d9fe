"""A built-in picture set in COCO's form: figures of 16 kinds on patterned ground, boxes around them.

A kind is one figure in one colour. A mistake must show: half of the kinds turn into one another where red and blue are
swapped, half differ by brightness alone, and two of the four figures point up and down. Pictures are of many aspects,
and so are the figures.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, Literal, NamedTuple

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
    to_bytes,
    varied,
)

Part = Literal["fit", "test"]

_FIGURES = ("disc", "up", "down", "cross")
_COLOURS: tuple[Colour, ...] = ((215, 40, 40), (40, 40, 215), (245, 245, 245), (15, 15, 15))
_COLOUR_NAMES = ("red", "blue", "white", "black")
KINDS = tuple(product(_FIGURES, _COLOURS))
CATEGORIES = (1, 11, 13, 25, 27, 28, 31, 44, 46, 65, 67, 70, 72, 82, 84, 90)
"""COCO's category id of each kind: both ends of 1 to 90, and both sides of the gaps in it."""
COUNTS: dict[Part, int] = {"fit": 240, "test": 60}
_COLOUR_SPREAD = 14
_TRIES = 20
_MAX_OVERLAP = 0.1


class Figure(NamedTuple):
    """One object of a picture."""

    kind: int
    """Place in KINDS."""
    box: tuple[float, float, float, float]
    """Left, top, width and height in pixels."""


def scene(height: int, width: int, chance: Chance) -> tuple[Array, list[Figure]]:
    """A picture uint8 [height, width, 3] and what is in it."""
    rows, columns = grid(height, width)
    picture = _ground(height, width, chance)
    figures: list[Figure] = []
    for _ in range(chance.integer(1, 5)):
        box = _place(height, width, figures, chance)
        if box is None:
            continue
        kind = chance.integer(0, len(KINDS) - 1)
        motif, colour = KINDS[kind]
        left, top, across, down = box
        window = (slice(int(top), int(top + down) + 2), slice(int(left), int(left + across) + 2))
        x = (columns[:, window[1]] + 0.5 - left - across / 2) / (across / 2)
        y = (rows[window[0]] + 0.5 - top - down / 2) / (down / 2)
        share = coverage(motif, x, y, min(across, down) / 2)
        picture[window] = mixed(picture[window], varied(colour, chance, _COLOUR_SPREAD), share)
        figures.append(Figure(kind, _tight(share > 0.5, window[1].start, window[0].start)))
    picture = picture * light(height, width, chance, 0.1) + grain(height, width, chance, 5)
    return to_bytes(picture), figures


def _ground(height: int, width: int, chance: Chance) -> Array:
    """Broad soft waves of two middling colours."""
    rows, columns = grid(height, width)
    pitch = min(height, width) * chance.between(0.1, 0.3)
    waves = np.sin(rows / pitch + chance.between(0, 6)) * np.sin(columns / pitch + chance.between(0, 6))
    level = chance.between(105, 150)
    one, other = (varied((int(level), int(level), int(level)), chance, 22) for _ in range(2))
    return mixed(np.broadcast_to(one, (height, width, 3)), other, (waves + 1) / 2)


def _place(height: int, width: int, figures: list[Figure], chance: Chance) -> tuple[float, float, float, float] | None:
    """Room for one more figure that hardly overlaps the others' boxes; None where it is not found."""
    for _ in range(_TRIES):
        size, aspect = chance.between(0.17, 0.55), chance.between(0.75, 1.33)
        down, across = size * height * aspect**0.5, size * width / aspect**0.5
        top, left = chance.between(1, height - down - 2), chance.between(1, width - across - 2)
        box = (left, top, across, down)
        if all(_overlap(box, figure.box) < _MAX_OVERLAP for figure in figures):
            return box
    return None


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> float:
    """Shared area as a fraction of the smaller box."""
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return max(0.0, across) * max(0.0, down) / min(one[2] * one[3], other[2] * other[3])


def _tight(covered: Array, left: int, top: int) -> tuple[float, float, float, float]:
    across, down = np.flatnonzero(covered.any(axis=0)), np.flatnonzero(covered.any(axis=1))
    return (
        float(left + across[0]),
        float(top + down[0]),
        float(across[-1] - across[0] + 1),
        float(down[-1] - down[0] + 1),
    )


def pictures(part: Part) -> Iterator[tuple[str, Array, list[Figure]]]:
    """File name, picture and figures of every picture of a part."""
    for index in range(COUNTS[part]):
        chance = Chance(f"coco/{part}/{index}")
        long = chance.integer(360, 560)
        short = int(long * chance.between(0.6, 0.95))
        height, width = (short, long) if chance.integer(0, 1) else (long, short)
        yield f"{part}_{index:04}.jpg", *scene(height, width, chance)


def write_builtin_coco(folder: Path, part: Part = "test") -> None:
    """Writes `images/` and `annotations/instances_builtin_PART.json`.

    Raises:
        OSError: The folder cannot be written.
    """
    for name in ("images", "annotations"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, (name, picture, figures) in enumerate(pictures(part), 1):
        (folder / "images" / name).write_bytes(jpeg(picture))
        height, width, _ = picture.shape
        images.append({"id": number, "file_name": name, "width": width, "height": height})
        for kind, box in figures:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": CATEGORIES[kind],
                    "bbox": list(box),
                    "area": box[2] * box[3],
                    "iscrowd": 0,
                }
            )
    names = product(_FIGURES, _COLOUR_NAMES)
    categories = [
        {"id": number, "name": f"{colour} {figure}"} for number, (figure, colour) in zip(CATEGORIES, names, strict=True)
    ]
    truth = {"images": images, "annotations": annotations, "categories": categories}
    path = folder / "annotations" / f"instances_builtin_{part}.json"
    path.write_text(json.dumps(truth) + "\n", encoding="utf-8", newline="\n")
