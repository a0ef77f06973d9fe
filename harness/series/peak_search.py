"""Which load to try next in the search for Server's peak: no clock, no LoadGen, only what earlier runs said.

A run's tail says which service time would make it (`harness.statistics.queueing`), and that service time says where the
bound is reached. The tail grows without end towards saturation, so this lands far nearer than a secant through the latencies
would. Where the model is no help, the bracket is halved in proportion.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.statistics.queueing import highest_utilisation, peak_rate, service_time_behind

_KEPT_UP = 0.97
"""A run that completed less than this share of what it was asked for was saturated: its tail tells how long it lasted."""
_MOST_MODELLED = 4
"""After so many runs within a bracket the model has had its chance."""
_STEEPEST, _BLIND = 4.0, 1.5
"""The load is raised by no more than the one factor at once, and by the other where the model is no help."""
_GENTLE = 0.8
"""While no load holds, the next is at most this share of the last."""
_LOWEST = 1 / 50
"""No load lower than this share of the first is tried."""
_SURE = 0.8
"""A tail of less than this share of the bound is expected to hold; if it does not, the run is asked once more."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What one run said."""

    qps: float
    """Asked for."""
    kept_up: float
    """Completed rate as a share of the scheduled one."""
    tail_ns: float | None
    """The latency at the percentile that the bound is for; None where LoadGen does not give that percentile."""
    held: bool
    """The tail was within the bound."""
    valid: bool
    """LoadGen's verdict, which wants enough queries to prove it as well."""
    full: bool
    """As long as the preset demands, so that it can be the result."""

    @property
    def good(self) -> bool:
        """A short run only has to hold the bound; one that counts must be VALID."""
        return self.valid if self.full else self.held


@dataclass(frozen=True, slots=True)
class Goal:
    """What is searched for."""

    servers: int
    bound_ns: float
    share: float
    """Of the queries that must be within the bound, for example 0.99."""
    tolerance: float
    """How far apart the highest load that holds and the lowest that does not may be in the end: 0.025 is 2.5 %."""


@dataclass(frozen=True, slots=True)
class Step:
    """The next run."""

    qps: float
    full: bool


def next_step(trials: Sequence[Trial], goal: Goal, *, explore: bool, all_full: bool) -> Step | None:
    """What to run after these runs.

    Args:
        trials: At least one, in order.
        goal: What is searched for.
        explore: There is time for more than a run that counts.
        all_full: Every run counts, since none is shorter than the preset's.

    Returns:
        None where the search is over: the peak is `confirmed(trials)`, if there is one.
    """
    low, high = bracket(trials)
    failed = [trial for trial in trials if trial.full and not trial.valid]
    if confirmed(trials) is not None and (not all_full or not explore or _closed(low, high, goal)):
        return None
    if failed and not all_full:
        # What held in a short run did not in a long one: lower, by what the long one said.
        return Step(_below(failed[-1], goal), full=True)
    if low is None:
        lowest, floor = min(trial.qps for trial in trials), _LOWEST * trials[0].qps
        if not explore or lowest <= floor:
            return None
        guess = _predicted(trials[-1], goal)
        return Step(max(floor, min(lowest / 2 if guess is None else guess, lowest * _GENTLE)), full=all_full)
    if not explore or _closed(low, high, goal):
        return Step(low.qps, full=True)
    if high is None:
        guess = _predicted(low, goal)
        aim = low.qps * _BLIND if guess is None else guess * (1 + goal.tolerance / 2)
        return Step(min(max(aim, low.qps * (1 + goal.tolerance)), low.qps * _STEEPEST), full=all_full)
    if _doubtful(high, low, trials, goal):
        return Step(high.qps, full=all_full)
    return Step(_within(low, high, trials, goal), full=all_full)


def bracket(trials: Sequence[Trial]) -> tuple[Trial | None, Trial | None]:
    """The highest load that held and the lowest above it that did not."""
    good: dict[float, Trial] = {}
    bad: dict[float, Trial] = {}
    for trial in trials:
        # A run that counts has the last word on its load; of short ones, one that holds is enough.
        if trial.full or trial.good or trial.qps not in good:
            good.pop(trial.qps, None)
            bad.pop(trial.qps, None)
            (good if trial.good else bad)[trial.qps] = trial
    failed = min((trial.qps for trial in bad.values() if trial.full), default=math.inf)
    low = max((trial for trial in good.values() if trial.qps < failed or trial.full), key=lambda t: t.qps, default=None)
    above = [trial for trial in bad.values() if low is None or trial.qps > low.qps]
    return low, min(above, key=lambda trial: trial.qps, default=None)


def confirmed(trials: Sequence[Trial]) -> Trial | None:
    """The highest load that was VALID in a run that counts."""
    return max((trial for trial in trials if trial.full and trial.valid), key=lambda trial: trial.qps, default=None)


def _closed(low: Trial | None, high: Trial | None, goal: Goal) -> bool:
    return low is not None and high is not None and high.qps <= low.qps * (1 + goal.tolerance) * (1 + 1e-9)


def _below(failed: Trial, goal: Goal) -> float:
    step = failed.qps / (1 + goal.tolerance)
    return min(step, (_predicted(failed, goal) or step) / (1 + goal.tolerance / 2))


def _within(low: Trial, high: Trial, trials: Sequence[Trial], goal: Goal) -> float:
    """Just below where the model expects the peak, or just above it where that is known to hold."""
    step = 1 + goal.tolerance / 2
    inside = sum(low.qps <= trial.qps <= high.qps for trial in trials)
    guess = _predicted(low, goal) if inside <= _MOST_MODELLED else None
    for aim in (guess / step, guess * step) if guess else ():
        if low.qps * step**0.5 < aim < high.qps / step**0.5:
            return aim
    return math.sqrt(low.qps * high.qps)


def _doubtful(high: Trial, low: Trial, trials: Sequence[Trial], goal: Goal) -> bool:
    """Whether a load that did not hold should have, by what a lower one said; and was asked only once."""
    service_ns = _service_ns(low, goal)
    if service_ns is None or sum(trial.qps == high.qps for trial in trials) > 1:
        return False
    expected = highest_utilisation(goal.servers, _SURE * goal.bound_ns / service_ns, goal.share)
    return high.qps * 1e-9 * service_ns / goal.servers < expected


def _predicted(trial: Trial, goal: Goal) -> float | None:
    """The load at which the tail reaches the bound, by what this run said; 0 where no load would hold it."""
    service_ns = _service_ns(trial, goal)
    return None if service_ns is None else peak_rate(goal.servers, service_ns, goal.bound_ns, goal.share) * 1e9


def _service_ns(trial: Trial, goal: Goal) -> float | None:
    if trial.kept_up < _KEPT_UP:
        return goal.servers / (trial.kept_up * trial.qps) * 1e9
    if trial.tail_ns is None:
        return None
    return service_time_behind(goal.servers, trial.qps * 1e-9, trial.tail_ns, goal.share)
