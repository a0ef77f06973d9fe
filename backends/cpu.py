"""The CPU: LiteRT's interpreter with the XNNPACK delegate, which the runtime applies by default."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from backends.interpreter import InterpreterBackend


class CpuBackend(InterpreterBackend):
    """The default backend."""

    def __init__(
        self,
        model: Path,
        *,
        threads: int,
        xnnpack: bool = True,
        input_shapes: Sequence[tuple[int, ...]] | None = None,
    ) -> None:
        """See `InterpreterBackend`."""
        super().__init__(model, name="cpu", threads=threads, xnnpack=xnnpack, input_shapes=input_shapes)
