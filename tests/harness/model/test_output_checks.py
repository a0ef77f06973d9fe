"""Answers held against what the model promises, and by a task that judges them itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from backends.base import Array, Backend, BackendInfo, TensorSpec
from harness.errors import RunFailed
from harness.model.output_checks import checked, checked_batch, odd_values

Y = TensorSpec("y", (1, 2), np.dtype(np.float32))


class Model(Backend):
    """Gives back what it is given."""

    inputs = outputs = (Y,)

    def invoke(self, inputs: Sequence[Array]) -> list[Array]:
        return list(inputs)

    def info(self) -> BackendInfo:
        return BackendInfo("told", "none", None)


GOOD = np.zeros((1, 2), np.float32)
NAN, LONGER = np.array([[0, np.nan]], np.float32), np.zeros((3, 2), np.float32)


@pytest.mark.parametrize(
    ("answer", "why"), [([NAN], "output y holds NaN"), ([LONGER], r"float32 \[3, 2\]"), ([], "answered nothing")]
)
def test_an_answer_that_is_not_what_was_promised_fails_the_run(answer: list[Any], why: str) -> None:
    model = Model()
    assert checked(model, model.invoke)([GOOD])[0] is GOOD
    with pytest.raises(RunFailed, match=why):
        checked(model, model.invoke)(answer)
    with pytest.raises(RunFailed, match=why):
        checked_batch(model, lambda rows: rows)([answer])


def test_a_task_that_judges_outputs_takes_nan_and_other_shapes_and_no_other_types_or_numbers_of_them() -> None:
    model = Model()
    ask = checked(model, model.invoke, judged=True)
    for answer in (NAN, LONGER):
        assert ask([answer])[0] is answer
        assert checked_batch(model, lambda rows: rows, judged=True)([[answer]])[0][0] is answer
    for wrong in ([GOOD.astype(np.float64)], [GOOD, GOOD], []):
        with pytest.raises(RunFailed, match="but the model's outputs are"):
            ask(wrong)


def test_what_is_odd_about_an_answer_is_said_of_each_output() -> None:
    assert odd_values([Y], [GOOD]) == []
    assert odd_values([Y], [NAN]) == ["output y holds NaN 1 times and infinity 0 times, of 2 values"]
    assert odd_values([Y], [LONGER]) == ["output y has the shape [3, 2], where the file promises [1, 2]"]
