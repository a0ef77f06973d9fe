"""How sure figures of runs in rounds are: whole rounds are drawn again, since what disturbs a run disturbs its neighbours.

Of two that took turns the same rounds are drawn (the bootstrap over clusters: A. C. Davison and D. V. Hinkley, "Bootstrap
Methods and their Application", 1997, section 3.8), so that what the machine did in a round is in both sides of a ratio.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

FEWEST_ROUNDS = 8
"""Fewer are too few to draw from."""
FEWEST_REPEATS = 6
"""The least and the largest of so many enclose their median in 97 of 100 cases, of five in 94."""
_SETS, _SEED = 1000, 1979
_GROUPS = 4000
"""Runs beside each other in order are taken together where there are more: a percentile is then known to a fortieth of one."""
_TAIL = 0.025
Figure = Literal["mean"] | float
"""The mean, or a percentile from 0 to 100."""


@dataclass(frozen=True, slots=True, eq=False)
class RoundTimes:
    """What each run took, round by round."""

    times: npt.NDArray[np.int64]
    """[runs] in ns."""
    ends: npt.NDArray[np.int64]
    """[rounds] how many runs there had been after each."""

    def first(self, rounds: int) -> RoundTimes:
        """The first rounds alone."""
        return RoundTimes(self.times[: self.ends[rounds - 1]], self.ends[:rounds])


@dataclass(frozen=True, slots=True)
class Within:
    """A figure or a ratio, and its 95 % interval; None where the rounds are too few."""

    value: float
    low: float | None
    high: float | None


def figure_of(runs: RoundTimes, figure: Figure) -> Within:
    """A figure of the runs, in ns.

    Args:
        runs: One at least.
        figure: Which.
    """
    value = _figures(runs, figure, np.ones((1, len(runs.ends))))[0]
    if len(runs.ends) < FEWEST_ROUNDS:
        return Within(float(value), None, None)
    low, high = np.quantile(_figures(runs, figure, _weights(len(runs.ends))), [_TAIL, 1 - _TAIL]).tolist()
    return Within(float(value), low, high)


def ratio_in_turns(first: RoundTimes, second: RoundTimes, figure: Figure) -> Within:
    """How many times as much the first took as the second, over the rounds that both made.

    Args:
        first: One side's runs.
        second: Those of the side that took turns with it.
        figure: Of which figure.
    """
    rounds = min(len(first.ends), len(second.ends))
    sides = first.first(rounds), second.first(rounds)
    one, other = (_figures(side, figure, np.ones((1, rounds)))[0] for side in sides)
    if rounds < FEWEST_ROUNDS:
        return Within(float(one / other), None, None)
    weights = _weights(rounds)
    low, high = np.quantile(
        _figures(sides[0], figure, weights) / _figures(sides[1], figure, weights), [_TAIL, 1 - _TAIL]
    ).tolist()
    return Within(float(one / other), low, high)


def median_of(values: Sequence[float]) -> Within:
    """The median of repeats, between the least and the largest of them.

    Args:
        values: One at least.
    """
    middle = float(np.median(values))
    if len(values) < FEWEST_REPEATS:
        return Within(middle, None, None)
    return Within(middle, float(min(values)), float(max(values)))


def _weights(rounds: int) -> npt.NDArray[np.float64]:
    """[sets, rounds] how often each is in each set."""
    random = np.random.Generator(np.random.PCG64(_SEED))
    return random.multinomial(rounds, np.full(rounds, 1 / rounds), size=_SETS).astype(np.float64)


def _figures(runs: RoundTimes, figure: Figure, weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """[sets] the figure of sets of rounds."""
    counts = np.diff(runs.ends, prepend=0)
    if figure == "mean":
        sums = np.add.reduceat(runs.times, runs.ends - counts).astype(np.float64)
        means: npt.NDArray[np.float64] = (weights @ sums) / (weights @ counts)
        return means
    order = np.argsort(runs.times, kind="stable")
    groups = min(len(order), _GROUPS)
    group = np.arange(len(order)) * groups // len(order)
    # [rounds, groups] how many of a round's runs are in each group.
    shares = np.zeros((len(counts), groups))
    np.add.at(shares, (np.repeat(np.arange(len(counts)), counts)[order], group), 1.0)
    # The place at which bench reads a percentile: see `harness.bench.times.RunTimes`.
    totals = weights @ counts
    places = np.minimum(totals - 1, np.floor(totals * figure / 100))
    up_to = np.cumsum(weights @ shares, axis=1)
    middles = np.searchsorted(group, np.arange(groups)) + np.bincount(group) // 2
    found: npt.NDArray[np.float64] = runs.times[order][middles][(up_to <= places[:, None]).sum(axis=1)].astype(
        np.float64
    )
    return found
