"""What the tests of a task and those of its codec share: classification."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tasks.base import DataRef
from tasks.classification import Classification
from tasks.codecs.classification import ClassificationOptions


def picture_set(folder: Path, count: int = 3, labels: str | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        image = np.random.default_rng(number).integers(0, 256, (20 + number, 30, 3)).astype(np.uint8)
        Image.fromarray(image).save(folder / f"{number}.png")
    if labels is not None:
        (folder / "val_map.txt").write_text(labels)
    return folder


def task_of(path: Path, truth: Path | None = None, count: int | None = None, **options: Any) -> Classification:
    return Classification(DataRef(path, truth, count), ClassificationOptions(**options))
