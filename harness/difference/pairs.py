"""Which input and output of one model is which of the other, and how the one's numbers become the other's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from backends.base import Array, TensorSpec
from harness.errors import ConfigError

Converted = Callable[[Array], Array]


def pair(kind: str, test: Sequence[TensorSpec], reference: Sequence[TensorSpec]) -> list[int]:
    """For each tensor of the test's side its place on the other: by name where all names are the same, else by order.

    Args:
        kind: `input` or `output`, for messages.
        test: Of one side.
        reference: Of the other.

    Raises:
        ConfigError: There are not as many, or what belongs together has another shape.
    """
    if len(test) != len(reference):
        raise ConfigError(
            f"the reference has {len(reference)} {kind}s, the model {len(test)}: they cannot be held against each other"
        )
    names = [tensor.name for tensor in reference]
    by_name = len(set(names)) == len(names) and sorted(names) == sorted(tensor.name for tensor in test)
    places = [names.index(tensor.name) for tensor in test] if by_name else list(range(len(test)))
    for tensor, place in zip(test, places, strict=True):
        other = reference[place]
        if tensor.shape != other.shape:
            raise ConfigError(
                f"{kind} {tensor.name!r} is {list(tensor.shape)}, the reference's {other.name!r} {list(other.shape)}: "
                "they cannot be held against each other"
            )
    return places


def alike(test: TensorSpec, reference: TensorSpec) -> bool:
    """Whether a number means the same in both."""
    return (test.dtype, test.scale, test.zero_point) == (reference.dtype, reference.scale, reference.zero_point)


def real_values(raw: Array, spec: TensorSpec) -> Array:
    """float64, of what the tensor's numbers stand for."""
    values = raw.astype(np.float64)
    return (values - spec.zero_point) * spec.scale if spec.scale else values


def converter(test: TensorSpec, reference: TensorSpec) -> Converted:
    """From an input of the test's side to the same for the other, as near as its type comes."""
    if alike(test, reference):
        return lambda raw: raw

    def converted(raw: Array) -> Array:
        values = real_values(raw, test)
        if reference.scale:
            values = np.rint(values / reference.scale) + reference.zero_point
        if reference.dtype.kind in "iu":
            ends = np.iinfo(reference.dtype)
            values = np.clip(np.rint(values), ends.min, ends.max)
        return values.astype(reference.dtype)

    return converted
