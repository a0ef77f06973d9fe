"""How stored arrays become what a tensor takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.base import TensorSpec
from tasks.base import DataMissing
from tasks.tensors.fitting import converted, fitted, looks_like, real_values


def spec(dtype: str, *shape: int, scale: float = 0.0, zero: int = 0, stored_as: str = "") -> TensorSpec:
    return TensorSpec("x", shape, np.dtype(dtype), scale, zero, stored_as)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.lists(st.floats(-3, 3, width=32), min_size=3, max_size=3), st.floats(0.01, 1), st.integers(-128, 127))
def test_real_values_become_the_nearest_step_within_the_type(values: list[float], scale: float, zero: int) -> None:
    tensor = spec("int8", 1, 3, scale=scale, zero=zero)
    steps = fitted(np.array([values], np.float32), tensor, "x")
    assert steps.dtype == np.int8
    for step, value in zip(steps[0].tolist(), values, strict=True):
        wanted = round(float(np.float32(value)) / scale) + zero
        assert step == min(127, max(-128, wanted))
    back = real_values(steps, scale, zero)
    inside = (steps > -128) & (steps < 127)
    assert np.all(np.abs(back - np.array([values], np.float32))[inside] <= scale / 2 * (1 + 1e-6))


@pytest.mark.parametrize(
    ("array", "tensor", "wanted"),
    [
        (np.array([[3, 4]], np.int8), spec("int8", 1, 2, scale=0.5), [[3, 4]]),
        (np.array([3, 4], np.int64), spec("int32", 1, 2), [[3, 4]]),
        (np.array([[1.5, 2]], np.float64), spec("float16", 1, 2), [[1.5, 2]]),
        (np.array([[1, 0]], np.uint8), spec("bool", 1, 2), [[True, False]]),
        (np.array([[1, 0]], np.uint8), spec("float32", 1, 2), [[1.0, 0.0]]),
        (np.array(["ja", "n\N{LATIN SMALL LETTER E WITH ACUTE}"]), spec("O", 2), [b"ja", b"n\xc3\xa9"]),
        (np.array([b"ja"]), spec("O", 1), [b"ja"]),
        (np.array([[7, -8]], np.int8), spec("int8", 1, 2, stored_as="int4"), [[7, -8]]),
    ],
)
def test_what_is_no_guess_is_taken(array: Any, tensor: TensorSpec, wanted: list[Any]) -> None:
    found = fitted(array, tensor, "x")
    assert (found.shape, found.dtype, found.tolist()) == (tensor.shape, tensor.dtype, wanted)


@pytest.mark.parametrize(
    ("array", "tensor", "why"),
    [
        (np.zeros((1, 3)), spec("float32", 1, 2), r"x is float64 \[1, 3\], but the model takes \[1, 2\]"),
        (np.zeros((2, 2)), spec("float32", 1, 4), r"float64 \[2, 2\], but the model takes \[1, 4\]"),
        (np.zeros((1, 2)), spec("int32", 1, 2), "x is float64, but the model takes int32"),
        (np.zeros((1, 2), np.uint8), spec("int8", 1, 2, scale=0.5), "int8 steps, or floats in real units"),
        (np.array([[300, 0]]), spec("uint8", 1, 2), "which holds 0 to 255 alone"),
        (np.array([[2, 0]]), spec("bool", 1, 2), "which holds 0 to 1 alone"),
        (np.array([[8, 0]], np.int8), spec("int8", 1, 2, stored_as="int4"), "which holds -8 to 7 alone"),
        (np.array([[np.nan, 0]]), spec("int8", 1, 2, scale=0.5), "no finite numbers"),
        (np.array([[1e300, 0]]), spec("float32", 1, 2), "does not hold all of its values"),
        (np.array([[1j, 0]]), spec("float32", 1, 2), "a complex number is none"),
        (np.array([["a", "b"]]), spec("float32", 1, 2), "but the model takes float32"),
        (np.zeros((1, 2)), spec("O", 1, 2), "but the model takes texts"),
        (np.zeros((1, 2), "V3"), spec("float32", 1, 2), "no numbers"),
    ],
)
def test_what_would_be_a_guess_is_refused(array: Any, tensor: TensorSpec, why: str) -> None:
    with pytest.raises(DataMissing, match=why):
        fitted(array, tensor, "x")


def test_what_one_model_was_given_another_is_given_in_its_own_type() -> None:
    steps, floats = spec("int8", 1, 2, scale=0.5, zero=3), spec("float32", 1, 2)
    raw = np.array([[5, 3]], np.int8)
    assert converted(raw, steps, floats, "x").tolist() == [[1.0, 0.0]]
    assert converted(raw, steps, steps, "x") is not None
    assert converted(np.array([[1.0, 0.0]], np.float32), floats, steps, "x").tolist() == [[5, 3]]


@pytest.mark.parametrize("bits", [32, 64])
def test_bytes_of_whole_numbers_read_as_floats_and_the_other_way_round_are_told(bits: int) -> None:
    whole, floats = np.arange(-5, 30, dtype=f"i{bits // 8}"), np.linspace(-2, 300, 40, dtype=f"f{bits // 8}")
    assert looks_like(whole.view(floats.dtype)) == f"int{bits}"
    assert looks_like(floats.view(whole.dtype)) == f"float{bits}"
    for right in (whole, floats, np.zeros_like(whole), np.zeros_like(floats), whole * 1_000_003, floats * 1e-6):
        assert looks_like(right) == ""
