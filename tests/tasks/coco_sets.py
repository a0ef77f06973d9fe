"""What the tests of a task and those of its codec share: detection."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Array = npt.NDArray[Any]


def png(width: int = 20, height: int = 10, seed: int = 0) -> bytes:
    file = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


SIZES = {"c": (20, 10), "a": (30, 10), "b": (10, 20)}
"""Width and height by name, in the order of the JSON."""


def write_coco(folder: Path, **changes: Any) -> Path:
    """Three pictures, the last without an object, and a JSON that lists them in another order than by name."""
    (folder / "val2017").mkdir(parents=True)
    (folder / "annotations").mkdir()
    for seed, (name, size) in enumerate(SIZES.items()):
        (folder / "val2017" / f"{name}.png").write_bytes(png(*size, seed))
    content = {
        "images": [
            {"id": 50 - row, "file_name": f"{name}.png", "width": size[0], "height": size[1]}
            for row, (name, size) in enumerate(SIZES.items())
        ],
        "categories": [{"id": 1}, {"id": 2}, {"id": 90}],
        "annotations": [
            {"id": 1, "image_id": 50, "category_id": 1, "bbox": [0, 0, 10, 10], "area": 90},
            {"id": 2, "image_id": 49, "category_id": 90, "bbox": [0, 0, 30, 5], "area": 140},
            {"id": 3, "image_id": 49, "category_id": 1, "bbox": [0, 0, 3, 3], "area": 9, "iscrowd": 1},
        ],
    }
    (folder / "annotations/instances_val2017.json").write_text(json.dumps(content | changes))
    return folder
