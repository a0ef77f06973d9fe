"""What the tests of a task and those of its codec share: question answering."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from backends.base import TensorSpec
from tasks.base import DataRef
from tasks.codecs.question_answering import QuestionAnsweringOptions
from tasks.question_answering import QuestionAnswering

INT, FLOAT = np.dtype(np.int32), np.dtype(np.float32)


def task_of(path: Path, truth: Path | None = None, count: int | None = None, **options: Any) -> QuestionAnswering:
    return QuestionAnswering(DataRef(path, truth, count), QuestionAnsweringOptions(**options))


def specs(*names: str, dtype: np.dtype[Any] = INT, shape: tuple[int, ...] = (1, 384)) -> list[TensorSpec]:
    return [TensorSpec(name, shape, dtype) for name in names]


INPUTS = specs("input_ids", "input_mask", "segment_ids")
OUTPUTS = specs("end_logits", "start_logits", dtype=FLOAT)
