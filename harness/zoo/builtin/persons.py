"""Built-in picture sets of drawn persons: a folder a class for visual wake words, boxes for detection.

A person is a head over a body, which is wider at the shoulders. What is none: the same upside down, bodies without heads, heads
without bodies, crosses. Half of the persons are bright on dark and half dark on bright, so that a normalisation that is wrong
shows, and none has colours of its own: gray models see as much.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np

from harness.zoo.builtin.drawing import Array, Chance, coverage, grain, grid, jpeg, light, mixed, to_bytes, varied

Part = Literal["fit", "test"]
Box = tuple[float, float, float, float]
"""Left, top, width and height in pixels."""
OTHERS = ("upside_down", "body", "head", "cross")
COUNTS: dict[Part, int] = {"fit": 1200, "test": 120}
PERSON = 1
"""COCO's category id."""
_TRIES = 12


def _shape(kind: str, height: int, width: int, box: Box) -> Array:
    """How much of each pixel a figure in this box covers, [height, width]."""
    left, top, across, down = box
    rows, columns = grid(height, width)
    x = (columns + 0.5 - left) / across
    y = (rows + 0.5 - top) / down
    if kind == "upside_down":
        y = 1 - y
    unit = min(across, down)
    if kind == "cross":
        return coverage("cross", (x * 2 - 1) * 0.72, (y * 2 - 1) * 0.72, unit)
    head = np.clip((0.15 - np.hypot((x - 0.5) * across / down, y - 0.15)) * down + 0.5, 0, 1)
    narrowing = 0.5 - 0.3 * np.clip((y - 0.34) / 0.66, 0, 1)
    sides = (narrowing - abs(x - 0.5)) * across
    ends = np.minimum(y - 0.34, 1 - y) * down
    body = np.clip(np.minimum(sides, ends) + 0.5, 0, 1)
    if kind == "head":
        return head
    return body if kind == "body" else np.maximum(head, body)


def scene(
    height: int, width: int, chance: Chance, kinds: list[str], size: tuple[float, float]
) -> tuple[Array, list[Box]]:
    """A picture with figures of these kinds, uint8 [height, width, 3], and the boxes of the persons among them.

    Args:
        height: In pixels.
        width: Likewise.
        chance: Of this picture alone.
        kinds: `person` or one of OTHERS, as many as find room.
        size: The least and the greatest height of a figure, as a share of the picture's.
    """
    bright = chance.integer(0, 1)
    level = chance.between(40, 90) if bright else chance.between(165, 215)
    made: Array = np.broadcast_to(varied((int(level),) * 3, chance, 20), (height, width, 3))
    persons: list[Box] = []
    taken: list[Box] = []
    for kind in kinds:
        box = _place(height, width, taken, chance, size)
        if box is None:
            continue
        taken.append(box)
        shade = chance.between(170, 245) if bright else chance.between(10, 85)
        made = mixed(made, varied((int(shade),) * 3, chance, 20), _shape(kind, height, width, box))
        if kind == "person":
            persons.append(box)
    return to_bytes(made * light(height, width, chance, 0.15) + grain(height, width, chance, 6)), persons


def _place(height: int, width: int, taken: list[Box], chance: Chance, size: tuple[float, float]) -> Box | None:
    for _ in range(_TRIES):
        down = height * chance.between(*size)
        across = min(down * chance.between(0.4, 0.55), width - 4.0)
        left, top = chance.between(1, width - across - 1), chance.between(1, max(height - down - 1, 1.5))
        apart = all(
            left + across < one[0] or one[0] + one[2] < left or top + down < one[1] or one[1] + one[3] < top
            for one in taken
        )
        if apart:
            return left, top, across, down
    return None


def wake_words(part: Part) -> Iterator[tuple[bool, Array]]:
    """Whether a person is in it, and the picture, of every picture of a part."""
    for index in range(COUNTS[part]):
        chance = Chance(f"persons/vww/{part}/{index}")
        is_there = index % 2 == 1
        kinds = [chance.pick(OTHERS) for _ in range(chance.integer(0 if is_there else 1, 2))]
        kinds = ["person", *kinds] if is_there else kinds
        height, width = chance.integer(110, 160), chance.integer(110, 160)
        yield is_there, scene(height, width, chance, kinds, (0.45, 0.8))[0]


def write_builtin_vww(folder: Path, part: Part = "test") -> None:
    """Writes non_person/ and person/.

    Raises:
        OSError: The folder cannot be written.
    """
    for name in ("non_person", "person"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for index, (is_there, picture) in enumerate(wake_words(part)):
        (folder / ("person" if is_there else "non_person") / f"{part}_{index:04}.jpg").write_bytes(jpeg(picture))


def crowds(part: Part) -> Iterator[tuple[Array, list[Box]]]:
    """A picture with one to three persons among other figures, and their boxes, of every picture of a part."""
    for index in range(COUNTS[part]):
        chance = Chance(f"persons/coco/{part}/{index}")
        kinds = ["person"] * chance.integer(1, 3) + [chance.pick(OTHERS) for _ in range(chance.integer(0, 2))]
        height, width = chance.integer(110, 180), chance.integer(110, 180)
        yield scene(height, width, chance, kinds, (0.3, 0.75))


def write_builtin_persons(folder: Path, part: Part = "test") -> None:
    """Writes `images/` and `annotations/instances_builtin_PART.json` with COCO's category 1.

    Raises:
        OSError: The folder cannot be written.
    """
    for name in ("images", "annotations"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, (picture, boxes) in enumerate(crowds(part), 1):
        name = f"{part}_{number:04}.jpg"
        (folder / "images" / name).write_bytes(jpeg(picture))
        images.append({"id": number, "file_name": name, "width": picture.shape[1], "height": picture.shape[0]})
        for box in boxes:
            known = {"id": len(annotations) + 1, "image_id": number, "category_id": PERSON}
            annotations.append({**known, "bbox": list(box), "area": box[2] * box[3], "iscrowd": 0})
    truth = {"images": images, "annotations": annotations, "categories": [{"id": PERSON, "name": "person"}]}
    path = folder / "annotations" / f"instances_builtin_{part}.json"
    path.write_text(json.dumps(truth) + "\n", encoding="utf-8", newline="\n")
