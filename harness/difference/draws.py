"""The inputs that TFLite's inference_diff documents, number for number.

LRT tflite/tools/evaluation/stages/inference_profiler_stage.cc draws each element from normal(0.5, 1/3), anew until it lies in
[0, 1), and spreads that over the range of the type in single precision. Each type has one generator, of seed 1, that runs on
over inputs and runs. The engine is that of libstdc++ (minstd_rand0); libc++, on Android and ChromeOS, has another, so that the
tool's own numbers differ there and the figures with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from backends.base import Array, TensorSpec
from harness.errors import ConfigError
from native import normal_draws
from tasks.tensors.random_inputs import limits_of

Range = tuple[float, float]
_MODULUS, _FACTOR = 2147483647, 16807
_RANGE = 2147483646.0
_BLOCK = 1 << 16
"""Numbers of the engine at once, without the C."""
_EXACT_BYTES = 2
"""Integers up to this size are all exact in single precision."""
_UNIT: Range = (-1.0, 1.0)
"""Of real numbers."""


class NormalDraws:
    """Numbers in [0, 1): the same whether C draws them or Python, to the last bits of a logarithm."""

    def __init__(self) -> None:
        """At the seed of a default engine."""
        self._state, self._saved = 1, float("nan")
        self._left: npt.NDArray[np.float64] = np.empty(0)
        self._powers: npt.NDArray[np.uint64] | None = None

    def take(self, count: int) -> npt.NDArray[np.float64]:
        """The next so many."""
        if normal_draws is None:
            return self._drawn_in_python(count)
        room = np.empty(count)
        self._state, self._saved = normal_draws.draw(self._state, self._saved, room)
        return room

    def take_spread(self, count: int, low: np.float32, span: np.float32) -> npt.NDArray[np.float32]:
        """The next so many, spread over a range in single precision."""
        if normal_draws is None:
            return low + span * self._drawn_in_python(count).astype(np.float32)
        room = np.empty(count, np.float32)
        self._state, self._saved = normal_draws.draw_spread(self._state, self._saved, room, float(low), float(span))
        return room

    def _drawn_in_python(self, count: int) -> npt.NDArray[np.float64]:
        while len(self._left) < count:
            self._left = np.concatenate([self._left, self._block()])
        taken, self._left = self._left[:count], self._left[count:]
        return taken

    def _block(self) -> npt.NDArray[np.float64]:
        """What comes of the engine's next numbers, of which each is a power of the factor times the state."""
        if self._powers is None:
            self._powers = _powers(_BLOCK)
        numbers = (self._powers * np.uint64(self._state)) % np.uint64(_MODULUS)
        self._state = int(numbers[-1])
        # std::generate_canonical takes two for a double.
        lowered = (numbers - np.uint64(1)).astype(np.float64)
        doubles = (lowered[0::2] + lowered[1::2] * _RANGE) / (_RANGE * _RANGE)
        doubles = np.minimum(doubles, np.nextafter(1.0, 0.0))
        x, y = 2 * doubles[0::2] - 1, 2 * doubles[1::2] - 1
        square = x * x + y * y
        inside = (square <= 1) & (square != 0)
        x, y, square = x[inside], y[inside], square[inside]
        factor = np.sqrt(-2 * np.log(square) / square)
        normal = np.empty(2 * len(x))
        # Of a pair the second is given first, and the first is kept.
        normal[0::2], normal[1::2] = y * factor, x * factor
        drawn = normal * (1.0 / 3) + 0.5
        return drawn[(drawn >= 0) & (drawn < 1)]


class DocumentedInputs:
    """Inputs for a model, run by run."""

    def __init__(self, inputs: Sequence[TensorSpec], ranges: Mapping[str, Range] | None = None) -> None:
        """Nothing is drawn yet.

        Args:
            inputs: The model's.
            ranges: Input -> lowest and highest value, in the model's own numbers, in place of the whole range of its type.

        Raises:
            ConfigError: An input of texts or complex numbers, or a range for one that is not there.
        """
        names = [tensor.name for tensor in inputs]
        if unknown := [name for name in ranges or {} if name not in names]:
            raise ConfigError(f"a range is given for {unknown[0]!r}: the inputs are {', '.join(map(repr, names))}")
        for name, (low, high) in (ranges or {}).items():
            tensor = inputs[names.index(name)]
            ends = _range_of(tensor) if tensor.dtype.kind in "iub" else (-np.inf, np.inf)
            if not ends[0] <= low <= high <= ends[1]:
                raise ConfigError(
                    f"the range {low:g} to {high:g} of {name!r} is none of {tensor.stored_as or tensor.dtype}: "
                    "give the lower end first, and both in the model's own numbers"
                )
        for tensor in inputs:
            if tensor.dtype.kind not in "fiub":
                kind = "texts" if tensor.dtype.kind == "O" else str(tensor.dtype)
                raise ConfigError(
                    f"input {tensor.name!r} takes {kind}, of which none can be drawn: diff is for models of numbers"
                )
        self._inputs, self._ranges = tuple(inputs), dict(ranges or {})
        self._draws: dict[str, NormalDraws] = {}

    def next(self) -> list[Array]:
        """One array an input, for the next run."""
        return [self._drawn(tensor) for tensor in self._inputs]

    def _drawn(self, tensor: TensorSpec) -> Array:
        # Half precision is made of single precision, and so of its generator.
        generator = "float32" if tensor.dtype == np.float16 else tensor.dtype.name
        draws = self._draws.setdefault(generator, NormalDraws())
        count = int(np.prod(tensor.shape, dtype=np.int64))
        if tensor.name in self._ranges and tensor.dtype.kind in "iub":
            low, high = self._ranges[tensor.name]
            # Whole numbers of a range that is named, both ends among them.
            return _as_type(np.floor(low + (high - low + 1) * draws.take(count)), tensor.dtype).reshape(tensor.shape)
        low, high = self._ranges.get(tensor.name, _range_of(tensor))
        values = draws.take_spread(count, np.float32(low), np.float32(high) - np.float32(low))
        return _as_type(values, tensor.dtype).reshape(tensor.shape)


def _as_type(values: Array, dtype: np.dtype[Any]) -> Array:
    if dtype.kind not in "iu" or dtype.itemsize <= _EXACT_BYTES:
        return values.astype(dtype, copy=False)
    # Single precision rounds the ends of wide ranges outwards, where a cast would be anything.
    ends = np.iinfo(dtype)
    exact = values.astype(np.float64)
    cast = np.trunc(np.clip(exact, float(ends.min), float(ends.max)))
    with np.errstate(invalid="ignore"):
        return np.where(cast >= float(ends.max), ends.max, cast.astype(dtype))


def _range_of(tensor: TensorSpec) -> Range:
    """The whole range of the type, as the tool has it; of 4 bits, which the tool does not know, what they hold."""
    if tensor.dtype.kind == "f":
        return _UNIT
    low, high = limits_of(tensor)
    return float(low), float(high)


def _powers(count: int) -> npt.NDArray[np.uint64]:
    """The factor's powers from the first on, modulo the engine's modulus."""
    found = np.array([_FACTOR], np.uint64)
    while len(found) < count:
        found = np.concatenate([found, (found * found[-1]) % np.uint64(_MODULUS)])
    return found[:count]
