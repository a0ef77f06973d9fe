"""Whether events coincide with something that was counted in windows of time, or only seem to.

A window is disturbed where its value lies beyond that of 19 of 20 windows without an event. Events that meet the same windows
are one group, so that one disturbance counts once. Each group is held against chance: how often one of its length meets a
disturbed window, put down anywhere among the windows without an event. The number of groups that do is then a sum of unequal
coins (Poisson's binomial distribution), whose tail says how likely it is that so many coincide by accident.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
LEAST_CALM = 20
"""Windows without an event: of fewer nobody can say what is usual."""
_USUAL = 0.95


@dataclass(frozen=True, slots=True)
class Coincidence:
    """Of all events with one cause."""

    events: int
    """So many meet a disturbed window."""
    by_accident: float
    """So many would if the two had nothing to do with each other."""
    chance: float
    """Of so many groups of events or more, by accident."""


class Events:
    """Events laid over windows."""

    def __init__(self, began: Floats, ended: Floats, edges: Floats) -> None:
        """Where they meet.

        Args:
            began: [events] Of each.
            ended: [events] Likewise, not before it began.
            edges: [windows + 1] Ascending. What lies outside is left out.
        """
        windows = len(edges) - 1
        first = np.clip(np.searchsorted(edges, began, side="right") - 1, 0, windows - 1)
        last = np.clip(np.searchsorted(edges, ended, side="left") - 1, first, windows - 1)
        inside = (ended >= edges[0]) & (began <= edges[-1])
        order = np.argsort(first[inside], kind="stable")
        self.first, self.last = first[inside][order], last[inside][order]
        """[events] The windows that each meets."""
        met = np.zeros(windows + 1, np.int64)
        np.add.at(met, self.first, 1)
        np.add.at(met, self.last + 1, -1)
        self.calm: npt.NDArray[np.bool_] = np.cumsum(met)[:-1] == 0
        """[windows] Whether no event meets it."""

    def __len__(self) -> int:
        return len(self.first)

    @property
    def least_chance(self) -> float:
        """Of all groups coinciding with what is never there without an event: no cause can be surer."""
        calm = int(self.calm.sum())
        nowhere = np.zeros(len(self), np.bool_)
        return float(np.prod(self._groups(nowhere, 1 / (calm + 1))[1]))

    @property
    def enough(self) -> bool:
        """Whether it can be said what is usual."""
        return len(self.first) > 0 and int(self.calm.sum()) >= LEAST_CALM

    def with_cause(self, values: Floats) -> Coincidence:
        """How many coincide with large values.

        Args:
            values: [windows]
        """
        calm = values[self.calm]
        disturbed = values > np.quantile(calm, _USUAL, method="inverted_cdf")
        reach = np.concatenate([[0], np.cumsum(disturbed)])
        hit = reach[self.last + 1] > reach[self.first]
        # One more than was seen: none of 90 does not mean never.
        share = (float(disturbed[self.calm].sum()) + 1) / (len(calm) + 1)
        by_accident = 1 - (1 - share) ** (self.last - self.first + 1)
        groups, chances = self._groups(hit, share)
        return Coincidence(int(hit.sum()), float(by_accident.sum()), _tail(chances, int(groups.sum())))

    def _groups(self, hit: npt.NDArray[np.bool_], share: float) -> tuple[npt.NDArray[np.bool_], Floats]:
        """Of each group of events that follow each other without a calm window between: whether one coincides, by chance."""
        reached = np.maximum.accumulate(self.last)
        begins = np.flatnonzero(np.concatenate([[True], self.first[1:] > reached[:-1] + 1]))
        length = np.maximum.reduceat(self.last, begins) - self.first[begins] + 1
        return np.logical_or.reduceat(hit, begins), 1 - (1 - share) ** length


def _tail(chances: Floats, least: int) -> float:
    """How likely it is that so many or more of unequal coins fall on their side."""
    spread = np.array([1.0])
    for chance in chances:
        spread = np.convolve(spread, [1 - chance, chance])
    return float(min(1.0, spread[least:].sum()))
