"""Which tensor of one model is which of the other."""

from __future__ import annotations

import numpy as np
import pytest

from backends.base import TensorSpec
from harness.difference.pairs import converter, pair
from harness.errors import ConfigError


def spec(name: str, *shape: int, dtype: str = "float32", scale: float = 0.0, zero_point: int = 0) -> TensorSpec:
    return TensorSpec(name, shape, np.dtype(dtype), scale, zero_point)


def test_tensors_belong_together_by_name_else_by_order() -> None:
    one, two = spec("one", 2), spec("two", 3)
    assert pair("input", [one, two], [two, one]) == [1, 0]
    assert pair("input", [one, two], [spec("a", 2), spec("b", 3)]) == [0, 1]
    with pytest.raises(ConfigError, match=r"input 'one' is \[2\], the reference's 'b' \[3\]"):
        pair("input", [one, two], [spec("b", 3), spec("a", 2)])


def test_numbers_are_converted_by_what_they_stand_for() -> None:
    quantised, real = spec("x", 4, dtype="int8", scale=0.5, zero_point=-2), spec("x", 4)
    raw = np.array([-2, 0, 127, -128], np.int8)
    values = converter(quantised, real)(raw)
    assert values.tolist() == [0, 1, 64.5, -63]
    assert converter(real, quantised)(values).tolist() == raw.tolist()
    unsigned = spec("x", 4, dtype="uint8", scale=0.25, zero_point=10)
    assert converter(quantised, unsigned)(raw).tolist() == [10, 14, 255, 0]
    assert converter(real, real)(values) is values
