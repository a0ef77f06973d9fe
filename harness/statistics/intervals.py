"""Which of two configurations is quicker, by the ratios of rounds measured in turn: a sequential test that says how sure it is.

Nothing is assumed of the noise but that a round is disturbed as likely as the next. The interval is that of the median by order
statistics (the sign test turned round: W. J. Conover, "Practical Nonparametric Statistics", 1999, section 3.2): the median
lies between the k-th smallest and the k-th largest of n ratios but with a chance that the binomial distribution tells.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

LOOKS = (8, 12, 18, 27, 40, 60)
"""Rounds after which the ratios are looked at. Looking often finds differences that are none, so each look has its part of the
5 % (Bonferroni)."""
_PER_LOOK = 0.05 / len(LOOKS)
_SAME = 0.01
"""Configurations within 1 % are as quick as each other."""
_FAR, _FAR_ROUNDS = 0.85, 3
"""A rival that is slower by more than this in each of the first rounds is out."""

Verdict = Literal["quicker", "slower", "same"]


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as quick the rival is: the median of the rounds' ratios."""

    median: float
    low: float | None
    """Of the 95 % interval, which holds however often the ratios were looked at; None where the rounds are too few for one."""
    high: float | None
    rounds: int


def ratio_of(ratios: Sequence[float]) -> Ratio:
    """The median of ratios and its interval.

    Args:
        ratios: One of each round, at least one.
    """
    ordered, count = sorted(ratios), len(ratios)
    cut = _left_out(count)
    low, high = (ordered[cut - 1], ordered[count - cut]) if cut else (None, None)
    return Ratio(statistics.median(ratios), low, high, count)


def difference(first: tuple[float, float, float], second: tuple[float, float, float]) -> tuple[float, float, float]:
    """How much more the second is, with its interval.

    The intervals are put together as if the two had nothing to do with each other (R. G. Newcombe, "Interval estimation for
    the difference between independent proportions", Statistics in Medicine 17, 1998, method 10); of two models asked the same
    samples that is wider than it need be.

    Args:
        first: (value, low, high).
        second: Likewise.

    Returns:
        (difference, low, high).
    """
    (one, one_low, one_high), (other, other_low, other_high) = first, second
    more = other - one
    return (
        more,
        more - math.hypot(other - other_low, one_high - one),
        more + math.hypot(other_high - other, one - one_low),
    )


def judge(ratios: Sequence[float], *, drops_far: bool = True) -> Verdict | None:
    """What the rounds say of the rival; None to go on measuring.

    Args:
        ratios: Rival's speed over the other's, of each round so far, in order.
        drops_far: Whether one that is far behind is out before the first look: no proof, but no more time is spent on it.
    """
    if drops_far and len(ratios) >= _FAR_ROUNDS and max(ratios[:_FAR_ROUNDS]) < _FAR and len(ratios) < LOOKS[0]:
        return "slower"
    if len(ratios) not in LOOKS:
        return None
    found = ratio_of(ratios)
    if found.low is None or found.high is None:
        return None
    if found.low > 1 / (1 + _SAME) and found.high < 1 + _SAME:
        return "same"
    if found.low > 1:
        return "quicker"
    return "slower" if found.high < 1 else None


def _left_out(count: int) -> int:
    """The largest k for which the median lies outside of the k-th smallest and largest too rarely to matter; 0 for none."""
    chance, cut = 0.0, 0
    while cut < count // 2:
        chance += math.comb(count, cut) / 2**count
        if 2 * chance > _PER_LOOK:
            break
        cut += 1
    return cut
