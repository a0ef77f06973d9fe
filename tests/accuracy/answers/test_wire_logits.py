"""Start and end logits in the accuracy log."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accuracy.answers.log import LogError
from accuracy.answers.wire import LogitDtype, LogitLayout, pack_logits, unpack_logits

quick = settings(deadline=None, derandomize=True, max_examples=100)
layouts = st.sampled_from(("reference", "mobile"))
finite = st.floats(width=16, allow_nan=False, allow_infinity=False)
dtypes = st.sampled_from(("float16", "float32", "float64"))


@quick
@given(
    st.lists(st.tuples(finite, finite), min_size=1, max_size=30),
    layouts,
    dtypes,
    st.integers(0, 5),
)
def test_logits_are_read_back_bit_by_bit(
    pairs: list[tuple[float, float]], layout: LogitLayout, dtype: LogitDtype, padding: int
) -> None:
    start, end = (np.array(half, np.float32) for half in zip(*pairs, strict=True))
    found = unpack_logits(pack_logits(start, end, layout, dtype), len(pairs) + padding, layout, dtype)
    for half, original in zip(found, (start, end), strict=True):
        np.testing.assert_array_equal(half[: len(pairs)], original)
        assert (half[len(pairs) :] == -10000.0).all()


def test_the_reference_interleaves_and_the_app_does_not() -> None:
    start, end = np.array([1.0, 2.0], np.float32), np.array([3.0, 4.0], np.float32)
    assert pack_logits(start, end) == struct.pack("<4f", 1, 3, 2, 4)
    assert pack_logits(start, end, "mobile") == struct.pack("<4f", 1, 2, 3, 4)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "an answer of 0 bytes holds no pairs of float32"),
        (bytes(12), "an answer of 12 bytes holds no pairs of float32"),
        (bytes(8 * 385), "logits for 385 tokens; the windows have 384"),
    ],
)
@pytest.mark.parametrize("layout", ["reference", "mobile"])
def test_an_answer_that_is_no_logits_is_refused(data: bytes, message: str, layout: LogitLayout) -> None:
    with pytest.raises(LogError, match=message):
        unpack_logits(data, 384, layout)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_logit_that_is_not_finite_is_refused(value: float, dtype: LogitDtype) -> None:
    start = np.array([1.0, 2.0, 3.0])
    with pytest.raises(LogError, match=f"logit 3 of the answer is {value}: the model's output is broken"):
        unpack_logits(pack_logits(start, np.array([4.0, value, 5.0]), dtype=dtype), 3, dtype=dtype)


def test_tokens_that_a_model_leaves_out_by_an_endless_logit_stay_out() -> None:
    start = np.array([-np.inf, 1.0, -np.inf, 2.0], np.float32)
    found, _ = unpack_logits(pack_logits(start, start), 4, tokens=4)
    assert found.tolist() == start.tolist()
    none = np.full(4, -np.inf)
    with pytest.raises(LogError, match="logit 0 of the answer is -inf"):
        unpack_logits(pack_logits(none, none), 4, tokens=4)
