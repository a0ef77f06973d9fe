"""Any model, asked with arrays by name: `open_model(model="m.tflite")`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from backends.base import TensorSpec
from harness.api.base import Model
from harness.errors import ConfigError, unknown
from tasks.base import Array, DataMissing
from tasks.tensors.array_files import told_apart
from tasks.tensors.fitting import fitted, real_values
from tasks.tensors.random_inputs import InputRange, random_inputs


@dataclass(frozen=True, slots=True, eq=False)
class Arrays(Mapping[str, Array]):
    """A model's outputs by name, as it gave them; `real` says what quantised ones mean."""

    arrays: tuple[Array, ...]
    """In the model's order. They are the caller's own."""
    tensors: tuple[TensorSpec, ...]
    """What is known of each: name, shape, type, scale and zero point."""

    def __getitem__(self, name: str) -> Array:
        """The output of this name; of several of one name each has its place behind it: `y[0]`, `y[1]`."""
        return self.arrays[self._place(name)]

    def __iter__(self) -> Iterator[str]:
        """The names, in the model's order."""
        return iter(_names(self.tensors))

    def __len__(self) -> int:
        """The number of outputs."""
        return len(self.tensors)

    def real(self, name: str) -> Array:
        """An output in real units: float64 where it is quantised, else as it is."""
        place = self._place(name)
        tensor = self.tensors[place]
        return real_values(self.arrays[place], tensor.scale, tensor.zero_point)

    def _place(self, name: str) -> int:
        names = _names(self.tensors)
        if name not in names:
            raise KeyError(unknown("output", name, names))
        return names.index(name)


class AnyModel(Model):
    """Answers arrays with arrays: `ask({"x": array})["y"]`."""

    task = "tensors"
    judges_outputs = True

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """What the model takes, in its order."""
        return self._backend.inputs

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """What it gives, in its order; shapes may turn out otherwise, where only a run tells."""
        return self._backend.outputs

    def __call__(
        self, arrays: Mapping[str, npt.ArrayLike] | Sequence[npt.ArrayLike] | npt.ArrayLike | None = None, **named: Any
    ) -> Arrays:
        """Asks the model once.

        Args:
            arrays: An array for each input by name (`x[0]`, `x[1]` where two have one name), or in the model's order, or of a
                model with one input its array alone; None where all are given as keywords. Floats for a quantised input are
                quantised, its own type means steps.
            **named: Arrays by the input's name.

        Raises:
            tasks.base.DataMissing: One lacks, or is of another shape or type (`tasks.tensors.fitting`).
        """
        given = self._by_place(arrays, named)
        return Arrays(tuple(self._invoke(given)), self.outputs)

    def random(self, seed: int = 0, **ranges: tuple[float, float]) -> dict[str, Array]:
        """Inputs that the model takes, drawn as a run without data does: see `tasks.tensors.random_inputs`.

        Args:
            seed: Another one gives other numbers.
            **ranges: By the input's name: the least and the largest value that the tensor holds.

        Raises:
            tasks.base.ModelMismatch: A range of no input, or one that its type does not hold.
        """
        stated = {name: InputRange(*ends) for name, ends in ranges.items()}
        made = random_inputs(self.inputs, stated, seed=seed)
        return dict(zip(_names(self.inputs), made, strict=True))

    def _bind(self, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> None:
        """Any tensors will do."""

    def _by_place(self, arrays: Any, named: Mapping[str, Any]) -> list[Array]:
        inputs = self.inputs
        if isinstance(arrays, Mapping) or arrays is None:
            if twice := sorted(set(arrays or {}) & set(named)):
                raise ConfigError(f"{', '.join(twice)} is given twice, in the mapping and as a keyword")
            by_name = {**(arrays or {}), **named}
            names = _names(inputs)
            for name in by_name:
                if name not in names:
                    raise DataMissing(unknown("input", str(name), names))
            if lacking := [name for name in names if name not in by_name]:
                raise DataMissing(f"no array is given for {', '.join(map(repr, lacking))}, which the model takes")
            found = [by_name[name] for name in names]
        else:
            if named:
                raise ConfigError("give all arrays by name, or all in order")
            alone = len(inputs) == 1 and not (isinstance(arrays, list | tuple) and len(arrays) == 1)
            found = [arrays] if alone else list(arrays)
            if len(found) != len(inputs):
                wanted = ", ".join(tensor.name for tensor in inputs)
                raise DataMissing(f"{len(found)} arrays are given, but the model takes {len(inputs)}: {wanted}")
        return [
            fitted(_array(one, tensor.name), tensor, f"the array for {tensor.name}")
            for one, tensor in zip(found, inputs, strict=True)
        ]


def _names(tensors: Sequence[TensorSpec]) -> list[str]:
    return told_apart([tensor.name for tensor in tensors])


def _array(given: Any, name: str) -> Array:
    """As numpy has it; a plain list of numbers is of numpy's own widest types, texts are no objects to run."""
    if np.ma.is_masked(given):
        raise DataMissing(f"the array for {name} has masked values, which a model does not know: fill them (filled(0))")
    try:
        return np.asarray(given)
    except ValueError as error:
        raise DataMissing(f"what is given for {name} makes no array: {error}") from None
