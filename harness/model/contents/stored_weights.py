"""How a model's weights lie in its file: how many are zero, which are stored without their zeros, how small it packs.

Zeros make a file small when it is packed (pruning), and a model quick only where its kernels leave them out: XNNPACK does that
for float weights that are stored sparse (LRT tflite/delegates/xnnpack, sparse inference).
"""

from __future__ import annotations

import math
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from backends.base import ModelRejected
from backends.litert.file.model_file import ModelFile
from backends.litert.file.model_reader import read_buffer_places
from harness.model.contents.learnt import learnt_tensors
from harness.model.contents.zeros import count_zeros

_AXES_OF_WEIGHTS = 2
"""A bias has one."""
_GZIP_LEVEL, _GZIP_WINDOW = 6, 31
"""What the command gzip takes by itself; the window with gzip's header and trailer."""
_PIECE = 1 << 20


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
    types: tuple[str, ...] = ()
    """Of their numbers as they are stored, the commonest first: int8 in a float model is one of dynamic range."""

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
    zero, of_type = 0, Counter[str]()
    for tensor in weights.values():
        size = math.prod(tensor.declared_shape)
        if len(tensor.declared_shape) < _AXES_OF_WEIGHTS or size <= 0:
            continue
        start, length = places[tensor.buffer]
        try:
            zero += count_zeros(tensor, size, data[start : start + length])
        except (ValueError, TypeError) as error:
            raise ModelRejected(
                f"{model.path} is corrupt: the weights {tensor.name!r} cannot be read: {error}"
            ) from None
        of_type[tensor.dtype] += size
    sparse = {
        tensor.buffer: tensor
        for number in graphs
        for tensor in model.subgraphs[number].tensors
        if tensor.sparsity is not None and tensor.constant
    }
    return StoredWeights(
        of_type.total(),
        zero,
        tuple(tensor.name for tensor in sparse.values()),
        sum(tensor.stored_bytes for tensor in sparse.values()),
        tuple(name for name, _ in of_type.most_common()),
    )


def gzip_bytes(path: Path) -> int:
    """What the file takes after `gzip`: some 20 MB are packed in a second."""
    packer, size = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW), 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            size += len(packer.compress(piece))
    return size + len(packer.flush())
