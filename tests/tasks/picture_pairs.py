"""What the tests of a task and those of its codec share: super resolution."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from backends.base import TensorSpec
from tasks.base import DataRef
from tasks.codecs.super_resolution import SuperResolutionCodec, SuperResolutionOptions
from tasks.super_resolution import SuperResolution


def make_set(folder: Path, sizes: Sequence[tuple[int, int]], scale: int = 2) -> Path:
    """Pictures a, b, ... of (height, width) in lr, originals in hr."""
    random = np.random.default_rng(5)
    for name, factor in (("lr", 1), ("hr", scale)):
        (folder / name).mkdir()
        for stem, (height, width) in zip("abcdef", sizes, strict=False):
            pixels = random.integers(0, 256, (height * factor, width * factor, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{stem}.png")
    return folder


def open_set(folder: Path, **options: Any) -> SuperResolution:
    return SuperResolution(DataRef(folder / "lr"), SuperResolutionOptions(**options))


def tensor(shape: Sequence[int], dtype: Any) -> TensorSpec:
    return TensorSpec("tensor", tuple(shape), np.dtype(dtype))


def bind(folder: Path, dtype: Any, **options: Any) -> SuperResolutionCodec:
    inputs, outputs = [tensor((1, 4, 6, 3), dtype)], [tensor((1, 8, 12, 3), dtype)]
    return open_set(folder, **options).codec(inputs, outputs)
