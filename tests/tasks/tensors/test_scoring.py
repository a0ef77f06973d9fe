"""Error figures of outputs as metrics: the worst for the whole, none for what holds no numbers."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from accuracy.answers.arrays import Output
from accuracy.answers.log import LogError
from accuracy.errors import MetricUnusable
from accuracy.metric.own_metrics import OwnMetric
from accuracy.output_error import MOST_DB, output_error
from tasks.tensors.scoring import KINDS, Errors

FLOATS = np.array([[1.0, 2.0, 4.0]], np.float32)


class Largest:
    """The largest of what was found, over all samples."""

    def __init__(self) -> None:
        self.found = -np.inf

    def update(self, found: Any, expected: Any) -> None:
        self.found = max(self.found, float(found.max()))

    def compute(self) -> float:
        return self.found


def test_the_whole_is_the_worst_of_the_outputs_and_each_has_its_own() -> None:
    errors = Errors([])
    good, bad = Output("good", FLOATS), Output("bad.one", FLOATS)
    errors.update([good, bad], {0: FLOATS + 0.25, 1: FLOATS[:, ::-1].copy()})
    errors.update([good, bad], {0: FLOATS, 1: FLOATS})
    score = errors.score()
    expected = output_error(FLOATS, FLOATS[:, ::-1])
    assert (score["max_error"], score["max_error.good"], score["max_error.bad.one"]) == (3.0, 0.25, expected.max_error)
    assert score["snr_db"] == score["snr_db.bad.one"] < score["snr_db.good"]
    assert (score["argmax_agreement"], score["argmax_agreement.good"]) == (0.5, 1.0)
    assert score["not_finite"] == 0
    assert (score.unit, score.count, score.notes) == ("samples", 2, ())
    assert next(iter(score)) == "snr_db"


def test_every_figure_that_is_promised_is_given_for_a_quantised_output_held_against_steps() -> None:
    errors = Errors([])
    steps = np.array([[10, 12, 20]], np.int8)
    errors.update([Output("y", steps, 0.5, 10)], {0: steps})
    score = errors.score()
    assert {kind.name for kind in KINDS} <= set(score)
    assert (score["snr_db"], score["max_steps"], score["equal_share"]) == (MOST_DB, 0.0, 1.0)
    assert all(f"{kind.name}.y" in score for kind in KINDS)


def test_a_quantised_output_is_held_against_floats_in_real_units() -> None:
    errors = Errors([])
    steps, real = np.array([[10, 12, 20]], np.uint8), np.array([[0.0, 1.0, 4.5]], np.float64)
    errors.update([Output("y", steps, 0.5, 10)], {0: real})
    score = errors.score()
    assert score["max_error"] == 0.5
    assert "max_steps" not in score


def test_a_value_that_is_no_number_takes_the_figures_of_its_output_and_of_the_whole_and_is_counted() -> None:
    errors = Errors([])
    broken = FLOATS.copy()
    broken[0, 1] = np.nan
    errors.update([Output("good", FLOATS), Output("bad", broken)], {0: FLOATS, 1: FLOATS})
    score = errors.score()
    assert (score["not_finite"], score["not_finite.bad"], score["not_finite.good"]) == (1, 1, 0)
    assert not {"max_error", "snr_db", "max_error.bad", "rmse.bad"} & set(score)
    assert score["max_error.good"] == 0
    (note,) = score.notes
    assert "output bad: NaN 1 times and infinity 0 times in the answers, 0 and 0 times in what was expected" in note
    assert "none of its error figures is given" in note


def test_nan_where_it_is_expected_is_no_error_and_is_said() -> None:
    errors = Errors([])
    odd = np.array([[np.nan, 1.0, np.inf]], np.float32)
    errors.update([Output("y", odd)], {0: odd})
    score = errors.score()
    assert (score["not_finite"], score["max_error"]) == (0, 0)
    assert "they stand where they are expected" in score.notes[0]


def test_outputs_of_several_shapes_without_truth_and_of_one_name_are_said_and_told_apart() -> None:
    errors = Errors([])
    errors.update(
        [Output("y", np.zeros((2, 1))), Output("y", FLOATS), Output("z", FLOATS)], {0: np.zeros((2, 1)), 1: FLOATS}
    )
    errors.update(
        [Output("y", np.zeros((5, 1))), Output("y", FLOATS), Output("z", FLOATS)], {0: np.ones((5, 1)), 1: FLOATS}
    )
    score = errors.score()
    assert (score["max_error.y[0]"], score["max_error.y[1]"]) == (1.0, 0.0)
    assert score.notes == ("output y[0] had 2 shapes: [2, 1], [5, 1]", "nothing is expected of z: not judged")


def test_answers_of_other_outputs_than_before_or_of_texts_for_numbers_are_refused() -> None:
    errors = Errors([])
    errors.update([Output("y", FLOATS)], {0: FLOATS})
    with pytest.raises(LogError, match="has the outputs z, the one before y"):
        errors.update([Output("z", FLOATS)], {0: FLOATS})
    with pytest.raises(LogError, match="output y: an output of float32 is held against one of"):
        errors.update([Output("y", FLOATS)], {0: np.array([["a", "b", "c"]])})


def test_texts_are_equal_or_not() -> None:
    errors = Errors([])
    errors.update([Output("y", np.array([b"a", b"b"], object))], {0: np.array([b"a", b"c"], object)})
    score = errors.score()
    assert score["equal_share"] == 0.5
    assert "max_error" not in score


def test_a_metric_of_the_users_own_is_computed_by_output_in_real_units_and_one_that_breaks_is_named() -> None:
    largest = OwnMetric("largest", Largest, "count", lower_is_better=True)
    errors = Errors([largest])
    errors.update(
        [Output("y", np.array([[2, 8]], np.int8), 0.5, 4), Output("z", FLOATS)], {0: np.zeros((1, 2)), 1: FLOATS}
    )
    score = errors.score()
    assert (score["largest"], score["largest.y"], score["largest.z"]) == (4.0, 2.0, 4.0)

    class Broken(Largest):
        def update(self, found: Any, expected: Any) -> None:
            raise IndexError("no third axis")

    with pytest.raises(MetricUnusable, match="metric 'broken' broke on output y: IndexError: no third axis"):
        Errors([OwnMetric("broken", Broken, "count", lower_is_better=False)]).update([Output("y", FLOATS)], {0: FLOATS})
    # Nothing was found, so that it has no finite figure: none is given, and what is asked of it is missed.
    empty = Errors([largest])
    empty.update([Output("y", np.full((1, 1), -np.inf))], {0: np.full((1, 1), -np.inf)})
    score = empty.score()
    assert "largest" not in score
    assert score.notes[0] == "largest came out as -inf on output y, which is no figure: it is left out"


@pytest.mark.parametrize("value", ["0.5", None, 1j])
def test_a_metric_that_gives_no_number_is_refused_with_what_it_gives(value: Any) -> None:
    class Odd(Largest):
        def compute(self) -> Any:
            return value

    errors = Errors([OwnMetric("odd", Odd, "count", lower_is_better=False)])
    errors.update([Output("y", FLOATS)], {0: FLOATS})
    with pytest.raises(
        MetricUnusable, match=f"metric 'odd' is {re.escape(repr(value))} on output y, but must be a num"
    ):
        errors.score()
