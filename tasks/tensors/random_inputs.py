"""Random inputs for any model: seeded, of stated ranges, made once and never in a timed loop.

Ranges are in the values that a tensor holds, so steps of a quantised one. Those that nobody states are the defaults of TFLite's
benchmark_model (LRT tflite/tools/benchmark/benchmark_tflite_model.cc, CreateRandomTensorData): floats in [-0.5, 0.5), int8
-127 to 127, uint8 0 to 254, truth values 0 and 1, all other whole numbers 0 to 99. Its texts have no range; here they are words
of 1 to 8 small letters. The numbers themselves are not that tool's: its engine is that of one C++ library.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tasks.base import Array, ModelMismatch, Tensor

SEED = 20_240_229
"""Where nobody names one."""
_FLOAT = (-0.5, 0.5)
_WHOLE = (0, 99)
_RANGES: Mapping[str, tuple[int, int]] = {"int8": (-127, 127), "uint8": (0, 254), "bool": (0, 1)}
_NARROW: Mapping[str, tuple[int, int]] = {"int4": (-8, 7), "uint4": (0, 15), "int2": (-2, 1), "uint2": (0, 3)}
"""What types hold that numpy has not."""
_LETTERS = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz", np.uint8)
_LONGEST_WORD = 8


@dataclass(frozen=True, slots=True)
class InputRange:
    """Between which values an input is filled."""

    low: float
    """The least."""
    high: float
    """The largest of whole numbers; floats stay below it, unless it is `low` itself."""


def ranges_of(tensors: Sequence[Tensor], stated: Mapping[str, InputRange]) -> tuple[InputRange | None, ...]:
    """The range of every input, in order.

    Args:
        tensors: The model's inputs.
        stated: Ranges by the input's name; without a name (``""``) that of the only input.

    Returns:
        None for texts, which have none.

    Raises:
        ModelMismatch: A range of no input, of a text, or one that the input's type does not hold.
    """
    names = [tensor.name for tensor in tensors]
    given = {names[0] if not name and len(names) == 1 else name: one for name, one in stated.items()}
    for name in given:
        if name not in names:
            raise ModelMismatch(
                f"a range is stated for input {name!r}, which the model does not have: its inputs are "
                f"{', '.join(map(repr, names))}"
            )
    found: list[InputRange | None] = []
    for tensor in tensors:
        if is_text(tensor.dtype):
            if tensor.name in given:
                raise ModelMismatch(f"input {tensor.name} holds texts, which have no range: leave its range out")
            found.append(None)
            continue
        found.append(
            _checked(tensor, given[tensor.name])
            if tensor.name in given
            else default_range(tensor.dtype, tensor.stored_as)
        )
    return tuple(found)


def default_range(dtype: np.dtype[Any], stored_as: str = "") -> InputRange:
    """What an input of this type is filled with where nobody says: see the module. Of a narrow type all that it holds."""
    if stored_as in _NARROW:
        return InputRange(*_NARROW[stored_as])
    if dtype.kind in "iub":
        return InputRange(*_RANGES.get(dtype.name, _WHOLE))
    return InputRange(*_FLOAT)


def random_inputs(
    tensors: Sequence[Tensor], stated: Mapping[str, InputRange] | None = None, *, seed: int = SEED, index: int = 0
) -> tuple[Array, ...]:
    """One sample: an array for every input, in its shape and type, C-contiguous.

    The same arguments give the same arrays, whatever was made before.

    Args:
        tensors: The model's inputs, in order.
        stated: See `ranges_of`.
        seed: 0 or more.
        index: Of the sample.

    Raises:
        ModelMismatch: See `ranges_of`.
    """
    made = []
    for place, (tensor, within) in enumerate(zip(tensors, ranges_of(tensors, stated or {}), strict=True)):
        random = np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, index, place))))
        made.append(_filled(random, tensor.shape, tensor.dtype, within))
    return tuple(made)


def words_of(tensors: Sequence[Tensor], stated: Mapping[str, InputRange] | None = None) -> str:
    """What is fed, for a result: `x: float32 [1, 4] -0.5 to 0.5`, an input after the other."""
    said = []
    for tensor, within in zip(tensors, ranges_of(tensors, stated or {}), strict=True):
        between = "words" if within is None else f"{within.low:g} to {within.high:g}"
        kind = "text" if is_text(tensor.dtype) else tensor.dtype.name
        said.append(f"{tensor.name}: {kind} {list(tensor.shape)} {between}")
    return "; ".join(said)


def limits_of(tensor: Tensor) -> tuple[int, int]:
    """The least and the largest whole number, or truth value, that a tensor holds."""
    if tensor.stored_as in _NARROW:
        return _NARROW[tensor.stored_as]
    if tensor.dtype.kind == "b":
        return 0, 1
    return int(np.iinfo(tensor.dtype).min), int(np.iinfo(tensor.dtype).max)


def is_text(dtype: np.dtype[Any]) -> bool:
    """Whether a tensor holds texts, as numpy has the runtime's strings."""
    return dtype.kind in "OSU"


def _checked(tensor: Tensor, stated: InputRange) -> InputRange:
    said = f"the range {stated.low:g} to {stated.high:g} of input {tensor.name}"
    if not (math.isfinite(stated.low) and math.isfinite(stated.high)):
        raise ModelMismatch(f"{said} is not finite")
    if stated.low > stated.high:
        raise ModelMismatch(f"{said} ends before it begins: write the lower end first")
    if tensor.dtype.kind not in "iub":
        return stated
    if stated.low != int(stated.low) or stated.high != int(stated.high):
        raise ModelMismatch(f"{said}, which is {tensor.dtype}, must have whole numbers for its ends")
    low, high = limits_of(tensor)
    if stated.low < low or stated.high > high:
        raise ModelMismatch(f"{said} is beyond {tensor.stored_as or tensor.dtype}, which holds {low} to {high}")
    return stated


def _filled(
    random: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any], within: InputRange | None
) -> Array:
    if within is None:
        return _words(random, shape)
    if dtype.kind == "b":
        drawn = random.integers(int(within.low), int(within.high), shape, np.uint8, endpoint=True)
        return np.asarray(drawn, np.bool_)
    if dtype.kind in "iu":
        return np.asarray(random.integers(int(within.low), int(within.high), shape, dtype.type, endpoint=True))
    if dtype.kind == "c":
        parts = [_floats(random, shape, within, np.dtype(np.float64)) for _ in range(2)]
        return np.asarray(parts[0] + 1j * parts[1], dtype)
    return _floats(random, shape, within, dtype)


def _floats(random: np.random.Generator, shape: tuple[int, ...], within: InputRange, dtype: np.dtype[Any]) -> Array:
    """Uniform, in the type itself: float16 and float32 would round up to the upper end, which is not reached."""
    drawn = random.random(shape, np.float64 if dtype.itemsize > 4 else np.float32)
    low, high = dtype.type(within.low), dtype.type(within.high)
    values = (drawn * within.high + (1 - drawn) * within.low).astype(dtype)
    last = np.nextafter(high, low) if high > low else high
    return np.asarray(np.minimum(np.maximum(values, low), last), dtype)


def _words(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    words = np.empty(shape, object)
    for place in np.ndindex(*shape):
        letters = random.choice(_LETTERS, int(random.integers(1, _LONGEST_WORD, endpoint=True)))
        words[place] = letters.tobytes()
    return words
