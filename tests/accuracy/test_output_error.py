"""The error figures, held against their definitions written out, and against scikit-learn's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import max_error, mean_absolute_error, mean_squared_error
from sklearn.metrics.pairwise import cosine_similarity

from accuracy.metric.output_figures import NotFinite, OutputError
from accuracy.output_error import MOST_DB, ErrorSums, choice_axis, output_error

VALUES = st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=12)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.lists(st.tuples(st.floats(-1e6, 1e6, width=32), st.floats(-1e6, 1e6, width=32)), min_size=1, max_size=20))
def test_the_figures_are_those_of_scikit_learn(pairs: list[tuple[float, float]]) -> None:
    found, expected = (np.array(side, np.float32) for side in zip(*pairs, strict=True))
    error = output_error(found, expected)
    mine, theirs = found.astype(np.float64), expected.astype(np.float64)
    assert error.max_error == pytest.approx(max_error(theirs, mine))
    assert error.mean_error == pytest.approx(mean_absolute_error(theirs, mine))
    assert error.rmse == pytest.approx(math.sqrt(mean_squared_error(theirs, mine)))
    # What is shorter than a few epsilons scikit-learn takes for no direction at all.
    if min(np.linalg.norm(mine), np.linalg.norm(theirs)) > 1e-12:
        assert error.cosine == pytest.approx(cosine_similarity(mine[None], theirs[None])[0, 0], abs=1e-9)
    noise = float(np.square(mine - theirs).sum())
    if noise and theirs.any():
        wanted = 10 * math.log10(float(np.square(theirs).sum()) / noise)
        assert error.snr_db == pytest.approx(max(-MOST_DB, min(MOST_DB, wanted)))


@settings(deadline=None, derandomize=True, max_examples=25)
@given(VALUES, st.integers(1, 4))
def test_samples_one_by_one_give_the_figures_of_all_together(values: list[float], cuts: int) -> None:
    found = np.array(values, np.float32)
    expected = np.roll(found, 1) * np.float32(0.75)
    sums = ErrorSums()
    for piece, other in zip(np.array_split(found, cuts), np.array_split(expected, cuts), strict=True):
        sums.update(piece, other)
    whole, pieces = output_error(found, expected), sums.error()
    for name in ("max_error", "mean_error", "rmse", "snr_db", "cosine", "equal_share", "expected_span"):
        assert getattr(pieces, name) == pytest.approx(getattr(whole, name), rel=1e-9, abs=1e-9), name
    assert (pieces.samples, pieces.values) == (cuts, whole.values)


def test_equal_outputs_have_no_error_and_the_most_decibels() -> None:
    same = np.linspace(-1, 1, 7, dtype=np.float32)
    error = output_error(same, same.copy())
    assert (error.max_error, error.rmse, error.snr_db, error.equal_share) == (0.0, 0.0, MOST_DB, 1.0)
    assert error.cosine == pytest.approx(1.0)
    zeros = np.zeros(4, np.float32)
    assert (output_error(zeros, zeros).cosine, output_error(zeros, zeros).snr_db) == (1.0, MOST_DB)
    assert (output_error(zeros + 1, zeros).cosine, output_error(zeros + 1, zeros).snr_db) == (0.0, -MOST_DB)


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.integers(-100, 100), st.integers(0, 27), st.floats(1e-6, 10))
def test_quantised_outputs_are_measured_in_steps_exactly_and_in_real_units(base: int, steps: int, scale: float) -> None:
    expected = np.full((1, 4), base, np.int8)
    found = expected.copy()
    found[0, 2] += steps
    error = output_error(found, expected, scale=scale, zero_point=-3)
    assert (error.max_steps, error.mean_steps) == (steps, steps / 4)
    assert error.max_error == pytest.approx(steps * scale)
    assert error.equal_share == (1.0 if steps == 0 else 0.75)


def test_a_quantised_output_is_held_against_real_values_in_real_units() -> None:
    sums = ErrorSums(scale=0.5, zero_point=10, expected_scale=0.0)
    sums.update(np.array([10, 12, 14], np.uint8), np.array([0.0, 1.25, 2.0], np.float32))
    error = sums.error()
    assert (error.max_error, error.max_steps) == (0.25, None)
    assert error.equal_share == pytest.approx(2 / 3)


def test_what_is_no_number_is_counted_apart_and_never_averaged() -> None:
    found = np.array([1, np.nan, np.inf, -np.inf, np.nan, 3], np.float32)
    expected = np.array([1, 2, np.inf, np.inf, np.nan, 2], np.float32)
    error = output_error(found, expected)
    assert error.not_finite == NotFinite(found_nan=2, found_inf=2, expected_nan=1, expected_inf=2, differing=2)
    assert not error.comparable
    # Of the two places where both are numbers alone.
    assert (error.values, error.max_error, error.mean_error) == (2, 1.0, 0.5)
    same = output_error(expected, expected)
    assert (same.comparable, same.not_finite.any, same.max_error) == (True, True, 0.0)
    nothing = output_error(np.full(3, np.nan, np.float32), np.ones(3, np.float32))
    assert (nothing.max_error, nothing.snr_db, nothing.cosine, nothing.equal_share) == (None, None, None, None)


@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        ((1, 10), -1),
        ((10,), -1),
        ((1, 10, 1, 1), -3),
        ((1, 8, 8, 4), -1),
        ((1, 8, 8, 1), None),
        ((), None),
        ((1, 1), None),
    ],
)
def test_a_choice_is_made_along_the_last_axis_or_the_only_one(shape: tuple[int, ...], axis: int | None) -> None:
    assert choice_axis(shape) == axis


def test_the_share_of_equal_choices_is_by_place_and_nan_chooses_nothing() -> None:
    expected = np.array([[[0, 1, 2], [2, 1, 0], [0, 5, 1], [7, 0, 0]]], np.float32)
    found = np.array([[[0, 1, 9], [0, 1, 2], [0, 4, 1], [np.nan, 0, 0]]], np.float32)
    assert output_error(found, expected).argmax_agreement == 0.5
    assert output_error(np.ones((1, 4, 4, 1)), np.ones((1, 4, 4, 1))).argmax_agreement is None


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int64", "bool", "float16", "float64", "complex64"])
def test_any_type_of_numbers_has_figures(dtype: str) -> None:
    expected = np.array([0, 1, 1, 0], dtype)
    found = np.array([0, 1, 0, 0], dtype)
    error = output_error(found, expected)
    assert (error.max_error, error.equal_share) == (1.0, 0.875 if dtype == "complex64" else 0.75)


def test_large_whole_numbers_are_told_apart_and_texts_are_equal_or_not() -> None:
    one, other = np.array([2**62, 5]), np.array([2**62 + 1, 5])
    assert output_error(one, other).equal_share == 0.5
    words, others = np.array([b"yes", b"no"], object), np.array([b"yes", b"on"], object)
    text = output_error(words, others)
    assert (text.equal_share, text.max_error, text.values) == (0.5, None, 2)


def test_numbers_beyond_float64_have_no_figure_rather_than_a_wrong_one() -> None:
    error = output_error(np.array([1e200]), np.array([-1e200]))
    assert (error.max_error, error.rmse, error.snr_db, error.cosine) == (2e200, None, None, None)


def test_outputs_of_other_shapes_or_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \[2\] is held against one of \[1, 2\]"):
        output_error(np.zeros(2), np.zeros((1, 2)))
    with pytest.raises(ValueError, match="object is held against one of float64"):
        output_error(np.array([b"a"], object), np.zeros(1))


def test_an_error_without_samples_has_no_figures() -> None:
    empty = ErrorSums().error()
    assert isinstance(empty, OutputError)
    assert (empty.samples, empty.max_error, empty.equal_share, empty.comparable) == (0, None, None, True)


def test_places_where_both_sides_are_no_numbers_have_no_largest_value_and_are_in_no_share() -> None:
    expected = np.array([[1, 2, 3], [np.nan, 2, 3], [3, 2, 1]], np.float32)
    found = np.array([[1, 2, 3], [np.nan, 2, 3], [1, 2, 3]], np.float32)
    error = output_error(found, expected)
    assert error.comparable
    assert error.argmax_agreement == 0.5
    assert output_error(expected[1:2], expected[1:2]).argmax_agreement is None
    # Of one side alone it is a place that disagrees.
    assert output_error(found[:2], np.array([[1, 2, 3], [1, 2, 3]], np.float32)).argmax_agreement == 0.5
