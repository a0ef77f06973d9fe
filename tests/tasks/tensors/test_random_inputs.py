"""Random inputs: the same for the same seed, in their range and type."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.base import TensorSpec
from tasks.base import ModelMismatch
from tasks.tensors.random_inputs import InputRange, default_range, random_inputs, words_of

WHOLE = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool"]
FLOATS = ["float16", "float32", "float64"]


def tensor(name: str, dtype: str, *shape: int) -> TensorSpec:
    return TensorSpec(name, shape, np.dtype(dtype))


@pytest.mark.parametrize("dtype", [*WHOLE, *FLOATS, "complex64"])
def test_inputs_have_the_type_the_shape_and_the_default_range(dtype: str) -> None:
    (array,) = random_inputs([tensor("x", dtype, 1, 30, 40)])
    assert (array.shape, array.dtype, array.flags.c_contiguous) == ((1, 30, 40), np.dtype(dtype), True)
    within = default_range(np.dtype(dtype))
    values = array.real if array.dtype.kind == "c" else array
    assert within.low <= values.min() < values.max() <= within.high
    if dtype in WHOLE:
        # Both ends occur among 1,200.
        assert (int(values.min()), int(values.max())) == (within.low, within.high) or dtype not in ("bool",)
    else:
        assert values.max() < within.high


def test_the_default_ranges_are_those_of_benchmark_model() -> None:
    ranges = {name: default_range(np.dtype(name)) for name in ("float32", "int8", "uint8", "int32", "int64", "bool")}
    assert ranges == {
        "float32": InputRange(-0.5, 0.5),
        "int8": InputRange(-127, 127),
        "uint8": InputRange(0, 254),
        "int32": InputRange(0, 99),
        "int64": InputRange(0, 99),
        "bool": InputRange(0, 1),
    }


def test_a_sample_depends_on_the_seed_its_number_and_its_place_alone() -> None:
    inputs = [tensor("a", "float32", 1, 8), tensor("b", "float32", 1, 8)]
    one, two = random_inputs(inputs, seed=7, index=3)
    assert np.array_equal(one, random_inputs(inputs[:1], seed=7, index=3)[0])
    assert not np.array_equal(one, two)
    for other in (random_inputs(inputs, seed=8, index=3), random_inputs(inputs, seed=7, index=4)):
        assert not np.array_equal(one, other[0])


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.sampled_from(["int8", "uint8", "int32", "int64"]), st.data())
def test_stated_whole_numbers_are_kept_with_both_ends(dtype: str, data: st.DataObject) -> None:
    info = np.iinfo(dtype)
    low = data.draw(st.integers(int(info.min), int(info.max)))
    high = data.draw(st.integers(low, min(low + 3, int(info.max))))
    (array,) = random_inputs([tensor("x", dtype, 200)], {"x": InputRange(low, high)})
    assert sorted(set(array.tolist())) == list(range(low, high + 1))


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.sampled_from(FLOATS), st.floats(-6e4, 6e4, width=16), st.floats(0, 1e3, width=16))
def test_floats_stay_below_the_upper_end_in_their_own_type(dtype: str, low: float, span: float) -> None:
    high = float(np.float16(min(low + span, 6e4)))
    (array,) = random_inputs([tensor("x", dtype, 500)], {"": InputRange(low, high)})
    assert array.dtype == np.dtype(dtype)
    assert low <= array.min()
    assert array.max() < high or low == high


def test_texts_are_small_words() -> None:
    (array,) = random_inputs([tensor("words", "O", 2, 3)])
    assert array.shape == (2, 3)
    assert all(1 <= len(word) <= 8 and word.islower() for word in array.ravel().tolist())
    assert (
        words_of([tensor("words", "O", 2), tensor("x", "int8", 1, 2)])
        == "words: text [2] words; x: int8 [1, 2] -127 to 127"
    )


@pytest.mark.parametrize(
    ("stated", "why"),
    [
        ({"y": InputRange(0, 1)}, r"input 'y', which the model does not have: its inputs are 'x', 'text'"),
        ({"x": InputRange(0, 300)}, r"range 0 to 300 of input x is beyond uint8, which holds 0 to 255"),
        ({"x": InputRange(5, 1)}, "ends before it begins"),
        ({"x": InputRange(0.5, 1)}, "whole numbers"),
        ({"x": InputRange(0, float("nan"))}, "not finite"),
        ({"text": InputRange(0, 1)}, "holds texts, which have no range"),
        ({"": InputRange(0, 1)}, "input ''"),
    ],
)
def test_a_range_that_cannot_be_is_refused(stated: Mapping[str, InputRange], why: str) -> None:
    with pytest.raises(ModelMismatch, match=why):
        random_inputs([tensor("x", "uint8", 4), tensor("text", "O", 1)], stated)
