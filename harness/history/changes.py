"""When a figure changed for good: the places in a series of runs before and after which it differs.

Pettitt's test (A. N. Pettitt, "A Non-Parametric Approach to the Change-Point Problem", Applied Statistics 28, 1979), then the
same for either side of what it found. It looks at ranks alone: a disturbed run, however slow, counts as one run that is slower.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

_ERROR = 0.01
"""A series without a change is said to have one so often at most."""
LEAST_SIDE = 4
"""Runs on either side: fewer are no change for good."""


@dataclass(frozen=True, slots=True)
class LastingChange:
    """A change for good."""

    place: int
    """The first run of the new kind."""
    before: float
    """The median since the change before it."""
    after: float
    """Up to the next."""
    chance: float
    """That so large a change comes about where there is none."""

    @property
    def size(self) -> float:
        """0.05 is 5 % more than before."""
        return self.after / self.before - 1


def changes_in(values: Sequence[float]) -> list[LastingChange]:
    """The changes of a series in the order of time.

    Args:
        values: One figure of each run, above 0.
    """
    places = sorted(_places(values, 0, len(values)))
    edges = [0, *(place for place, _ in places), len(values)]
    medians = [statistics.median(values[begin:end]) for begin, end in itertools.pairwise(edges) if end > begin]
    return [LastingChange(place, medians[at], medians[at + 1], chance) for at, (place, chance) in enumerate(places)]


def _places(values: Sequence[float], begin: int, end: int) -> list[tuple[int, float]]:
    if end - begin < 2 * LEAST_SIDE:
        return []
    place, chance = _most_likely(values[begin:end])
    if chance > _ERROR:
        return []
    found = begin + place
    return [*_places(values, begin, found), (found, chance), *_places(values, found, end)]


def _most_likely(values: Sequence[float]) -> tuple[int, float]:
    """Where the sides differ most in rank, and how likely so much is by chance."""
    count = len(values)
    total, best, place = 0.0, 0.0, 0
    for at, rank in enumerate(_ranks(values)[:-1], 1):
        total += 2 * rank - (count + 1)
        if abs(total) > best and LEAST_SIDE <= at <= count - LEAST_SIDE:
            best, place = abs(total), at
    return place, min(1.0, 2 * math.exp(-6 * best**2 / (count**3 + count**2)))


def _ranks(values: Sequence[float]) -> list[float]:
    """From 1; equal values share the mean of theirs."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    begin = 0
    while begin < len(order):
        end = begin
        while end < len(order) and values[order[end]] == values[order[begin]]:
            end += 1
        for at in order[begin:end]:
            ranks[at] = (begin + 1 + end) / 2
        begin = end
    return ranks
