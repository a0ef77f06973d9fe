"""One backend with what the task needs around it: which samples are asked together, in which order, of which model."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from backends.base import Array, Backend, BackendInfo, TensorSpec
from harness.errors import RunFailed
from harness.serving.sut import SystemUnderTest
from tasks.base import Codec, Postprocess

ROWS = [[np.full((1, 2), index, np.float32)] for index in range(7)]


class Adds(Backend):
    """Adds 1, or what it has been asked so far where it keeps that."""

    def __init__(self, batch: int = 1, *, keeps: bool = False, width: int = 2) -> None:
        self.inputs = self.outputs = (TensorSpec("x", (batch, 2), np.dtype(np.float32)),)
        self._kept, self._keeps, self._width = 0.0, keeps, width
        self.asked: list[float] = []
        self.closed = False

    def invoke(self, inputs: Sequence[Array]) -> list[Array]:
        self.asked.append(float(inputs[0][0, 0]))
        self._kept += 1.0
        return [(inputs[0] + (self._kept if self._keeps else 1.0))[:, : self._width]]

    def info(self) -> BackendInfo:
        return BackendInfo("adds", engine="none", delegate=None)

    def reset(self) -> None:
        self._kept = 0.0

    def close(self) -> None:
        self.closed = True


class Bytes:
    """Answers are the outputs' bytes."""

    judges_outputs = False

    def __init__(self, *, stamps_index: bool = False) -> None:
        self.stamps_index = stamps_index

    def answerer(self) -> Postprocess:
        if self.stamps_index:
            return lambda outputs: np.repeat(outputs[0][..., :1], 7).astype(np.float32).tobytes()
        return lambda outputs: outputs[0].tobytes()


def sut(backend: Backend, codec: Bytes | None = None, **options: Any) -> SystemUnderTest:
    samples: Any = SimpleNamespace(rows=ROWS, raw=[])
    return SystemUnderTest(backend, cast("Codec", codec or Bytes()), samples, **({"check_answers": False} | options))


def floats(answers: Sequence[bytes]) -> list[float]:
    return [float(np.frombuffer(answer, np.float32)[0]) for answer in answers]


def test_samples_are_answered_in_the_order_asked_also_twice() -> None:
    assert floats(sut(Adds()).answer_all([3, 0, 3, 6])) == [4, 1, 4, 7]


def test_whole_batches_go_to_the_model_of_a_batch_and_the_rest_to_the_other() -> None:
    one, many = Adds(), Adds(3)
    found = sut(one, many=many)
    assert found.batch == 3
    assert floats(found.answer_all([6, 5, 4, 3, 2, 1, 0])) == [7, 6, 5, 4, 3, 2, 1]
    assert (many.asked, one.asked) == ([6, 3], [0])
    found.close()
    assert one.closed
    assert many.closed


@pytest.mark.parametrize("many", [None, Adds(2)])
def test_the_rows_of_an_answer_are_stamped_with_the_sample_that_was_asked(many: Backend | None) -> None:
    answers = sut(Adds(), Bytes(stamps_index=True), many=many).answer_all([5, 2, 4])
    assert [np.frombuffer(answer, np.float32).tolist() for answer in answers] == [
        [5] + [6] * 6,
        [2] + [3] * 6,
        [4] + [5] * 6,
    ]


def test_what_a_model_keeps_is_put_back_between_samples_but_not_behind_the_last() -> None:
    backend = Adds(keeps=True)
    found = sut(backend, resets=True)
    assert floats(found.answer_all([2, 2, 2])) == [3, 3, 3]
    assert backend._kept == 1.0, "whoever asks renews, when the answers are on their way"
    assert found.renew is not None
    found.renew()
    assert floats([found.answer(2)]) == [3]
    assert floats(sut(Adds(keeps=True)).answer_all([2, 2])) == [3, 4], "a model that is to keep it"


def test_an_answer_of_another_shape_is_found_where_answers_are_checked() -> None:
    sut(Adds(width=1)).answer(0)
    with pytest.raises(RunFailed, match="backend adds answered"):
        sut(Adds(width=1), check_answers=True).answer(0)
    with pytest.raises(RunFailed, match="backend adds answered"):
        sut(Adds(width=1)).check(0)
