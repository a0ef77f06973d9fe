from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accuracy.answers.wire import unpack_labels
from backends.base import TensorSpec
from tasks.base import ModelMismatch
from tasks.outputs.label_answers import BestLabel, BestLabels, score_count

DTYPES = st.sampled_from([np.uint8, np.int8, np.float32, np.float16])


@settings(deadline=None, derandomize=True)
@given(scores=st.lists(st.integers(0, 20), min_size=3, max_size=60), offset=st.integers(0, 2), dtype=DTYPES)
def test_the_best_label_is_the_first_highest_score_behind_the_offset(
    scores: list[int], offset: int, dtype: Any
) -> None:
    output = np.array([scores], dtype)
    kept = scores[offset:]
    label = kept.index(max(kept))
    answered = BestLabel(len(kept), offset, "int32").answer([output])
    assert unpack_labels(answered, len(kept), "int32") == [label]


@settings(deadline=None, derandomize=True)
@given(scores=st.lists(st.integers(-100, 100), min_size=3, max_size=60), offset=st.integers(0, 2), dtype=DTYPES)
def test_the_best_labels_are_in_order_and_ties_go_to_the_lower_class(
    scores: list[int], offset: int, dtype: Any
) -> None:
    output = np.array([scores]).astype(dtype)
    kept = output[0, offset:].tolist()
    expected = sorted(range(len(kept)), key=lambda label: (-kept[label], label))[:5]
    assert unpack_labels(BestLabels(5, offset, "float32").answer([output]), len(kept)) == expected


@settings(deadline=None, derandomize=True)
@given(scores=st.lists(st.integers(0, 255), min_size=3, max_size=60), offset=st.integers(0, 1))
def test_both_modes_log_the_same_best_label(scores: list[int], offset: int) -> None:
    output = np.array([scores], np.uint8)
    count = len(scores) - offset
    quick = BestLabel(count, offset, "float32").answer([output])
    assert BestLabels(5, offset, "float32").answer([output]).startswith(quick)


@settings(deadline=None, derandomize=True)
@given(
    rows=st.lists(st.lists(st.integers(0, 9), min_size=7, max_size=7), min_size=2, max_size=6),
    offset=st.integers(0, 2),
    again=st.booleans(),
    strided=st.booleans(),
)
def test_an_answerer_sees_what_an_engine_writes_into_the_array_that_it_answered_in_before(
    rows: list[list[int]], offset: int, again: bool, strided: bool
) -> None:
    best = BestLabel(7 - offset, offset, "int32")
    quick = best.answerer()
    memory = np.zeros((1, 14), np.uint8)[:, ::2] if strided else np.zeros((1, 7), np.uint8)
    for row in rows:
        memory[...] = row
        kept = row[offset:]
        assert unpack_labels(quick([memory if again else memory.copy()]), 7, "int32") == [kept.index(max(kept))]


def test_the_lowest_int8_and_the_highest_uint8_are_no_exception() -> None:
    assert unpack_labels(BestLabels(2, 0, "float32").answer([np.array([[-128, 127, 0]], np.int8)]), 3) == [1, 2]
    assert unpack_labels(BestLabels(2, 0, "float32").answer([np.array([[0, 255, 1]], np.uint8)]), 3) == [1, 2]


@pytest.mark.parametrize("shape", [(1, 10), (10,), (1, 1, 1, 10)])
def test_scores_may_have_dimensions_of_one(shape: tuple[int, ...]) -> None:
    assert score_count([TensorSpec("scores", shape, np.dtype(np.uint8))]) == 10


@pytest.mark.parametrize(
    ("outputs", "complaint"),
    [
        ([], "1 output, but the model has 0"),
        ([("a", (1, 10), np.uint8), ("b", (1, 4), np.uint8)], r"has 2: a \[1, 10\], b \[1, 4\]"),
        ([("a", (2, 10), np.uint8)], r"output a is uint8 \[2, 10\]"),
        ([("a", (1, 10), np.int64)], r"output a is int64 \[1, 10\], but .* float32, float16, int8, uint8, int16"),
        ([("a", (), np.float32)], r"output a is float32 \[\]"),
    ],
)
def test_outputs_that_are_no_scores_are_refused(outputs: list[tuple[str, Any, Any]], complaint: str) -> None:
    with pytest.raises(ModelMismatch, match=complaint):
        score_count([TensorSpec(name, shape, np.dtype(dtype)) for name, shape, dtype in outputs])
