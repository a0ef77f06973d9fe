"""Views of an interpreter's tensors that outlive a call, where the runtime leaves the tensors in their places.

The interpreter's own views (`tensor()`) hold on to it, and it refuses to run while one exists, since it may move its tensors.
It only does that where a tensor's size is found out while the model runs. Such a tensor has no memory before the first run.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

from backends.base import Array
from backends.litert.coverage import executed


def lasting_views(interpreter: Any, tensors: Sequence[int]) -> list[Array] | None:
    """One view a tensor, of its shape and type; valid as long as the interpreter is, and is not resized or changed.

    Args:
        interpreter: `ai_edge_litert.interpreter.Interpreter`, allocated and never invoked.
        tensors: Their indices in the model.

    Returns:
        None where the tensors may move, or where this cannot be told: texts, tensors without memory.
    """
    try:
        # LRT tflite/core/subgraph.cc: a dynamic tensor gets its memory when the op that writes it runs.
        for op in executed(interpreter):
            for tensor in op["outputs"]:
                _memory(interpreter, int(tensor))
        return [_view(interpreter, tensor) for tensor in tensors]
    except ValueError:
        return None


def as_bytes(array: Array) -> memoryview:
    """The same memory as plain bytes, copied into another such view in a fifth of the time of a small array's copy.

    An array that is not in one piece is copied first.
    """
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def _memory(interpreter: Any, tensor: int) -> Any:
    """The tensor's memory, which holds on to the interpreter; of a tensor without axes only its value is to be had."""
    holding = interpreter.tensor(tensor)()
    if not holding.nbytes:
        raise ValueError("an empty tensor has no memory")
    return holding


def _view(interpreter: Any, tensor: int) -> Array:
    """The tensor's memory as an array that does not hold on to the interpreter."""
    holding = _memory(interpreter, tensor)
    if not holding.ndim:
        raise ValueError("of a tensor without a dimension the runtime gives the number, not its memory")
    memory = (ctypes.c_char * holding.nbytes).from_address(holding.ctypes.data)
    return np.frombuffer(memory, holding.dtype).reshape(holding.shape)
