"""A built-in set of drawn faces with 468 reference points each, in three dimensions.

The points lie on one mask, which each face turns, shifts and sizes. As in MediaPipe's mesh, points 33 and 263 are the outer
corners of the eyes; the others' numbers have no meaning of MediaPipe's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np

from harness.zoo.builtin.drawing import Array, Chance, coverage, grain, grid, jpeg, light, mixed, to_bytes, varied

Part = Literal["fit", "test"]
POINTS = 468
EYES = (33, 263)
COUNTS: dict[Part, int] = {"fit": 700, "test": 40}
_EYE = (0.42, -0.2)
"""Of the right eye's outer corner in the mask, whose oval reaches from -0.75 to 0.75 and from -1 to 1."""
_GOLDEN = math.pi * (3 - math.sqrt(5))


@cache
def mask() -> Array:
    """The points of a face that looks straight ahead, float64 [468, 3]: x to the right, y down, z away from who looks."""
    number = np.arange(POINTS)
    radius, angle = np.sqrt((number + 0.5) / POINTS), number * _GOLDEN
    made = np.stack([0.75 * radius * np.cos(angle), radius * np.sin(angle), -0.5 * np.sqrt(1 - radius**2)], axis=1)
    for point, side in zip(EYES, (-1, 1), strict=True):
        made[point] = (side * _EYE[0], _EYE[1], -0.35)
    return made


def face(height: int, width: int, chance: Chance) -> tuple[Array, Array]:
    """A picture uint8 [height, width, 3], and the points float64 [468, 3] in pixels of it; z is measured as x is."""
    size = min(height, width) * chance.between(0.3, 0.42)
    middle = np.array([width * chance.between(0.44, 0.56), height * chance.between(0.44, 0.56)])
    turn = chance.between(-0.35, 0.35)
    cosine, sine = math.cos(turn), math.sin(turn)
    rows, columns = grid(height, width)
    across, down = (columns + 0.5 - middle[0]) / size, (rows + 0.5 - middle[1]) / size
    x, y = across * cosine + down * sine, down * cosine - across * sine
    level = int(chance.between(30, 90))
    made: Array = np.broadcast_to(varied((level,) * 3, chance, 20), (height, width, 3))
    oval = np.clip((1 - np.hypot(x / 0.75, y)) * size * 0.75 + 0.5, 0, 1)
    made = mixed(made, varied((215, 175, 150), chance, 20), oval)
    for side in (-1, 1):
        eye = coverage("disc", (x - side * 0.3) / 0.2, (y - _EYE[1]) / 0.16, size * 0.16)
        made = mixed(made, varied((40, 40, 60), chance, 15), eye)
    mouth = coverage("wide", x / 0.38, (y - 0.5) / 0.25, size * 0.25)
    made = mixed(made, varied((150, 40, 50), chance, 15), mouth)
    picture = to_bytes(made * light(height, width, chance, 0.2) + grain(height, width, chance, 6))
    rotation = np.array([[cosine, sine, 0], [-sine, cosine, 0], [0, 0, 1]])
    return picture, mask() @ rotation * size + np.array([*middle, 0.0])


def faces(part: Part) -> Iterator[tuple[str, Array, Array]]:
    """File name, picture and points of every picture of a part."""
    for index in range(COUNTS[part]):
        chance = Chance(f"faces/{part}/{index}")
        yield f"{part}_{index:04}.jpg", *face(chance.integer(180, 240), chance.integer(180, 240), chance)


def write_builtin_faces(folder: Path, part: Part = "test") -> None:
    """Writes the pictures and landmarks.csv.

    Raises:
        OSError: The folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lines = [",".join(["file", *(f"{axis}{point}" for point in range(POINTS) for axis in "xyz")])]
    for name, picture, points in faces(part):
        (folder / name).write_bytes(jpeg(picture))
        lines.append(",".join([name, *(f"{value:.3f}" for value in points.reshape(-1).tolist())]))
    (folder / "landmarks.csv").write_text("\n".join(lines) + "\n", encoding="ascii", newline="\n")
