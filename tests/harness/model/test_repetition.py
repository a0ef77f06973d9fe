"""Whether a second answer to the same is the first one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backends.base import BackendInfo, TensorSpec
from harness.model.repetition import otherwise

Y = TensorSpec("y", (1, 3), np.dtype(np.float32))
CPU = BackendInfo("cpu", "Interpreter", None)


def differs(one: Any, other: Any) -> str:
    def never(*_: Any) -> Any:
        raise AssertionError("the CPU is held to the last bit")

    return otherwise(CPU, [Y], [np.asarray(one)], [np.asarray(other)], never)


def test_the_same_values_are_the_same_whatever_they_are() -> None:
    for values in ([[1.0, np.nan, np.inf]], np.zeros((0, 3), np.float32), np.array([b"a", b"b"], object), [True], 3):
        assert differs(values, values) == ""
    one = np.array([1.0, 2.0], np.float32)
    assert differs(one, np.nextafter(one, 9)) == ""


@pytest.mark.parametrize(
    ("one", "other"),
    [([1.0, 2.0], [1.0, 2.1]), ([1.0, np.nan], [1.0, 2.0]), ([1.0, 2.0], [1.0]), ([b"a"], [b"b"]), ([1], [2])],
)
def test_other_values_and_another_shape_are_said(one: Any, other: Any) -> None:
    assert differs(one, other).startswith("output y begins with ")
