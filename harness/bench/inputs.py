"""What a model is asked where there is no task: seeded random values, or files of values, made once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from accuracy.outside.plain_files import read_plain
from backends.base import Array, TensorSpec
from harness.errors import ConfigError, unknown
from tasks.tensors.array_files import read_npy
from tasks.tensors.fitting import fitted, looks_like
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
        ConfigError: A name that no input has or that two have, or a file of the wrong size.
        DataMissing: A `.npy` file that is none, or whose array does not fit (`tasks.tensors.fitting`).
        ModelMismatch: A range that is none.
    """
    check_names(inputs, [*ranges, *files])
    stated = {name: InputRange(low, high) for name, (low, high) in ranges.items()}
    found = []
    drawn = zip(random_inputs(inputs, stated, seed=seed), ranges_of(inputs, stated), strict=True)
    for tensor, (values, within) in zip(inputs, drawn, strict=True):
        if tensor.name in files:
            read = _read(tensor, files[tensor.name])
            found.append(Fed(read, f"from {files[tensor.name]}{_odd(read)}"))
        else:
            between = f"random from {within.low:g} to {within.high:g}" if within else "random words"
            found.append(Fed(values, f"{between}, seed {seed}"))
    return found


def check_names(inputs: Sequence[TensorSpec], named: Iterable[str]) -> None:
    """Refuses a name that no input has, or that two have.

    Raises:
        ConfigError: With a near name, or all that there are.
    """
    names = [tensor.name for tensor in inputs]
    for name in named:
        if name not in names:
            raise ConfigError(unknown("input", name, names))
        if names.count(name) > 1:
            raise ConfigError(
                f"{names.count(name)} of the model's inputs are called {name!r}: nothing says which is meant"
            )


def _odd(values: Array) -> str:
    """What is to be known of values that are no numbers, which some kernels make ordinary ones of."""
    odd = int(np.count_nonzero(~np.isfinite(values))) if values.dtype.kind in "fc" else 0
    return f", of which {odd:,} of {values.size:,} values are NaN or infinite" if odd else ""


def _read(tensor: TensorSpec, path: Path) -> Array:
    try:
        data = read_plain(path)
    except OSError as error:
        raise ConfigError(f"cannot read {path}, the values of input {tensor.name!r}: {error.strerror}") from None
    if path.suffix == ".npy":
        return fitted(read_npy(str(path), data), tensor, f"{path}: input {tensor.name!r}")
    if is_text(tensor.dtype):
        texts, count = data.removesuffix(b"\0").split(b"\0"), math.prod(tensor.shape)
        if len(texts) != count:
            raise ConfigError(f"{path} holds {len(texts)} texts, but input {tensor.name!r} takes {count}")
        return np.array(texts, dtype=object).reshape(tensor.shape)
    if len(data) != tensor.nbytes:
        raise ConfigError(
            f"{path} has {len(data):,} bytes, but input {tensor.name!r}, {tensor.dtype.name} {list(tensor.shape)}, takes "
            f"{tensor.nbytes:,}: the tensor's values and nothing else, or a .npy file"
        )
    values = np.frombuffer(data, tensor.dtype).reshape(tensor.shape)
    if other := looks_like(values):
        raise ConfigError(
            f"{path}: input {tensor.name!r} is {tensor.dtype.name}, but the bytes look like {other}: write its own type"
        )
    return values
