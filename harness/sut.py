"""The system under test: one sample in, one answer out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from backends.base import Array, Backend, Run
from harness.errors import RunFailed
from harness.samples import Row
from tasks.base import Codec

_FLOATS_PER_STAMPED_ROW = 7


class Samples(Protocol):
    """Where samples are looked up: a `SampleLibrary`, or a peer's `SharedSamples`."""

    rows: list[Row]


class SystemUnderTest:
    """One backend with what the task needs around it. Used by one thread."""

    answer: Callable[[int], bytes]
    """The timed path: one look-up, one run of the model, one post-processing."""

    def __init__(self, backend: Backend, codec: Codec, samples: Samples, *, check_answers: bool) -> None:
        """`check_answers` holds every answer against the model's outputs (a microsecond: not where queries are timed)."""
        self.backend = backend
        self._rows = samples.rows
        run = backend.runner()
        run = checked(backend, run) if check_answers else run
        self.answer = (_stamped if codec.stamps_index else _plain)(self._rows, run, codec.answerer())

    def check(self, index: int) -> None:
        """Looks at one answer before any is timed.

        Raises:
            RunFailed: See `checked`.
        """
        checked(self.backend, self.backend.runner())(self._rows[index])


# Closures, not methods: what a query needs is bound once.


def _plain(rows: Sequence[Row], run: Run, postprocess: Callable[[Sequence[Array]], bytes]) -> Callable[[int], bytes]:
    def answer(index: int) -> bytes:
        return postprocess(run(rows[index]))

    return answer


def _stamped(rows: Sequence[Row], run: Run, postprocess: Callable[[Sequence[Array]], bytes]) -> Callable[[int], bytes]:
    """For log formats whose rows open with the sample's index."""

    def answer(index: int) -> bytes:
        data = bytearray(postprocess(run(rows[index])))
        np.frombuffer(data, np.float32)[::_FLOATS_PER_STAMPED_ROW] = index
        return bytes(data)

    return answer


def checked(backend: Backend, run: Run) -> Run:
    """`run` of the backend (`invoke` or a `runner()`), its answers held against the outputs that the model is said to have.

    A plug-in or delegate that answers too few scores would go unnoticed: the best of those is a label like any other.

    Raises:
        RunFailed: By the function returned: another number of outputs, another shape or type, or NaN, of which the best
            class would be one like any other.
    """
    promised = [(tensor.shape, tensor.dtype) for tensor in backend.outputs]

    def run_and_look(inputs: Sequence[Array]) -> Sequence[Array]:
        outputs = run(inputs)
        if [(array.shape, array.dtype) for array in outputs] != promised:
            found = ", ".join(f"{array.dtype} {list(array.shape)}" for array in outputs) or "nothing"
            wanted = ", ".join(f"{dtype} {list(shape)}" for shape, dtype in promised)
            raise RunFailed(f"backend {backend.info().name} answered {found}, but the model's outputs are {wanted}")
        for tensor, array in zip(backend.outputs, outputs, strict=True):
            if array.dtype.kind == "f" and np.isnan(array).any():
                raise RunFailed(
                    f"the model's output {tensor.name} holds NaN: its weights or its inputs are broken (preprocessing "
                    "options such as mean and std, if the model is good elsewhere)"
                )
        return outputs

    return run_and_look
