"""What the tests of a task and those of its codec share: segmentation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tasks.base import DataRef
from tasks.codecs.segmentation import SegmentationOptions
from tasks.segmentation import Segmentation


def make_set(folder: Path, sizes: Sequence[tuple[int, int]], truth_size: tuple[int, int] | None = None) -> Path:
    """Pictures a, b, ... of (height, width) with annotations of their size or of `truth_size`."""
    (folder / "images").mkdir()
    (folder / "annotations").mkdir()
    random = np.random.default_rng(7)
    for name, size in zip("abcdef", sizes, strict=False):
        Image.fromarray(random.integers(0, 256, (*size, 3)).astype(np.uint8)).save(folder / f"images/{name}.png")
        labels = random.integers(0, 32, truth_size or size).astype(np.uint8)
        Image.fromarray(labels).save(folder / f"annotations/{name}.png")
    return folder


def open_set(folder: Path, **options: Any) -> Segmentation:
    return Segmentation(DataRef(folder / "images"), SegmentationOptions(**options))
