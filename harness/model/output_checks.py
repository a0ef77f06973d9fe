"""A backend's answers, held against the outputs that the model promises."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from backends.base import Array, Backend
from backends.litert.batch import Rows, RunBatch
from harness.errors import RunFailed

AnyRun = Callable[[Any], Sequence[Array]]
"""Of a sample's inputs, as arrays or as bytes."""


def checked(backend: Backend, run: AnyRun) -> AnyRun:
    """`run` of the backend (`invoke`, a `runner()` or `raw_runner()`), its answers held against the model's outputs.

    A plug-in or delegate that answers too few scores would go unnoticed: the best of those is a label like any other.

    Raises:
        RunFailed: By the function returned: another number of outputs, another shape or type, or NaN, of which the best
            class would be one like any other.
    """
    look = _looker(backend)

    def run_and_look(inputs: Any) -> Sequence[Array]:
        outputs = run(inputs)
        look(outputs)
        return outputs

    return run_and_look


def checked_batch(backend: Backend, run: RunBatch) -> RunBatch:
    """As `checked`, for a batch: each sample's outputs are held against those of `backend`, which takes one sample."""
    look = _looker(backend)

    def run_and_look(rows: Rows) -> Rows:
        found = run(rows)
        for outputs in found:
            look(outputs)
        return found

    return run_and_look


def _looker(backend: Backend) -> Callable[[Sequence[Array]], None]:
    promised = [(tensor.shape, tensor.dtype) for tensor in backend.outputs]

    def look(outputs: Sequence[Array]) -> None:
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
