"""Figures of runs in rounds: their values are bench's own, and their intervals hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest

from harness.bench.times import RunTimes
from harness.statistics.rounds import Figure, RoundTimes, figure_of, median_of, ratio_in_turns


def runs(seed: int, rounds: int = 20, a_round: int = 40, slower: float = 1.0, common: int | None = None) -> RoundTimes:
    """Rounds in which the machine is busy to a different degree, which both of two that take turns feel."""
    busy = np.random.default_rng(seed if common is None else common).uniform(1, 1.5, rounds)
    alone = np.random.default_rng(seed).exponential(0.2, (rounds, a_round))
    times = 100_000 * slower * busy[:, None] * (1 + alone)
    return RoundTimes(times.ravel().astype(np.int64), np.arange(1, rounds + 1) * a_round)


@pytest.mark.parametrize(("figure", "name"), [("mean", "mean"), (50.0, "median"), (90.0, "p90"), (99.0, "p99")])
def test_the_value_is_that_of_bench(figure: Figure, name: str) -> None:
    told, found = RunTimes(), runs(1)
    for time in found.times:
        told.note(int(time))
    assert figure_of(found, figure).value == getattr(told.latency(), name)


def test_very_many_runs_are_grouped_and_the_value_is_a_neighbour_of_the_right_one() -> None:
    many = runs(2, a_round=2000)
    ordered = np.sort(many.times)
    value = figure_of(many, 90.0).value
    assert ordered[int(len(ordered) * 0.9) - 20] <= value <= ordered[int(len(ordered) * 0.9) + 20]


@pytest.mark.parametrize("figure", ["mean", 90.0])
def test_nineteen_of_twenty_intervals_hold_the_true_ratio_although_the_runs_of_a_round_are_alike(
    figure: Figure,
) -> None:
    inside = 0
    for seed in range(60):
        found = ratio_in_turns(runs(seed, common=seed), runs(seed + 5000, slower=1.25, common=seed), figure)
        assert found.low is not None
        assert found.high is not None
        inside += found.low <= 0.8 <= found.high
    # Binomial of 60 with 0.95, less what a bootstrap of 20 rounds lacks.
    assert inside >= 51


def test_two_in_turns_are_told_apart_although_each_by_itself_is_not_steady() -> None:
    one, other = runs(1, common=9), runs(2, slower=1.05, common=9)
    alone = [figure_of(each, "mean") for each in (one, other)]
    assert alone[0].high is not None
    assert alone[1].low is not None
    assert alone[0].high > alone[1].low
    ratio = ratio_in_turns(one, other, "mean")
    assert ratio.high is not None
    assert ratio.high < 1


def test_a_side_that_stopped_sooner_is_held_against_the_rounds_that_it_made() -> None:
    one = runs(1)
    doubled = RoundTimes(np.concatenate([one.times[:400], one.times[400:] * 50]), one.ends)
    assert ratio_in_turns(doubled, one.first(10), "mean").value == 1


def test_too_few_rounds_or_repeats_have_a_value_alone() -> None:
    few = runs(1, rounds=7)
    assert figure_of(few, 90.0).low is None
    assert ratio_in_turns(few, few, 90.0).high is None
    assert median_of([3.0, 1.0, 2.0, 5.0, 4.0]).low is None
    enough = median_of([3.0, 1.0, 2.0, 5.0, 4.0, 9.0])
    assert (enough.value, enough.low, enough.high) == (3.5, 1.0, 9.0)
