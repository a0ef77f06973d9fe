"""The system under test: one sample in, one answer out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from backends.base import Array, Backend
from harness.errors import RunFailed
from harness.samples import SampleLibrary
from tasks.base import Codec

_FLOATS_PER_STAMPED_ROW = 7


class SystemUnderTest:
    """One backend with what the task needs around it. Used by one thread."""

    def __init__(self, backend: Backend, codec: Codec, samples: SampleLibrary, *, check_answers: bool) -> None:
        """`check_answers` holds every answer against the model's outputs (a microsecond: not where queries are timed)."""
        self.backend = backend
        self._rows = samples.rows
        self._invoke = checked(backend) if check_answers else backend.invoke
        self._postprocess = codec.postprocess
        if codec.stamps_index:
            # Chosen once, not per query.
            self.answer = self._stamped_answer  # type: ignore[method-assign]

    def check(self, index: int) -> None:
        """Looks at one answer before any is timed.

        Raises:
            RunFailed: See `checked`.
        """
        checked(self.backend)(self._rows[index])

    def answer(self, index: int) -> bytes:
        """The timed path: one look-up, one invoke, one post-processing."""
        return self._postprocess(self._invoke(self._rows[index]))

    def _stamped_answer(self, index: int) -> bytes:
        """As `answer`, for log formats whose rows open with the sample's index."""
        data = bytearray(self._postprocess(self._invoke(self._rows[index])))
        np.frombuffer(data, np.float32)[::_FLOATS_PER_STAMPED_ROW] = index
        return bytes(data)


def checked(backend: Backend) -> Callable[[Sequence[Array]], list[Array]]:
    """`backend.invoke`, with the answer held against the outputs that the backend says its model has.

    A plug-in or delegate that answers too few scores would go unnoticed: the best of those is a label like any other.

    Raises:
        RunFailed: By the function returned: another number of outputs, another shape or type, or NaN, of which the best
            class would be one like any other.
    """
    promised = [(tensor.shape, tensor.dtype) for tensor in backend.outputs]

    def invoke(inputs: Sequence[Array]) -> list[Array]:
        outputs = backend.invoke(inputs)
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

    return invoke
