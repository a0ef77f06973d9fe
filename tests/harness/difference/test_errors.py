"""The figures of one output over the runs."""

from __future__ import annotations

import numpy as np
import pytest

from accuracy.output_error import output_error
from backends.base import Array, TensorSpec
from harness.difference.errors import GatheredErrors

REAL = TensorSpec("y", (1, 4), np.dtype(np.float32))
STEPS = TensorSpec("y", (1, 4), np.dtype(np.uint8), 0.5, 10)


def row(*values: float) -> Array:
    return np.array([values], np.float32)


def test_a_runs_error_is_its_mean_and_the_deviation_is_the_populations() -> None:
    gathered = GatheredErrors(REAL, REAL)
    gathered.add(row(1, 2, 3, 4), row(0, 1, 2, 3))  # 1 each
    gathered.add(row(3, 0, 0, 9), row(0, 0, 0, 0))  # 3 in the mean
    found = gathered.found()
    assert (found.avg_error, found.std_dev, found.min_error, found.max_error, found.largest) == (2, 1, 1, 3, 9)
    assert found.argmax_agreement == 0.5
    assert found.avg_steps is None


def test_a_quantised_output_counts_in_its_own_numbers_and_they_are_its_steps() -> None:
    gathered = GatheredErrors(STEPS, STEPS)
    gathered.add(np.array([[10, 12, 14, 200]], np.uint8), np.array([[10, 10, 14, 202]], np.uint8))
    found = gathered.found()
    assert (found.unit, found.avg_error, found.avg_steps, found.largest, found.largest_steps) == ("raw", 1, 1, 2, 2)


def test_where_the_two_count_differently_errors_are_real_and_in_steps_of_the_tested_one() -> None:
    gathered = GatheredErrors(STEPS, REAL)
    gathered.add(np.array([[10, 12, 14, 200]], np.uint8), row(0, 2, 2, 95))
    found = gathered.found()
    assert (found.unit, found.avg_error, found.largest, found.largest_steps) == ("real", 0.25, 1, 2)


def test_infinities_are_right_where_the_other_side_has_the_same_alone() -> None:
    same, other = GatheredErrors(REAL, REAL), GatheredErrors(REAL, REAL)
    same.add(row(np.inf, 1, 1, 1), row(np.inf, 1, 1, 1))
    other.add(row(np.inf, 1, 1, 1), row(5, 1, 1, 1))
    assert (same.found().avg_error, same.found().exact) == (0, True)
    assert (other.found().avg_error, other.found().exact) == (None, False)


def test_outputs_of_other_shapes_are_counted_and_have_no_figure() -> None:
    gathered = GatheredErrors(REAL, REAL)
    gathered.add(row(1, 2), row(1, 2))
    gathered.add(row(1, 2), row(1, 2, 3))
    found = gathered.found()
    assert (found.other_shapes, found.avg_error, found.exact, found.snr_db) == (1, None, False, None)


@pytest.mark.parametrize("place", [0, 1])
def test_what_is_no_number_is_counted_on_its_side(place: int) -> None:
    sides = [row(1, 1, 1, 1), row(1, 1, 1, 1)]
    sides[place] = row(1, np.nan, 1, np.nan)
    gathered = GatheredErrors(REAL, REAL)
    gathered.add(sides[0], sides[1])
    gathered.add(row(1, 1, 1, 1), row(1, 1, 1, 1))
    found = gathered.found()
    assert [found.nan_test, found.nan_reference] == [2 * (place == 0), 2 * (place == 1)]
    assert (found.avg_error, found.std_dev, found.argmax_agreement) == (None, None, None)


@pytest.mark.parametrize(
    "shape", [(1, 301, 500, 3), (1, 211, 700, 1), (70_001, 2), (150_000,), (1, 150_000), (2, 3, 40_000)]
)
def test_large_outputs_have_the_figures_of_the_whole_though_they_are_compared_in_pieces(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    mine, theirs = (rng.normal(size=shape).astype(np.float32) for _ in range(2))
    spec = TensorSpec("y", shape, np.dtype(np.float32))
    gathered = GatheredErrors(spec, spec)
    gathered.add(mine, theirs)
    found, whole = gathered.found(), output_error(mine, theirs)
    assert found.avg_error == pytest.approx(np.abs(mine - theirs).mean(dtype=np.float64))
    assert found.largest == whole.max_error
    assert found.snr_db == pytest.approx(whole.snr_db)
    assert found.argmax_agreement == whole.argmax_agreement


def test_infinities_are_counted_and_right_where_both_sides_have_them() -> None:
    both = GatheredErrors(REAL, REAL)
    both.add(row(1, np.inf, 1, 2), row(1, np.inf, 1, 2.5))
    found = both.found()
    assert (found.inf_test, found.inf_reference, found.avg_error) == (1, 1, 0.125)
    one = GatheredErrors(REAL, REAL)
    one.add(row(1, np.inf, 1, 2), row(1, 1, 1, 2))
    found = one.found()
    assert (found.inf_test, found.inf_reference, found.avg_error) == (1, 0, None)
