"""One convolution in three types of numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.bench.kernels import NumberType, compare_number_types, write_convolution
from harness.messages.bench import Pace, Run


@pytest.mark.parametrize("kind", ["float32", "int8", "uint8"])
def test_each_is_a_model_that_xnnpack_takes_whole_and_whose_answers_differ(
    kind: NumberType, probe: Callable[..., Any], tmp_path: Path
) -> None:
    write_convolution(kind, tmp_path / "convolution.tflite")
    opened = probe(tmp_path / "convolution.tflite")
    coverage = opened.opened().backend.coverage
    assert (coverage.nodes - coverage.delegated_nodes, coverage.cpu_ops) == (0, {})
    opened.answer(Run(Pace(1, 0, 5)))
    (answer,) = opened._stages.read()
    assert answer.dtype == np.dtype(kind)
    assert len(np.unique(answer)) > 100


def test_types_are_held_against_each_other_in_turns(tmp_path: Path) -> None:
    found = compare_number_types("uint8", ["int8"], tmp_path, 0.1)
    assert list(found) == ["int8"]
    assert found["int8"].median > 0
