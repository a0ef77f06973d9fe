"""Whether a ratio lies beyond a limit: a sequential test that looks now and then, and says so only where it is sure.

The ratios' median lies between the k-th smallest and the k-th largest but with a chance that the binomial distribution tells
(W. J. Conover, "Practical Nonparametric Statistics", 1999, section 3.2). Each look has its part of the error (Bonferroni), so
that it holds however often it is looked; nothing is assumed of the noise but that each ratio is independent of the others.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

LOOKS = (11, 14, 18, 23, 29, 37, 47, 60, 77, 99)
"""Ratios after which they are looked at. Of ten none lies so clearly on one side that one in a thousand is kept."""
WRONG = 0.01
"""How often at most something within the limit is called regressed, or something beyond it kept."""
_PER_LOOK = WRONG / (len(LOOKS) + 1)
"""The last look is where the time is up, at whatever number of ratios."""

Decision = Literal["regressed", "within the limit"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of the median of ratios."""

    median: float
    low: float | None
    """Each end is missed in at most 1 %, however often it was looked; None where the ratios are too few."""
    high: float | None


def bounds(ratios: Sequence[float]) -> Bounds:
    """The median and its interval, of one ratio at least."""
    ordered, count, cut, chance = sorted(ratios), len(ratios), 0, 0.0
    while cut < count // 2:
        chance += math.comb(count, cut) / (1 << count)
        if chance > _PER_LOOK:
            break
        cut += 1
    low, high = (ordered[cut - 1], ordered[count - cut]) if cut else (None, None)
    return Bounds(statistics.median(ordered), low, high)


def decide(ratios: Sequence[float], limit: float, *, last: bool = False) -> Decision | None:
    """What the ratios say; None to go on.

    Args:
        ratios: New over base, more being worse, in the order in which they were measured.
        limit: What the ratio may be: 1.02 for 2 % more.
        last: There will be no further ratio: the time is up, which no ratio has to do with.
    """
    if len(ratios) not in LOOKS and not last:
        return None
    found = bounds(ratios)
    if found.low is not None and found.low > limit:
        return "regressed"
    return "within the limit" if found.high is not None and found.high <= limit else None
