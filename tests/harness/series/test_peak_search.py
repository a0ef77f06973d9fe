"""The search for the peak, against queues whose peak is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from harness.series.peak_search import Goal, Trial, bracket, confirmed, next_step
from harness.statistics.queueing import DeterministicQueue, peak_rate

SERVICE_NS, SHARE = 4e6, 0.99
GOAL = Goal(servers=2, bound_ns=6 * SERVICE_NS, share=SHARE, tolerance=0.025)
PEAK = peak_rate(2, SERVICE_NS, GOAL.bound_ns, SHARE) * 1e9
Run = Callable[[float, bool], Trial]


def _queue(noise: float = 0.0, seed: int = 0, early_stopping: float = 1.0) -> Run:
    """Runs of an M/D/2 queue; a run that counts needs the tail below `early_stopping` of the bound."""
    rng = np.random.default_rng(seed)

    def run(qps: float, full: bool) -> Trial:
        utilisation = qps * SERVICE_NS * 1e-9 / GOAL.servers
        if utilisation >= 1:
            return Trial(qps, 1 / utilisation, 1e12, held=False, valid=False, full=full)
        tail = SERVICE_NS * DeterministicQueue(2, utilisation).latency(SHARE) * rng.lognormal(0, noise)
        held = tail <= GOAL.bound_ns
        return Trial(qps, 1.0, tail, held=held, valid=held and tail <= early_stopping * GOAL.bound_ns, full=full)

    return run


def _search(run: Run, first: float, *, all_full: bool = False, budget: int = 24, goal: Goal = GOAL) -> list[Trial]:
    trials = [run(first, all_full)]
    while len(trials) < budget and (
        step := next_step(trials, goal, explore=len(trials) < budget - 2, all_full=all_full)
    ):
        trials.append(run(step.qps, step.full))
    return trials


@pytest.mark.parametrize("first", [0.3, 0.7, 0.97, 0.99, 1.05, 2.0])
@pytest.mark.parametrize("all_full", [False, True])
def test_the_peak_of_a_queue_is_found_in_a_handful_of_runs(first: float, all_full: bool) -> None:
    trials = _search(_queue(), first * PEAK, all_full=all_full)
    best = confirmed(trials)
    assert best is not None
    assert PEAK / 1.025 <= best.qps <= PEAK * 1.001
    assert len(trials) <= 6
    low, high = bracket(trials)
    assert low is not None
    assert high is not None
    assert low.qps <= PEAK * 1.001
    assert PEAK * 0.999 <= high.qps <= 1.0251 * low.qps


def test_a_noisy_tail_costs_some_runs_more_and_still_ends_near_the_peak() -> None:
    lengths = []
    for seed in range(8):
        trials = _search(_queue(noise=0.1, seed=seed), 1.1 * PEAK)
        best = confirmed(trials)
        assert best is not None
        assert 0.9 * PEAK < best.qps < 1.08 * PEAK
        lengths.append(len(trials))
    assert np.mean(lengths) < 9


def test_a_long_run_that_is_not_valid_where_a_short_one_held_is_followed_by_a_lower_one() -> None:
    trials = _search(_queue(early_stopping=0.85), PEAK)
    best = confirmed(trials)
    assert best is not None
    assert best.qps > 0.9 * PEAK
    long = [trial for trial in trials if trial.full]
    assert [trial.valid for trial in long] == [False] * (len(long) - 1) + [True]
    assert [trial.qps for trial in long] == sorted((trial.qps for trial in long), reverse=True)


def test_one_disturbed_run_is_asked_once_more_and_not_believed() -> None:
    queue, asked = _queue(), []

    def run(qps: float, full: bool) -> Trial:
        asked.append(qps)
        if len(asked) == 1:
            return Trial(qps, 1.0, 20 * GOAL.bound_ns, held=False, valid=False, full=full)
        return queue(qps, full)

    trials = _search(run, 0.5 * PEAK)
    best = confirmed(trials)
    assert asked.count(0.5 * PEAK) == 2
    assert best is not None
    assert best.qps > PEAK / 1.03


def test_a_load_that_breaks_the_bound_is_never_asked_more_than_twice() -> None:
    for seed in range(8):
        trials = _search(_queue(noise=0.3, seed=seed), PEAK)
        broken = [trial.qps for trial in trials if not trial.good and not trial.full]
        assert max(map(broken.count, broken), default=0) <= 2


def test_a_bound_that_no_load_holds_ends_the_search_without_a_peak_at_the_lowest_load() -> None:
    goal = Goal(2, 0.5 * SERVICE_NS, SHARE, 0.025)

    def run(qps: float, full: bool) -> Trial:
        return Trial(qps, 1.0, SERVICE_NS, held=False, valid=False, full=full)

    trials = _search(run, PEAK, goal=goal)
    assert confirmed(trials) is None
    assert len(trials) <= 3
    assert trials[-1].qps == pytest.approx(PEAK / 50)


def test_without_time_to_explore_the_highest_load_that_held_is_confirmed_at_once() -> None:
    run = _queue()
    trials = [run(0.6 * PEAK, False), run(1.3 * PEAK, False)]
    step = next_step(trials, GOAL, explore=False, all_full=False)
    assert step is not None
    assert (step.qps, step.full) == (0.6 * PEAK, True)
    assert next_step([*trials, run(step.qps, True)], GOAL, explore=False, all_full=False) is None


def test_where_loadgen_gives_no_such_percentile_the_bracket_is_halved() -> None:
    queue = _queue()

    def run(qps: float, full: bool) -> Trial:
        found: dict[str, Any] = {name: getattr(queue(qps, full), name) for name in Trial.__slots__}
        return Trial(**found | {"tail_ns": None})

    best = confirmed(_search(run, 0.4 * PEAK))
    assert best is not None
    assert PEAK / 1.03 < best.qps <= PEAK * 1.001
