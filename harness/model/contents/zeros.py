"""How many of a constant's values are zero, as they lie in the file: the zero point, where they are quantised."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from backends.litert.file.model_file import FileTensor

_PACKED = {"int4": 4, "uint4": 4, "int2": 2}
"""Bits of an element of types that numpy has not."""
_READ_AS = {"bfloat16": "uint16", "float8_e4m3fn": "uint8", "float8_e5m2": "uint8"}
_ABS_MASK = {"bfloat16": 0x7FFF, "float8_e4m3fn": 0x7F, "float8_e5m2": 0x7F}
"""All bits but the sign's: zero has two signs."""


def count_zeros(tensor: FileTensor, size: int, data: npt.NDArray[np.uint8]) -> int:
    """Of a constant of so many elements, by its bytes.

    Raises:
        ValueError: The bytes do not fill its shape, or its quantisation does not fit it.
        TypeError: Its type is none that is known.
    """
    values = _values(tensor.dtype, data)[:size]
    if tensor.sparsity is not None:
        # What is not stored is zero; blocks may hold zeros of their own.
        return size - int(np.count_nonzero(values))
    return int(np.count_nonzero(values.reshape(tensor.declared_shape) == _zero_points(tensor)))


def _values(dtype: str, data: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
    bits = _PACKED.get(dtype)
    if bits is None:
        values = data.view(np.dtype(_READ_AS.get(dtype, dtype)))
        return values & _ABS_MASK[dtype] if dtype in _ABS_MASK else values
    # The first element lies in the lowest bits.
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    found: npt.NDArray[np.int8] = ((data[:, None] >> shifts) & (2**bits - 1)).reshape(-1).astype(np.int8)
    if dtype.startswith("u"):
        return found
    signed: npt.NDArray[np.int8] = np.where(found >= 2 ** (bits - 1), found - 2**bits, found)
    return signed


def _zero_points(tensor: FileTensor) -> npt.NDArray[np.int64] | int:
    """What stands for zero, so that it can be held against the values."""
    if tensor.quantisation is None:
        return 0
    points, axis = tensor.quantisation.zero_points, tensor.quantisation.axis
    if len(set(points)) <= 1:
        return points[0] if points else 0
    if not 0 <= axis < len(tensor.declared_shape):
        raise ValueError(f"its quantised axis is {axis}, and it has {len(tensor.declared_shape)}")
    return np.array(points, np.int64).reshape(
        [-1 if place == axis else 1 for place in range(len(tensor.declared_shape))]
    )
