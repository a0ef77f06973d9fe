"""Answers at once without running the model: what remains is the cost of the harness itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from backends.base import NO_ENGINE, Array, Backend, BackendInfo
from backends.litert.interpreter import InterpreterBackend


class NullBackend(Backend):
    """Has the model's inputs and outputs; every answer is zeros. Its results are never a model's speed."""

    def __init__(self, model: Path, *, threads: int, input_shapes: Sequence[tuple[int, ...]] | None = None) -> None:
        """Opens the model once, to know its tensors, and lets it go."""
        real = InterpreterBackend(model, name="null", threads=threads, xnnpack=False, input_shapes=input_shapes)
        self.inputs, self.outputs = real.inputs, real.outputs
        self._answer = [spec.zeros() for spec in self.outputs]

    def invoke(self, inputs: Sequence[Array]) -> list[Array]:  # noqa: ARG002 - that is the point
        """Returns the same zeros every time."""
        return self._answer

    @property
    def can_reset(self) -> bool:
        """Nothing runs, so nothing is kept."""
        return True

    def reset(self) -> None:
        """Nothing to put back."""

    def info(self) -> BackendInfo:
        """Says that nothing ran."""
        return BackendInfo(name="null", engine=NO_ENGINE, delegate=None)
