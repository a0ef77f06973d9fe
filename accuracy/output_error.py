"""How far a model's output is from what it should be: the one place that knows what each error figure means.

Error is what was found less what was expected, in the output's real units; where both are quantised alike, in steps as well.
The signal-to-noise ratio is 10 log10 of the squares of what was expected over the squares of the error, and the cosine that of
the angle between the two, each over all samples together, as if they were one long vector. Sums are float64.

Values that are no finite numbers are in none of these figures. They are counted, and whoever judges asks
`OutputError.comparable` first: a NaN where a number should be is wrong, whatever the rest is.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from accuracy.metric.output_figures import NotFinite, OutputError

Array = npt.NDArray[Any]
Float64 = npt.NDArray[np.float64]

MOST_DB = 200.0
"""What the ratio is at most, and so that of equal outputs, for which it is infinite: float32 ends at about 150 dB. An error
where nothing but zeros was expected has as much below 0."""
_TEXT = "OSU"
"""Kinds of numpy's types that hold text."""


class Totals(NamedTuple):
    """What is added up: those of some samples together are the sums of each one's. In steps where both sides have the same."""

    values: float
    numbers: float
    errors: float
    squares: float
    dot: float
    found_squares: float
    expected_squares: float
    equal: float
    choices: float
    same_choices: float


class ErrorSums:
    """Adds up the error of one output over samples; memory does not grow with them."""

    def __init__(
        self,
        *,
        scale: float = 0.0,
        zero_point: int = 0,
        expected_scale: float | None = None,
        expected_zero_point: int = 0,
    ) -> None:
        """Takes what the numbers mean.

        Args:
            scale: Quantisation step of what will be found; 0 for values that are what they are.
            zero_point: The step that means 0.
            expected_scale: Of what will be expected; None where it is quantised as what is found.
            expected_zero_point: Likewise.
        """
        self._found_as = (scale, zero_point)
        self._expected_as = (scale, zero_point) if expected_scale is None else (expected_scale, expected_zero_point)
        self._alike = self._found_as == self._expected_as
        self._unit = scale if self._alike and scale else 1.0
        """What the errors count in: steps where both sides have the same, so that they are exact."""
        self._steps = self._unit if self._alike and scale else None
        self._samples = self._values = self._equal = self._numbers = 0
        self._worst = self._sum = self._squares = 0.0
        self._dot = self._found_squares = self._expected_squares = 0.0
        self._low, self._high = math.inf, -math.inf
        self._choices = self._same_choices = 0
        self._nan, self._inf, self._differing = [0, 0], [0, 0], 0

    def update(self, found: Array, expected: Array) -> None:
        """Counts one sample.

        Args:
            found: Of any shape and type: numbers, truth values, texts.
            expected: Of the same shape.

        Raises:
            ValueError: Their shapes differ, or one is text and the other is not.
        """
        if found.shape != expected.shape:
            raise ValueError(f"an output of shape {list(found.shape)} is held against one of {list(expected.shape)}")
        if (found.dtype.kind in _TEXT) != (expected.dtype.kind in _TEXT):
            raise ValueError(f"an output of {found.dtype} is held against one of {expected.dtype}")
        self._samples += 1
        if found.dtype.kind in _TEXT:
            self._values += found.size
            self._equal += int(np.count_nonzero(found == expected))
            return
        self._count_choices(found, expected)
        mine, theirs = _numbers(found), _numbers(expected)
        finite = np.isfinite(mine) & np.isfinite(theirs)
        if not finite.all():
            self._count_not_finite(mine, theirs)
            mine, theirs = mine[finite], theirs[finite]
        if mine.size:
            self._add(mine.reshape(-1), theirs.reshape(-1))
        if self._alike and found.dtype.kind in "iub" and expected.dtype.kind in "iub":
            # As they are: float64 does not tell large whole numbers apart.
            self._equal += int(np.count_nonzero(found == expected))
        elif self._alike:
            self._equal += int(np.count_nonzero(mine == theirs))
        else:
            real, wanted = _real(mine, *self._found_as), _real(theirs, *self._expected_as)
            self._equal += int(np.count_nonzero(real == wanted))

    def error(self) -> OutputError:
        """The figures so far."""
        known = self._numbers
        worst = _finite(self._worst) if known else None
        return replace(
            self.error_of(self.totals()),
            samples=self._samples,
            max_error=None if worst is None else worst * self._unit,
            max_steps=None if self._steps is None else worst,
            expected_span=_finite(self._high - self._low) if known else None,
            not_finite=NotFinite(self._nan[0], self._inf[0], self._nan[1], self._inf[1], self._differing),
        )

    def totals(self) -> Totals:
        """What was added up so far."""
        return Totals(
            self._values,
            self._numbers,
            self._sum,
            self._squares,
            self._dot,
            self._found_squares,
            self._expected_squares,
            self._equal,
            self._choices,
            self._same_choices,
        )

    def error_of(self, totals: Totals) -> OutputError:
        """The figures of other samples of the same output, but those that are no sums: the largest, and what is not finite."""
        known, unit = totals.numbers, self._unit
        mean = _finite(totals.errors / known) if known else None
        root = _finite(math.sqrt(totals.squares / known)) if known else None
        noise = totals.squares * unit * unit
        return OutputError(
            samples=0,
            values=round(totals.values),
            max_error=None,
            mean_error=None if mean is None else mean * unit,
            rmse=None if root is None else root * unit,
            snr_db=_decibels(totals.expected_squares, noise) if known else None,
            cosine=_cosine(totals.dot, totals.found_squares, totals.expected_squares) if known else None,
            argmax_agreement=totals.same_choices / totals.choices if totals.choices else None,
            equal_share=totals.equal / totals.values if totals.values else None,
            max_steps=None,
            mean_steps=None if self._steps is None else mean,
            expected_span=None,
            not_finite=NotFinite(),
        )

    def _add(self, found: Float64, expected: Float64) -> None:
        """Values that are finite on both sides, as they are stored."""
        self._values += found.size
        self._numbers += found.size
        with np.errstate(over="ignore", invalid="ignore"):
            mine, theirs = _real(found, *self._found_as), _real(expected, *self._expected_as)
            errors = np.abs(found - expected if self._alike else mine - theirs)
            self._worst = max(self._worst, float(errors.max()))
            self._sum += float(errors.sum())
            self._squares += _product(errors, errors)
            self._dot += _product(mine, theirs)
            self._found_squares += _product(mine, mine)
            self._expected_squares += _product(theirs, theirs)
        self._low, self._high = min(self._low, float(theirs.min())), max(self._high, float(theirs.max()))

    def _count_choices(self, found: Array, expected: Array) -> None:
        axis = choice_axis(found.shape)
        if axis is None or found.dtype.kind == "c" or expected.dtype.kind == "c":
            return
        same = np.argmax(found, axis=axis) == np.argmax(expected, axis=axis)
        # Where there is NaN numpy takes it for the largest, and there is no choice.
        mine, theirs = _nan_along(found, axis), _nan_along(expected, axis)
        self._choices += same.size - int(np.count_nonzero(np.broadcast_to(mine & theirs, same.shape)))
        self._same_choices += int(np.count_nonzero(same & ~(mine | theirs)))

    def _count_not_finite(self, found: Float64, expected: Float64) -> None:
        for place, values in enumerate((found, expected)):
            self._nan[place] += int(np.count_nonzero(np.isnan(values)))
            self._inf[place] += int(np.count_nonzero(np.isinf(values)))
        alike = (found == expected) | (np.isnan(found) & np.isnan(expected))
        odd = ~(np.isfinite(found) & np.isfinite(expected))
        self._differing += int(np.count_nonzero(odd & ~alike))


def output_error(found: Array, expected: Array, *, scale: float = 0.0, zero_point: int = 0) -> OutputError:
    """The error of one array.

    Args:
        found: Of any shape and type.
        expected: Of the same shape, quantised alike.
        scale: Quantisation step; 0 for values that are what they are.
        zero_point: The step that means 0.

    Raises:
        ValueError: See `ErrorSums.update`.
    """
    sums = ErrorSums(scale=scale, zero_point=zero_point)
    sums.update(found, expected)
    return sums.error()


def choice_axis(shape: tuple[int, ...]) -> int | None:
    """The axis along which the largest value may be a choice: the last, or the only one that is longer than 1.

    Returns:
        Below 0, counted from the end; None where neither is: a number, or a map with one value a place.
    """
    if shape and shape[-1] > 1:
        return -1
    longer = [axis for axis, size in enumerate(shape) if size > 1]
    return longer[0] - len(shape) if len(longer) == 1 else None


def _numbers(array: Array) -> Float64:
    """As float64 of any shape; a complex number is two of them."""
    if array.dtype.kind == "c":
        whole = np.ascontiguousarray(array, np.complex128)
        return whole.reshape(-1).view(np.float64)
    return array.astype(np.float64)


def _product(one: Float64, other: Float64) -> float:
    """The inner product, without BLAS, whose threads wait for each other where the machine is busy: 9 ms in place of 0.4."""
    return float(np.einsum("i,i->", one, other))


def _real(values: Float64, scale: float, zero_point: int) -> Float64:
    return (values - zero_point) * scale if scale else values


def _nan_along(array: Array, axis: int) -> npt.NDArray[np.bool_]:
    if array.dtype.kind in "iub":
        return np.zeros((), np.bool_)
    return np.asarray(np.isnan(array).any(axis=axis))


def _finite(value: float) -> float | None:
    """None for what float64 cannot hold: squares of numbers beyond 1e154."""
    return value if math.isfinite(value) else None


def _decibels(signal: float, noise: float) -> float | None:
    if not (math.isfinite(signal) and math.isfinite(noise)):
        return None
    if noise == 0:
        return MOST_DB
    if signal == 0:
        return -MOST_DB
    return min(MOST_DB, max(-MOST_DB, 10 * (math.log10(signal) - math.log10(noise))))


def _cosine(dot: float, found: float, expected: float) -> float | None:
    if not (math.isfinite(dot) and math.isfinite(found) and math.isfinite(expected)):
        return None
    if found == 0 or expected == 0:
        return 1.0 if found == expected else 0.0
    return min(1.0, max(-1.0, dot / math.sqrt(found) / math.sqrt(expected)))
