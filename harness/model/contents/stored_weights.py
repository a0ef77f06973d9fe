"""How a model's weights lie in its file: how many are zero, which are stored without their zeros, how small it packs.

Zeros make a file small when it is packed (pruning), and a model quick only where its kernels leave them out: XNNPACK does that
for float weights that are stored sparse (LRT tflite/delegates/xnnpack, sparse inference).
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from backends.base import ModelRejected
from backends.litert.file.model_file import FileTensor, ModelFile
from backends.litert.file.model_reader import read_buffer_places
from harness.model.contents.costs import learnt_tensors

_AXES_OF_WEIGHTS = 2
"""A bias has one."""
_GZIP_LEVEL, _GZIP_WINDOW = 6, 31
"""What the command gzip takes by itself; the window with gzip's header and trailer."""
_PIECE = 1 << 20
_PACKED = {"int4": 4, "uint4": 4, "int2": 2}
"""Bits of an element of types that numpy has not."""
_READ_AS = {"bfloat16": "uint16", "float8_e4m3fn": "uint8", "float8_e5m2": "uint8"}
_ABS_MASK = {"bfloat16": 0x7FFF, "float8_e4m3fn": 0x7F, "float8_e5m2": 0x7F}
"""All bits but the sign's: zero has two signs."""


@dataclass(frozen=True, slots=True)
class StoredWeights:
    """How the weights lie in the file."""

    elements: int
    """Of constants that are learnt and have two axes or more; what several tensors share counts once."""
    zero: int
    """Of these, so many are zero: the zero point, where they are quantised."""
    sparse_tensors: tuple[str, ...]
    """Constants that are stored without their zeros, by name."""
    sparse_bytes: int
    """What these take in the file."""

    @property
    def zero_share(self) -> float | None:
        """0 to 1; None where there are no weights."""
        return self.zero / self.elements if self.elements else None


def stored_weights(model: ModelFile, graphs: Sequence[int]) -> StoredWeights:
    """Reads all weights of some graphs.

    Args:
        model: The file.
        graphs: Those that run.

    Raises:
        ModelRejected: The file is cut or corrupt.
    """
    places = read_buffer_places(model.path)
    data = np.memmap(model.path, np.uint8, mode="r")
    weights = {tensor.buffer: tensor for tensor in learnt_tensors(model, graphs)}
    elements = zero = 0
    for tensor in weights.values():
        size = math.prod(tensor.declared_shape)
        if len(tensor.declared_shape) < _AXES_OF_WEIGHTS or size <= 0:
            continue
        start, length = places[tensor.buffer]
        try:
            zero += _zeros(tensor, size, data[start : start + length])
        except (ValueError, TypeError) as error:
            raise ModelRejected(
                f"{model.path} is corrupt: the weights {tensor.name!r} cannot be read: {error}"
            ) from None
        elements += size
    sparse = {
        tensor.buffer: tensor
        for number in graphs
        for tensor in model.subgraphs[number].tensors
        if tensor.sparsity is not None and tensor.constant
    }
    return StoredWeights(
        elements,
        zero,
        tuple(tensor.name for tensor in sparse.values()),
        sum(tensor.stored_bytes for tensor in sparse.values()),
    )


def gzip_bytes(path: Path) -> int:
    """What the file takes after `gzip`: some 20 MB are packed in a second."""
    packer, size = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW), 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            size += len(packer.compress(piece))
    return size + len(packer.flush())


def _zeros(tensor: FileTensor, size: int, data: npt.NDArray[np.uint8]) -> int:
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
