"""The system under test: samples in, answers out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from backends.base import Backend
from backends.litert.batch import RunBatch
from harness.model.output_checks import AnyRun, checked, checked_batch
from harness.serving.samples import Raw, Row
from native import timed_path
from tasks.base import Codec, Postprocess

_FLOATS_PER_STAMPED_ROW = 7


AnswerOne = Callable[[int], bytes]


AnswerAll = Callable[[Sequence[int]], list[bytes]]


Renew = Callable[[], None]


class SampleSource(Protocol):
    """Where samples are looked up: a `SampleLibrary`, or a peer's `SharedSamples`."""

    rows: list[Row]
    raw: list[Raw]


class SystemUnderTest:
    """One backend with what the task needs around it. Used by one thread."""

    answer: AnswerOne
    """The timed path: one look-up, one run of the model, one post-processing."""
    answer_all: AnswerAll
    """The same for several samples, in order: whole batches together where there is a backend for them, the rest one by one."""
    renew: Renew | None
    """Puts back what the model keeps from one run to the next. Whoever asks calls it when the answers are on their way, so that
    every query finds the model as it was opened; None where it keeps nothing, or is to keep it."""

    def __init__(
        self,
        backend: Backend,
        codec: Codec,
        samples: SampleSource,
        *,
        check_answers: bool,
        many: Backend | None = None,
        resets: bool = False,
    ) -> None:
        """Binds what a query needs.

        Args:
            backend: The model, opened for one sample.
            codec: Of the task.
            samples: Where they are looked up.
            check_answers: Hold every answer against the model's outputs (a microsecond: not where queries are timed).
            many: The same model, opened for a batch (see `harness.worker.batch`).
            resets: The model keeps something from one run to the next, which no other query may see.
        """
        self.backend, self.many = backend, many
        self.renew = backend.reset if resets else None
        self._rows = samples.rows
        raw = backend.raw_runner()
        run, rows = (backend.runner(), samples.rows) if raw is None else (raw, samples.raw)
        self._judged = judged = codec.judges_outputs
        run = checked(backend, run, judged=judged) if check_answers else run
        self.answer, self.answer_all = (_stamped if codec.stamps_index else _plain)(rows, run, codec.answerer())
        if self.renew is not None:
            self.answer_all = _each_anew(self.answer, self.renew)
        if many is None:
            return
        run_batch = many.batch_runner()
        run_batch = checked_batch(backend, run_batch, judged=judged) if check_answers else run_batch
        # Each of a batch's places has arrays of its own, which post-processing may remember.
        places = [codec.answerer() for _ in range(self.batch)]
        self.answer_all = _in_batches(self._rows, run_batch, places, self.answer, stamps=codec.stamps_index)

    @property
    def batch(self) -> int:
        """Samples of one invoke."""
        return 1 if self.many is None else self.many.inputs[0].shape[0]

    def check(self, index: int) -> None:
        """Looks at one answer before any is timed.

        Raises:
            RunFailed: See `checked`.
        """
        checked(self.backend, self.backend.runner(), judged=self._judged)(self._rows[index])
        if self.renew is not None:
            self.renew()

    def close(self) -> None:
        """Frees the model."""
        self.backend.close()
        if self.many is not None:
            self.many.close()


def _plain(rows: list[Any], run: AnyRun, postprocess: Postprocess) -> tuple[AnswerOne, AnswerAll]:
    if timed_path is not None:
        in_c = timed_path.Answer(rows, run, postprocess)
        return in_c, in_c.all

    def answer(index: int) -> bytes:
        return postprocess(run(rows[index]))

    return answer, _one_by_one(answer)


def _stamped(rows: list[Any], run: AnyRun, postprocess: Postprocess) -> tuple[AnswerOne, AnswerAll]:
    """For log formats whose rows open with the sample's index."""

    def answer(index: int) -> bytes:
        return _stamp(index, postprocess(run(rows[index])))

    return answer, _one_by_one(answer)


def _one_by_one(answer: AnswerOne) -> AnswerAll:
    return lambda indices: [answer(index) for index in indices]


def _each_anew(answer: AnswerOne, renew: Renew) -> AnswerAll:
    """One after the other, each by the model as it was opened. The last leaves its state behind: see `renew`."""

    def answer_all(indices: Sequence[int]) -> list[bytes]:
        answers: list[bytes] = []
        for index in indices:
            if answers:
                renew()
            answers.append(answer(index))
        return answers

    return answer_all


def _in_batches(
    rows: Sequence[Row],
    run: RunBatch,
    places: Sequence[Postprocess],
    answer: AnswerOne,
    *,
    stamps: bool,
) -> AnswerAll:
    batch = len(places)

    def answer_all(indices: Sequence[int]) -> list[bytes]:
        answers: list[bytes] = []
        whole = len(indices) - len(indices) % batch
        for start in range(0, whole, batch):
            asked = indices[start : start + batch]
            found = run([rows[index] for index in asked])
            packed = [postprocess(outputs) for postprocess, outputs in zip(places, found, strict=True)]
            answers += map(_stamp, asked, packed) if stamps else packed
        answers += [answer(index) for index in indices[whole:]]
        return answers

    return answer_all


def _stamp(index: int, packed: bytes) -> bytes:
    data = bytearray(packed)
    np.frombuffer(data, np.float32)[::_FLOATS_PER_STAMPED_ROW] = index
    return bytes(data)
