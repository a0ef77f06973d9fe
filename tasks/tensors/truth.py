"""What a model should answer: a `.npz` file a sample, by output name, or `.npy` files where there is one output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from accuracy.answers.arrays import Output
from accuracy.errors import TruthError
from accuracy.truth.files import TruthFiles
from tasks.base import Array, DataMissing
from tasks.tensors.array_files import by_name, read_npy, read_npz

FOLDER = "outputs"
"""The folder in or beside a data set's that holds the truth, where nobody names one."""
SUFFIXES = (".npz", ".npy")
_LOOKED_AT = 1 << 28
"""Bytes of arrays behind a count."""


class ExpectedOutputs:
    """The truth of all samples."""

    def __init__(self, path: Path, names: Sequence[str], behind: Sequence[str] = ()) -> None:
        """Finds a file for every sample; reads none.

        Args:
            path: A folder or zip archive.
            names: Of the samples.
            behind: Of those behind a count.

        Raises:
            DataMissing: None there, or none for a sample.
        """
        self.path, self._names, self._behind = path, names, behind
        try:
            self._files = TruthFiles.open(path, SUFFIXES)
            self._files.require(names)
        except TruthError as error:
            raise DataMissing(str(error)) from None

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files."""
        return self._files.paths

    def check(self) -> None:
        """Reads the first sample's, and behind a count so many as take half a second.

        Raises:
            DataMissing: One cannot be read, or a sample behind the count has none.
        """
        try:
            self._files.require(self._behind)
        except TruthError as error:
            raise DataMissing(str(error)) from None
        self._arrays(self._names[0])
        left = _LOOKED_AT
        for stem in self._behind:
            if left <= 0:
                return
            left -= sum(array.nbytes for array in self._arrays(stem)[1].values())

    def of(self, index: int, outputs: Sequence[Output]) -> Mapping[int, Array]:
        """The arrays that a sample's answer is held against, by the place of the output; some outputs may have none.

        Raises:
            DataMissing: It cannot be read, names no output, or has another shape than the answer.
        """
        name, arrays = self._arrays(self._names[index])
        if set(arrays) == {""}:
            if len(outputs) != 1:
                raise DataMissing(
                    f"{name} is one array, but the model has {len(outputs)} outputs: save them as .npz, by name: "
                    f"{', '.join(output.name for output in outputs)}"
                )
            found: Mapping[int, Array] = {0: arrays[""]}
        else:
            found = by_name(name, arrays, [output.name for output in outputs], "outputs")
        return {place: _alike(array, outputs[place], name) for place, array in found.items()}

    def _arrays(self, stem: str) -> tuple[str, Mapping[str, Array]]:
        try:
            data, name = self._files.read(stem), self._files.name(stem)
        except TruthError as error:
            raise DataMissing(str(error)) from None
        return name, {"": read_npy(name, data)} if self._files.suffix(stem) == ".npy" else read_npz(name, data)


def _alike(array: Array, output: Output, name: str) -> Array:
    """The truth in the answer's shape; the batch of 1 may be left out."""
    shape = output.values.shape
    if array.shape == shape:
        return array
    if shape[:1] == (1,) and array.shape == shape[1:]:
        return array.reshape(shape)
    raise DataMissing(
        f"{name}: the model answered {output.values.dtype} {list(shape)} at its output {output.name}, but {array.dtype} "
        f"{list(array.shape)} was expected"
    )
