"""What the tests of a task and those of its codec share: keyword spotting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from backends.base import TensorSpec
from tasks.base import DataRef
from tasks.codecs.keyword_spotting import KeywordSpottingOptions
from tasks.keyword_spotting import KeywordSpotting

SCALE, ZERO_POINT = 0.5847029089927673, 83
FEATURES = np.arange(490).astype(np.int8)


def spec(dtype: Any, shape: tuple[int, ...] = (1, 49, 10, 1), scale: float = 0.0, zero_point: int = 0) -> TensorSpec:
    return TensorSpec("features", shape, np.dtype(dtype), scale, zero_point)


SCORES = TensorSpec("scores", (1, 12), np.dtype(np.int8))


def feature_set(folder: Path, labels: str | None = "a.bin,12,7\nb.bin,12,2\n") -> Path:
    (folder / "a.bin").write_bytes(FEATURES.tobytes())
    (folder / "b.bin").write_bytes(FEATURES[::-1].tobytes())
    if labels is not None:
        (folder / "y_labels.csv").write_text(labels)
    return folder


def task_of(path: Path, count: int | None = None, **options: Any) -> KeywordSpotting:
    return KeywordSpotting(DataRef(path, None, count), KeywordSpottingOptions(**options))
