"""Samples in memory that several processes see: packed once by the worker, mapped by its peers.

One nameless file holds the samples of one LoadSamplesToRam: the number of samples, their indices, then one row a stride, each
input on a boundary of its own. It goes away with the last process that has it open or mapped, however that ends.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Sequence
from typing import IO

import numpy as np

from backends.base import TensorSpec
from backends.litert.tensor_memory import as_bytes
from harness.errors import RunFailed
from harness.machine.memory import SHARED_SAMPLES
from harness.serving.samples import Raw, Row

_ALIGNMENT = 64
"""A cache line: no sample shares one with another."""


def pack_samples(rows: Sequence[Row], indices: Sequence[int], inputs: Sequence[TensorSpec]) -> IO[bytes]:
    """Writes samples into a new file.

    Args:
        rows: By index.
        indices: Which; each once.
        inputs: What the model takes for one sample.

    Raises:
        RunFailed: A sample is not what the model takes.
    """
    file = _nameless_file()
    try:
        _write(file, rows, indices, inputs)
    except BaseException:
        file.close()
        raise
    return file


def _write(file: IO[bytes], rows: Sequence[Row], indices: Sequence[int], inputs: Sequence[TensorSpec]) -> None:
    offsets, stride, first = _layout(inputs, len(indices))
    os.ftruncate(file.fileno(), first + stride * len(indices))
    whole = np.frombuffer(mmap.mmap(file.fileno(), 0), np.uint8)
    whole[:8].view(np.uint64)[0] = len(indices)
    whole[8 : 8 + 4 * len(indices)].view(np.uint32)[:] = indices
    for place, index in enumerate(indices):
        begin = first + place * stride
        for spec, offset, array in zip(inputs, offsets, rows[index], strict=True):
            if array.shape != spec.shape or array.dtype != spec.dtype:
                raise RunFailed(
                    f"sample {index} is {array.dtype} {list(array.shape)} where the model's input {spec.name} is "
                    f"{spec.dtype} {list(spec.shape)}: processes cannot share it. Use --set backend.workers=threads."
                )
            piece = whole[begin + offset : begin + offset + spec.nbytes]
            piece.view(spec.dtype).reshape(spec.shape)[...] = array


class SharedSamples:
    """A peer's side: `rows` and `raw` as in `harness.serving.samples.SampleLibrary`, views of what the worker has packed."""

    def __init__(self, total: int, inputs: Sequence[TensorSpec]) -> None:
        """For a set of `total` samples and what the model takes for one of them."""
        self.rows: list[Row] = [()] * total
        self.raw: list[Raw] = [()] * total
        self._inputs = inputs
        self._indices: list[int] = []

    def take(self, file: int) -> int:
        """Maps a file from `pack_samples`, whose pages are all there from now on; returns one index that it holds."""
        self.forget()
        size = os.fstat(file).st_size
        populate = getattr(mmap, "MAP_POPULATE", 0)
        page = mmap.mmap(file, size, flags=mmap.MAP_SHARED | populate, prot=mmap.PROT_READ)
        whole = np.frombuffer(page, np.uint8)
        count = int(whole[:8].view(np.uint64)[0])
        self._indices = whole[8 : 8 + 4 * count].view(np.uint32).tolist()
        offsets, stride, first = _layout(self._inputs, count)
        for place, index in enumerate(self._indices):
            begin = first + place * stride
            self.rows[index] = tuple(
                whole[begin + offset : begin + offset + spec.nbytes].view(spec.dtype).reshape(spec.shape)
                for spec, offset in zip(self._inputs, offsets, strict=True)
            )
            self.raw[index] = tuple(map(as_bytes, self.rows[index]))
        return self._indices[0]

    def forget(self) -> None:
        """Lets all samples go; the mapping goes with the last of them."""
        for index in self._indices:
            self.rows[index] = self.raw[index] = ()
        self._indices = []


def _layout(inputs: Sequence[TensorSpec], count: int) -> tuple[list[int], int, int]:
    """Where a row's inputs begin in it, how long a row is, where the first row begins."""
    offsets, stride = [], 0
    for spec in inputs:
        offsets.append(stride)
        stride = _aligned(stride + spec.nbytes)
    return offsets, stride, _aligned(8 + 4 * count)


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _nameless_file() -> IO[bytes]:
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create(SHARED_SAMPLES), "w+b")
    return tempfile.TemporaryFile()
