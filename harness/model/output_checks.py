"""A backend's answers, held against the outputs that the model promises."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from backends.base import Array, Backend, TensorSpec
from backends.litert.batch import Rows, RunBatch
from harness.errors import RunFailed

AnyRun = Callable[[Any], Sequence[Array]]
"""Of a sample's inputs, as arrays or as bytes."""


def checked(backend: Backend, run: AnyRun, *, judged: bool = False) -> AnyRun:
    """`run` of the backend (`invoke`, a `runner()` or `raw_runner()`), its answers held against the model's outputs.

    A plug-in or delegate that answers too few scores would go unnoticed: the best of those is a label like any other.

    Args:
        backend: The model.
        run: Of it.
        judged: The task itself judges shapes and NaN (`tasks.codecs.base.Codec.judges_outputs`): only number and types count.

    Raises:
        RunFailed: By the function returned: another number of outputs, another shape or type, or NaN, of which the best
            class would be one like any other.
    """
    look = _looker(backend, judged)

    def run_and_look(inputs: Any) -> Sequence[Array]:
        outputs = run(inputs)
        look(outputs)
        return outputs

    return run_and_look


def checked_batch(backend: Backend, run: RunBatch, *, judged: bool = False) -> RunBatch:
    """As `checked`, for a batch: each sample's outputs are held against those of `backend`, which takes one sample."""
    look = _looker(backend, judged)

    def run_and_look(rows: Rows) -> Rows:
        found = run(rows)
        for outputs in found:
            look(outputs)
        return found

    return run_and_look


def odd_values(outputs: Sequence[TensorSpec], answer: Sequence[Array]) -> list[str]:
    """What of an answer is no number, or of another shape than was promised, a sentence for each such output."""
    found = []
    for tensor, array in zip(outputs, answer, strict=True):
        if array.shape != tensor.shape:
            found.append(
                f"output {tensor.name} has the shape {list(array.shape)}, where the file promises {list(tensor.shape)}"
            )
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            nan, inf = int(np.isnan(array).sum()), int(np.isinf(array).sum())
            found.append(
                f"output {tensor.name} holds NaN {nan:,} times and infinity {inf:,} times, of {array.size:,} values"
            )
    return found


def _looker(backend: Backend, judged: bool) -> Callable[[Sequence[Array]], None]:
    promised = [(tensor.shape, tensor.dtype) for tensor in backend.outputs]
    types = [dtype for _, dtype in promised]

    def look(outputs: Sequence[Array]) -> None:
        if judged and [array.dtype for array in outputs] == types:
            return
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

    return look
