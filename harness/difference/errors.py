"""The error of one output over the runs of a difference, gathered run by run."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from accuracy.output_error import ErrorSums
from backends.base import Array, TensorSpec
from harness.difference.pairs import alike, real_values
from harness.difference.record import OutputDifference

_PIECE = 15_000
"""Values that are compared at once: in double precision they are less than what the allocator asks the system for each time."""


class GatheredErrors:
    """Of one output: a figure of TFLite's tool for each run, and all that `accuracy.output_error` knows over all runs."""

    def __init__(self, test: TensorSpec, reference: TensorSpec) -> None:
        """Nothing is gathered yet.

        Args:
            test: The output of the side that is tested.
            reference: The same output of the other.
        """
        self._test, self._reference = test, reference
        self._raw = alike(test, reference)
        self._means: list[float] = []
        self._worst, self._worst_run, self._runs = -1.0, 0, 0
        self._sums = ErrorSums(
            scale=test.scale,
            zero_point=test.zero_point,
            expected_scale=None if self._raw else reference.scale,
            expected_zero_point=reference.zero_point,
        )
        self._other_shapes = self._count = 0
        self._spoilt, self._exact = False, True

    def add(self, test: Array, reference: Array) -> None:
        """One run's outputs."""
        if test.shape != reference.shape:
            self._other_shapes += 1
            self._spoilt, self._exact = True, False
            self._note(math.inf)
            return
        total = 0.0
        for piece in _pieces(test.shape):
            total += self._add(test[piece], reference[piece])
        self._count += test.size
        mean = total / test.size if test.size else 0.0
        if not math.isfinite(mean):
            self._spoilt = True
        self._exact = self._exact and mean == 0
        self._means.append(mean)
        self._note(mean if math.isfinite(mean) else math.inf)

    def _note(self, error: float) -> None:
        if error > self._worst:
            self._worst, self._worst_run = error, self._runs
        self._runs += 1

    def _add(self, test: Array, reference: Array) -> float:
        """A piece of the outputs; the sum of its errors' sizes, infinite or NaN where one of them is."""
        self._sums.update(test, reference)
        mine, theirs = self._values(test, self._test), self._values(reference, self._reference)
        with np.errstate(invalid="ignore"):
            errors = np.abs(mine - theirs)
            total = float(errors.sum(dtype=np.float64))
            if not math.isfinite(total):
                # An infinity is right where the other side has the same.
                total = float(np.where(mine == theirs, 0, errors).sum(dtype=np.float64))
        return total

    def _values(self, array: Array, spec: TensorSpec) -> Array:
        # The tool compares in single precision, and adds up in it too; the sums here have double.
        return array.astype(np.float32, copy=False) if self._raw else real_values(array, spec)

    @property
    def compared_nothing(self) -> bool:
        """Whether the two sides agree in giving no values so far."""
        return not self._spoilt and not self._count

    @property
    def is_spoilt(self) -> bool:
        """Whether it has no figure: a value is no number where the other side has one, or on both, or the shapes differ."""
        return self._spoilt

    @property
    def worst_run(self) -> int:
        """The first run, from 0, in which the output was furthest off: without a figure, or with the largest mean error."""
        return self._worst_run

    def found(self) -> OutputDifference:
        """Over all runs so far."""
        error = self._sums.error()
        means = np.array(self._means) if self._means and not self._spoilt and self._count else None
        step, measured = self._test.scale, means is not None
        mean_steps, max_steps = error.mean_steps, error.max_steps
        largest = error.max_error
        if self._raw and step:
            largest = max_steps
        elif step and error.mean_error is not None and error.max_error is not None:
            # The two count differently: in steps of the side that is tested.
            mean_steps, max_steps = error.mean_error / step, error.max_error / step
        return OutputDifference(
            self._test.name,
            self._test.dtype.name,
            self._test.shape,
            unit="raw" if self._raw else "real",
            avg_error=None if means is None else float(means.mean()),
            std_dev=None if means is None else float(means.std()),
            min_error=None if means is None else float(means.min()),
            max_error=None if means is None else float(means.max()),
            largest=largest if measured else None,
            avg_steps=mean_steps if measured else None,
            largest_steps=max_steps if measured else None,
            snr_db=error.snr_db if measured else None,
            exact=self._exact and measured,
            argmax_agreement=error.argmax_agreement if measured else None,
            nan_test=error.not_finite.found_nan,
            nan_reference=error.not_finite.expected_nan,
            inf_test=error.not_finite.found_inf,
            inf_reference=error.not_finite.expected_inf,
            other_shapes=self._other_shapes,
        )


def _pieces(shape: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """Slices along the first axis that has some length: what is made on the way stays in the caches.

    Each leaves at least two such axes, or all of the last: where the largest values are choices (`choice_axis`) is then told
    of a piece as of the whole.
    """
    long = [axis for axis, size in enumerate(shape) if size > 1]
    if math.prod(shape) <= _PIECE or len(long) < 2:
        yield (slice(None),) * len(shape)
        return
    axis = long[0]
    step = max(2, _PIECE * shape[axis] // math.prod(shape))
    for start in range(0, shape[axis] - 1, step):
        # One row alone would be left: the piece before takes it.
        end = shape[axis] if start + step >= shape[axis] - 1 else start + step
        yield (slice(None),) * axis + (slice(start, end),)
        if end == shape[axis]:
            return
