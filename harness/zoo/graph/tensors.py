"""Tensors of a graph that is written, and how a quantised one stands for real numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Quantization:
    """real = scale * (stored - zero_point), with one scale for the tensor or one for each slice along `axis`."""

    scales: Array
    """float32 [1] or [channels]."""
    zero_points: Array
    """int64, as many as scales."""
    axis: int = 0

    @staticmethod
    def per_tensor(scale: float, zero_point: int = 0) -> Quantization:
        """One scale for the whole tensor."""
        return Quantization(np.array([scale], np.float32), np.array([zero_point], np.int64))

    @staticmethod
    def per_channel(scales: Array, axis: int) -> Quantization:
        """One scale a channel and no zero points, as kernels take weights."""
        return Quantization(np.asarray(scales, np.float32), np.zeros(len(scales), np.int64), axis)


@dataclass(frozen=True, eq=False, slots=True)
class GraphTensor:
    """A tensor of one graph."""

    index: int
    name: str
    shape: Shape
    dtype: np.dtype[Any]
    quantization: Quantization | None
    buffer: int
    """Which constant it holds; 0 for none."""
    variable: bool = False
    """Whether it keeps its values from one call to the next."""

    @property
    def per_channel(self) -> bool:
        """Whether there is more than one quantisation scale."""
        return self.quantization is not None and len(self.quantization.scales) > 1
