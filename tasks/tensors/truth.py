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


class ExpectedOutputs:
    """The truth of all samples."""

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        """Finds a file for every sample; reads none.

        Args:
            path: A folder or zip archive.
            names: Of the samples.

        Raises:
            DataMissing: None there, or none for a sample.
        """
        self.path, self._names = path, names
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
        """Reads the first sample's.

        Raises:
            DataMissing: It cannot be read.
        """
        self._arrays(0)

    def of(self, index: int, outputs: Sequence[Output]) -> Mapping[int, Array]:
        """The arrays that a sample's answer is held against, by the place of the output; some outputs may have none.

        Raises:
            DataMissing: It cannot be read, names no output, or has another shape than the answer.
        """
        name, arrays = self._arrays(index)
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

    def _arrays(self, index: int) -> tuple[str, Mapping[str, Array]]:
        stem = self._names[index]
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
