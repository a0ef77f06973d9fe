"""How an array that somebody stored becomes what a tensor takes: one rule for files, for Python, and for a reference model.

    stored as                              tensor is            becomes
    the tensor's own type                  any                  itself: of a quantised tensor its steps
    a float type                           quantised            the nearest step, within the type
    a float or whole number, truth value   float, complex       the number
    a whole number or truth value          whole, truth value   the number, where the type holds it
    texts (numpy's S or U)                 text                 the same in UTF-8

All else is refused: it would be a guess.
"""

from __future__ import annotations

import numpy as np

from tasks.base import Array, DataMissing, Tensor
from tasks.tensors.random_inputs import is_text, limits_of

_LEAST_FLOAT = 1e-9
"""Of what is plainly meant as a float, and its reciprocal the most."""


def fitted(array: Array, tensor: Tensor, whose: str) -> Array:
    """The array in the tensor's type and shape, C-contiguous.

    Args:
        array: As it was stored; the batch of 1 may be left out.
        tensor: What takes it.
        whose: Names it in messages: `a.npz: input x`.

    Raises:
        DataMissing: Another shape, or a type or value that the tensor does not take.
    """
    shape = tuple(tensor.shape)
    if array.shape != shape and not (shape[:1] == (1,) and array.shape == shape[1:]):
        raise DataMissing(f"{whose} is {array.dtype} {list(array.shape)}, but the model takes {list(shape)}")
    return np.ascontiguousarray(_typed(array.reshape(shape), tensor, whose)).reshape(shape)


def looks_like(array: Array) -> str:
    """The type that raw bytes plainly are of, where it is another of the same width than they were read as; "" for none.

    Whole numbers that are read as floats are all next to nothing, and floats that are read as whole numbers all huge.
    """
    values = array[array != 0] if array.dtype.kind in "fi" else array[:0]
    if values.size < 2 or array.dtype.itemsize not in (4, 8):
        return ""
    as_float = np.dtype(f"f{array.dtype.itemsize}")
    if array.dtype.kind == "f":
        # Small negative ones are NaN.
        tiny = np.abs(values) < np.finfo(as_float).tiny
        return f"int{8 * array.dtype.itemsize}" if np.any(tiny) and np.all(tiny | np.isnan(values)) else ""
    with np.errstate(invalid="ignore"):
        sizes = np.abs(values.view(as_float))
        plausible = (sizes > _LEAST_FLOAT) & (sizes < 1 / _LEAST_FLOAT)
    huge = np.abs(values.astype(np.float64)) >= 2.0 ** (8 * array.dtype.itemsize - 4)
    return as_float.name if bool(np.all(plausible & huge)) else ""


def real_values(array: Array, scale: float, zero_point: int) -> Array:
    """What quantised numbers mean, float64; values without a scale as they are."""
    return (array.astype(np.float64) - zero_point) * scale if scale else array


def converted(array: Array, of: Tensor, to: Tensor, whose: str) -> Array:
    """What one model was given as another takes it: the same real values, in the other's type.

    Args:
        array: As `of` takes it.
        of: The tensor that it was made for.
        to: The one that it shall be for.
        whose: As `fitted`.

    Raises:
        DataMissing: As `fitted`.
    """
    if (of.dtype, of.scale, of.zero_point) == (to.dtype, to.scale, to.zero_point):
        return fitted(array, to, whose)
    return fitted(real_values(array, of.scale, of.zero_point), to, whose)


def _typed(array: Array, tensor: Tensor, whose: str) -> Array:
    have, want = array.dtype, tensor.dtype
    if is_text(want) or is_text(have):
        return _texts(array, tensor, whose)
    if have == want and not tensor.stored_as:
        return array
    said = f"{whose} is {have}, but the model takes {want}"
    if have.kind not in "fiubc":
        raise DataMissing(f"{said}: these are no numbers")
    if want.kind in "fc":
        if have.kind == "c" and want.kind == "f":
            raise DataMissing(f"{said}: a complex number is none")
        with np.errstate(over="ignore"):
            made = array.astype(want)
        if np.isfinite(array).any() and not np.array_equal(np.isfinite(made), np.isfinite(array)):
            raise DataMissing(f"{said}, which does not hold all of its values")
        return made
    if tensor.scale and want.kind in "iu" and have.kind == "f":
        return _steps(array, tensor, whose)
    if (tensor.scale and have != want) or have.kind not in "iub":
        wanted = f"{want} steps, or floats in real units" if tensor.scale else str(want)
        raise DataMissing(f"{whose} is {have}, but the model takes {wanted}")
    low, high = limits_of(tensor)
    if array.size and (int(array.min()) < low or int(array.max()) > high):
        raise DataMissing(f"{said}, which holds {low} to {high} alone")
    return array.astype(want)


def _steps(array: Array, tensor: Tensor, whose: str) -> Array:
    if not np.isfinite(array).all():
        raise DataMissing(f"{whose} holds values that are no finite numbers, which {tensor.dtype} has not")
    steps = np.rint(array.astype(np.float64) / tensor.scale) + tensor.zero_point
    low, high = limits_of(tensor)
    return np.asarray(np.clip(steps, low, high), tensor.dtype)


def _texts(array: Array, tensor: Tensor, whose: str) -> Array:
    if not (is_text(array.dtype) and is_text(tensor.dtype)):
        wanted = "texts" if is_text(tensor.dtype) else str(tensor.dtype)
        raise DataMissing(f"{whose} is {array.dtype}, but the model takes {wanted}")
    words = np.empty(array.shape, object)
    for place in np.ndindex(*array.shape):
        word = array[place]
        words[place] = bytes(word) if isinstance(word, bytes) else str(word).encode()
    return words
