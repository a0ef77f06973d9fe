"""Outputs that are logged as the model gives them: what the tasks share that score them later. Post-processing is timed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from accuracy.answers.raw_tensors import tensor_header
from tasks.base import Array, ModelMismatch, Tensor


class RawAnswer:
    """Logs one of a model's outputs. About 0.3 us."""

    __slots__ = ("_header", "_place")

    def __init__(self, outputs: Sequence[Tensor], place: int) -> None:
        """Makes the header.

        Args:
            outputs: The model's.
            place: Of the one that is logged.

        Raises:
            ModelMismatch: Its type is none that is logged.
        """
        tensor = outputs[place]
        try:
            self._header = tensor_header(tensor.dtype.name, tensor.scale, tensor.zero_point)
        except ValueError as error:
            raise ModelMismatch(f"output {tensor.name}: {error}") from None
        self._place = place

    def answer(self, outputs: Sequence[Array]) -> bytes:
        """The packed output for one sample."""
        return self._header + outputs[self._place].tobytes()


def quantise(values: Array, tensor: Tensor) -> Array:
    """Values as a tensor takes them: floats as they are, integers rounded to the nearest and clipped.

    Args:
        values: float32, of any shape of as many elements.
        tensor: An input of float32 or of quantised integers.

    Returns:
        Of the tensor's shape and type, C-contiguous.

    Raises:
        ModelMismatch: An integer input that does not say what its numbers mean.
    """
    shaped = values.reshape(tensor.shape)
    if tensor.dtype.kind == "f":
        return np.ascontiguousarray(shaped, tensor.dtype)
    if not tensor.scale:
        raise ModelMismatch(
            f"input {tensor.name} is {tensor.dtype} without a scale: nothing tells what its numbers mean"
        )
    limits = np.iinfo(tensor.dtype)
    steps = np.rint(shaped / np.float32(tensor.scale)) + tensor.zero_point
    kept: Array = np.clip(steps, limits.min, limits.max).astype(tensor.dtype)
    return kept
