"""What a model is asked where there is no task: seeded random values, or files of values, made once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from backends.base import Array, TensorSpec
from harness.errors import ConfigError, unknown
from tasks.tensors.random_inputs import InputRange, is_text, random_inputs, ranges_of


@dataclass(frozen=True, slots=True)
class Fed:
    """What an input is given."""

    values: Array
    words: str
    """What that is, for people."""


def fed_inputs(
    inputs: Sequence[TensorSpec],
    *,
    ranges: Mapping[str, tuple[float, ...]],
    files: Mapping[str, Path],
    seed: int,
) -> list[Fed]:
    """Values for every input, in order.

    Args:
        inputs: As they are opened.
        ranges: Input -> the lowest and the highest random value; of floats the highest is not reached.
        files: Input -> a file: `.npy`, or the tensor's bytes and nothing else; texts lie side by side, a NUL after each.
        seed: Of the random values. The same seed gives the same values.

    Raises:
        ConfigError: A name that no input has, or a file that does not fit.
        ModelMismatch: A range that is none.
    """
    check_names(inputs, [*ranges, *files])
    stated = {name: InputRange(low, high) for name, (low, high) in ranges.items()}
    found = []
    drawn = zip(random_inputs(inputs, stated, seed=seed), ranges_of(inputs, stated), strict=True)
    for tensor, (values, within) in zip(inputs, drawn, strict=True):
        if tensor.name in files:
            found.append(Fed(_read(tensor, files[tensor.name]), f"from {files[tensor.name]}"))
        else:
            between = f"random from {within.low:g} to {within.high:g}" if within else "random words"
            found.append(Fed(values, f"{between}, seed {seed}"))
    return found


def check_names(inputs: Sequence[TensorSpec], named: Iterable[str]) -> None:
    """Refuses a name that no input has.

    Raises:
        ConfigError: With a near name, or all that there are.
    """
    names = [tensor.name for tensor in inputs]
    for name in named:
        if name not in names:
            raise ConfigError(unknown("input", name, names))


def _read(tensor: TensorSpec, path: Path) -> Array:
    wanted = f"{tensor.dtype.name} {list(tensor.shape)}"
    try:
        if path.suffix == ".npy":
            return _read_array(tensor, path, wanted)
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {path}, the values of input {tensor.name!r}: {error.strerror}") from None
    if is_text(tensor.dtype):
        texts, count = data.removesuffix(b"\0").split(b"\0"), math.prod(tensor.shape)
        if len(texts) != count:
            raise ConfigError(f"{path} holds {len(texts)} texts, but input {tensor.name!r} takes {count}")
        return np.array(texts, dtype=object).reshape(tensor.shape)
    if len(data) != tensor.nbytes:
        raise ConfigError(
            f"{path} has {len(data):,} bytes, but input {tensor.name!r}, {wanted}, takes {tensor.nbytes:,}: the tensor's "
            "values and nothing else, or a .npy file"
        )
    return np.frombuffer(data, tensor.dtype).reshape(tensor.shape)


def _read_array(tensor: TensorSpec, path: Path, wanted: str) -> Array:
    try:
        found = np.load(path, allow_pickle=False)
    except ValueError as error:
        raise ConfigError(f"{path} is no array of numbers that numpy wrote: {error}") from None
    held = f"{found.dtype} {list(found.shape)}" if isinstance(found, np.ndarray) else "several arrays"
    if held != wanted:
        raise ConfigError(f"{path} holds {held}, but input {tensor.name!r} takes {wanted}")
    return np.ascontiguousarray(found)
