"""What a model is fed: arrays in files, or random ones. A sample is one array for every input."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from accuracy.outside.shown import some
from tasks.base import Array, DataMissing, Prepared, Tensor
from tasks.pictures.folders import Pictures
from tasks.sets.digests import Digest, StoredSamples
from tasks.tensors.array_files import by_name, read_npy, read_npz
from tasks.tensors.fitting import fitted, looks_like
from tasks.tensors.random_inputs import InputRange, is_text, random_inputs, words_of

SUFFIXES = (".npz", ".npy", ".bin", ".raw")
"""What counts as a sample."""
_RAW = frozenset((".bin", ".raw"))
_INPUTS = "inputs"
"""The folder in a data set's that holds the samples, where the truth lies in another beside it."""
RANDOM_COUNT = 16
"""Random samples, where nobody says how many."""


class Samples(ABC):
    """Samples by index."""

    names: Sequence[str]
    """Of the samples, in order; by them the truth is found."""
    behind: Sequence[str] = ()
    """Names of those that a count leaves out."""

    @abstractmethod
    def prepared(self, index: int, inputs: Sequence[Tensor]) -> Prepared:
        """A sample as these inputs take it.

        Raises:
            DataMissing: It cannot be read, or is not what they take; the message names it.
            ModelMismatch: The model cannot be fed so at all.
        """

    def shapes(self, inputs: Sequence[Tensor]) -> Sequence[tuple[int, ...]] | None:
        """The shapes of the first sample, for inputs of which the file leaves sizes open; None where there are none."""
        del inputs
        return None

    @abstractmethod
    def fed(self, inputs: Sequence[Tensor]) -> Mapping[str, str | int]:
        """What these inputs are fed, for the result."""

    def stored(self) -> StoredSamples | None:
        """See `Task.stored_samples`."""
        return None

    def warnings(self) -> Sequence[str]:
        """See `Task.warnings`."""
        return ()

    def left_out(self) -> Mapping[str, Any]:
        """See `Pictures.left_out_facts`."""
        return {}


class RandomSamples(Samples):
    """Made when they are loaded, never while queries are timed."""

    def __init__(self, count: int | None, ranges: Mapping[str, InputRange], seed: int) -> None:
        """So many samples; None for `RANDOM_COUNT`."""
        self.names = tuple(f"{index:06}" for index in range(RANDOM_COUNT if count is None else count))
        self._ranges, self._seed = ranges, seed

    def prepared(self, index: int, inputs: Sequence[Tensor]) -> Prepared:
        """As `Samples.prepared`."""
        return Prepared(random_inputs(inputs, self._ranges, seed=self._seed, index=index), None)

    def fed(self, inputs: Sequence[Tensor]) -> Mapping[str, str | int]:
        """As `Samples.fed`."""
        return {"fed": f"random, seed {self._seed}: {words_of(inputs, self._ranges)}", "seed": self._seed}


class StoredArrays(Samples):
    """A folder or a zip archive of `.npz` files by input name, or of `.npy` or raw files for a model of one input."""

    def __init__(self, path: Path, count: int | None) -> None:
        """Finds the files; reads none.

        Raises:
            DataMissing: None there, or files of several kinds.
        """
        inside = path / _INPUTS
        self._files = Pictures.open(inside if inside.is_dir() else path, count=count, suffixes=SUFFIXES, what="arrays")
        kinds = Counter(PurePosixPath(name).suffix.lower() for name in self._files.all_names)
        if len(kinds) > 1:
            found = " and ".join(f"{times:,} {suffix}" for suffix, times in sorted(kinds.items()))
            raise DataMissing(
                f"{self._files.path} holds {found} files: which are the samples? Put those of one kind into a folder of their "
                "own and name it"
            )
        stems = Counter(PurePosixPath(name).stem for name in self._files.uncounted.names)
        if twice := [stem for stem, times in stems.items() if times > 1]:
            raise DataMissing(f"{self._files.path} holds several samples of one name: {some(twice)}")
        (self._kind,) = kinds
        self.path = self._files.path
        self.names, self.behind = tuple(stems)[: len(self._files)], tuple(stems)[len(self._files) :]

    def prepared(self, index: int, inputs: Sequence[Tensor]) -> Prepared:
        """As `Samples.prepared`."""
        stored = self._files.stored(index)
        return Prepared(self._arrays(index, stored.picture, inputs), Digest.of(stored.whole))

    def shapes(self, inputs: Sequence[Tensor]) -> Sequence[tuple[int, ...]] | None:
        """As `Samples.shapes`: only sizes that show as 1, as an open one does; the harness knows whether they are."""
        if self._kind in _RAW or all(1 not in tensor.shape[1:] and len(tensor.shape) > 1 for tensor in inputs):
            return None
        name, data = self._files.names[0], self._files.read(0)
        arrays = self._by_place(name, data, inputs)
        return [_wished(tensor.shape, arrays[place].shape) for place, tensor in enumerate(inputs)]

    def fed(self, inputs: Sequence[Tensor]) -> Mapping[str, str | int]:
        """As `Samples.fed`."""
        named = ", ".join(f"{tensor.name}: {tensor.dtype} {list(tensor.shape)}" for tensor in inputs)
        return {"fed": f"{len(self.names):,} {self._kind} files: {named}"}

    def stored(self) -> StoredSamples:
        """See `Task.stored_samples`."""
        return self._files

    def warnings(self) -> Sequence[str]:
        """See `Task.warnings`."""
        return self._files.warning()

    def left_out(self) -> Mapping[str, Any]:
        """See `Samples.left_out`."""
        return self._files.left_out_facts

    def _arrays(self, index: int, data: bytes, inputs: Sequence[Tensor]) -> tuple[Array, ...]:
        name = self._files.names[index]
        if self._kind in _RAW:
            return (_raw(name, data, self._only(inputs)),)
        arrays = self._by_place(name, data, inputs)
        return tuple(fitted(arrays[place], tensor, f"{name}: {tensor.name}") for place, tensor in enumerate(inputs))

    def _by_place(self, name: str, data: bytes, inputs: Sequence[Tensor]) -> Mapping[int, Array]:
        if self._kind == ".npy":
            self._only(inputs)
            return {0: read_npy(name, data)}
        arrays = by_name(name, read_npz(name, data), [tensor.name for tensor in inputs], "inputs")
        if lacking := [tensor.name for place, tensor in enumerate(inputs) if place not in arrays]:
            raise DataMissing(f"{name} has no array for {', '.join(map(repr, lacking))}, which the model takes")
        return arrays

    def _only(self, inputs: Sequence[Tensor]) -> Tensor:
        if len(inputs) != 1:
            raise DataMissing(
                f"{self.path} holds {self._kind} files of one array each, but the model has {len(inputs)} inputs: save them "
                f"as .npz, by name: {', '.join(tensor.name for tensor in inputs)}"
            )
        return inputs[0]


def _raw(name: str, data: bytes, tensor: Tensor) -> Array:
    """A file of the tensor's own bytes, little-endian and nothing else."""
    if is_text(tensor.dtype):
        raise DataMissing(
            f"{name}: input {tensor.name} holds texts, of which raw bytes tell no ends: save them as .npz"
        )
    count = int(np.prod(tensor.shape, dtype=np.int64))
    if len(data) != count * tensor.dtype.itemsize:
        raise DataMissing(
            f"{name} has {len(data):,} bytes, but input {tensor.name} takes {count * tensor.dtype.itemsize:,}: "
            f"{tensor.dtype} {list(tensor.shape)}"
        )
    array = np.frombuffer(data, tensor.dtype.newbyteorder("<")).reshape(tensor.shape)
    if tensor.dtype.kind == "b" and (np.frombuffer(data, np.uint8) > 1).any():
        raise DataMissing(f"{name}: input {tensor.name} is bool, whose bytes are 0 and 1 alone")
    if other := looks_like(array):
        raise DataMissing(
            f"{name}: input {tensor.name} is {tensor.dtype}, but the bytes look like {other}: a raw file holds the input's type"
        )
    return array.astype(tensor.dtype, copy=False)


def _wished(seen: tuple[int, ...], stored: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that an input should have: the sample's sizes where the file may have left them open."""
    whole = (1, *stored) if len(stored) == len(seen) - 1 and seen[:1] == (1,) else stored
    if len(whole) != len(seen):
        return seen
    open_from = 0 if len(seen) == 1 else 1
    return tuple(
        want if place >= open_from and have == 1 else have
        for place, (have, want) in enumerate(zip(seen, whole, strict=True))
    )
