"""How sure metrics are, and the difference of two on the same samples."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from accuracy.confidence.interval import Interval, wilson
from accuracy.metric.score import Score
from harness.side_by_side.metric_intervals import _UNTOLD, MetricIntervals, Scored, scored_again

RNG = np.random.default_rng(12)
HARD = RNG.normal(size=80)
"""What makes a sample hard for every model."""
Float64 = npt.NDArray[np.float64]


def of_means(means: Mapping[str, Float64], indices: range = range(80)) -> Scored:
    return Scored(
        Score({name: float(of.mean()) for name, of in means.items()}, "samples", 80, means=means), tuple(indices)
    )


def test_shares_of_hits_have_wilsons_interval_and_their_difference_that_of_the_samples_that_changed() -> None:
    one, other = np.ones(80), np.ones(80)
    one[:10], other[5:12] = 0, 0
    found = MetricIntervals([of_means({"top1": one, "top5": one}), of_means({"top1": other, "top5": other})])
    expected = wilson(70, 80)
    assert expected is not None
    assert (found.own(0, "top5", 0.875).low, found.own(0, "top5", 0.875).method) == (expected.low, "Wilson")
    sure = found.over_the_first(1, "top5", 0.875, 0.9125)
    assert sure.method == "paired by sample (Newcombe): 5 won, 2 lost"
    assert sure.low is not None
    assert sure.high is not None
    assert -0.05 < sure.low < 0.0375 < sure.high < 0.12


def test_a_difference_on_the_same_samples_is_surer_than_either_side() -> None:
    means = [{"dB": 30 + HARD}, {"dB": 30.2 + HARD + RNG.normal(scale=0.1, size=80)}]
    found = MetricIntervals([of_means(each) for each in means])
    own = found.own(0, "dB", float(means[0]["dB"].mean()))
    assert own.low is not None
    assert own.high is not None
    assert own.high - own.low > 0.3
    sure = found.over_the_first(1, "dB", float(means[0]["dB"].mean()), float(means[1]["dB"].mean()))
    assert sure.low is not None
    assert sure.high is not None
    assert 0.1 < sure.low < 0.2 < sure.high < 0.3
    assert sure.method == "paired bootstrap over samples, 1,000 sets"


def test_runs_of_other_samples_are_put_together_as_if_they_had_nothing_to_do_with_each_other() -> None:
    found = MetricIntervals([of_means({"dB": HARD}), of_means({"dB": HARD + 0.2}, range(100, 180))])
    sure = found.over_the_first(1, "dB", float(HARD.mean()), float(HARD.mean()) + 0.2)
    assert "not paired" in sure.method
    assert sure.low is not None
    assert sure.low < 0


def test_a_metric_that_is_no_mean_is_drawn_again_and_centred_on_its_value() -> None:
    def redrawn(weights: Float64) -> Mapping[str, Float64]:
        # Sets with repeated samples are lower by nature.
        return {"ratio": (weights @ HARD) / 80 - 5, "rare": np.full(len(weights), np.nan)}

    score = Score({"ratio": 0.5, "rare": 0.1}, "samples", 80, redrawn=redrawn)
    found = MetricIntervals([Scored(score, tuple(range(80))), Scored(score, tuple(range(80)))])
    own = found.own(0, "ratio", 0.5)
    assert own.low is not None
    assert own.high is not None
    assert 0.2 < own.low < 0.5 < own.high < 0.8
    assert found.own(0, "rare", 0.1).low is None
    sure = found.over_the_first(1, "ratio", 0.5, 0.5)
    assert (sure.low, sure.high, sure.method) == (0.0, 0.0, "the same on every sample")


def test_a_metric_of_which_the_task_tells_nothing_says_so_and_the_headline_keeps_its_interval() -> None:
    score = Score({"own": 1.5, "other": 2.5}, "rows", 4, Interval(1.0, 2.0, "theirs"))
    found = MetricIntervals([Scored(score, (0, 1)), Scored(None)])
    assert found.own(0, "own", 1.5).high == 2.0
    assert found.own(0, "other", 2.5).method == _UNTOLD
    assert found.over_the_first(1, "own", 1.5, 1.0).low is None


@pytest.mark.parametrize("metric", ["events"])
def test_a_count_of_events_has_the_interval_that_its_task_gives(metric: str) -> None:
    scores = [
        Score(
            {"rate": 1.0, metric: float(count)}, "words", 3, intervals={metric: Interval(0.0, 3.0 * count, "Poisson")}
        )
        for count in (1, 4)
    ]
    found = MetricIntervals([Scored(each, (0, 1, 2)) for each in scores])
    sure = found.over_the_first(1, metric, 1.0, 4.0)
    assert sure.low is not None
    assert sure.high is not None
    assert sure.low < 3 < sure.high


def test_a_run_whose_directory_is_gone_has_no_intervals_and_the_reason(tmp_path: Path) -> None:
    found = MetricIntervals([scored_again(tmp_path / "gone")])
    assert "spec.yaml" in found.own(0, "top1", 0.5).method
