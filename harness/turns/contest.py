"""Who is quicker: contenders are asked in turn, round after round, and what counts are the ratios of the rounds.

The machine's drift is in both sides of a ratio. Between its turns a contender does nothing, so what else the machine does falls
on all alike, and who goes first goes round. The ratios go through the sequential test of `harness.statistics.intervals`, so a
clear answer takes few rounds, and what is not clear when the time is up is called that: not told apart.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from harness.statistics.intervals import LOOKS, Ratio, Verdict, judge, ratio_of
from harness.turns.process import CandidateFailed

Standing = Verdict | Literal["not told apart", "not measured"]


class Contender(Protocol):
    """Something that can be measured again and again."""

    def round(self, timeout_s: float) -> float:
        """How fast it was in one round, of about a fifth of a second: so many of anything a second. More is quicker.

        Raises:
            CandidateFailed: It refuses, crashes, or does not answer within so many seconds.
        """


@dataclass(frozen=True, slots=True)
class JudgedContender:
    """What the rounds say of a contender, held against the first."""

    standing: Standing
    ratio: Ratio | None
    """How many times the first's speed it has; None where no round came about."""
    ratios: tuple[float, ...] = ()
    """Of each round, in order."""
    failure: CandidateFailed | None = None
    """What ended it before its time."""


@dataclass(slots=True)
class _Rival:
    contender: Contender
    drops_far: bool
    ratios: list[float] = field(default_factory=list)
    verdict: Verdict | None = None
    failure: CandidateFailed | None = None

    @property
    def open(self) -> bool:
        """Whether more rounds could still tell something."""
        return self.verdict is None and self.failure is None and len(self.ratios) < LOOKS[-1]

    def take(self, ratio: float) -> None:
        """Notes a round; what comes after the verdict is no part of the test."""
        if self.open:
            self.ratios.append(ratio)
            self.verdict = judge(self.ratios, drops_far=self.drops_far)

    def judged(self) -> JudgedContender:
        """What is known now."""
        if not self.ratios:
            return JudgedContender("not measured", None, failure=self.failure)
        return JudgedContender(
            self.verdict or "not told apart", ratio_of(self.ratios), tuple(self.ratios), self.failure
        )


def _no_more() -> bool:
    return False


def in_turns(
    first: Contender,
    rivals: Sequence[Contender],
    *,
    until: float,
    timeout_s: float,
    wants_more: Callable[[], bool] = _no_more,
    drops_far: bool = True,
) -> tuple[JudgedContender, ...]:
    """Measures all in turn until each rival is told apart from the first or found to be as quick, or the time is up.

    One round is always made. A rival that fails is out, and the others go on.

    Args:
        first: What the rivals are held against.
        rivals: None of them where the first shall only be measured. Whoever is judged sits out.
        until: When the time is up, by `time.monotonic()`.
        timeout_s: How long a round may take.
        wants_more: Whether further rounds of all are wanted though every rival is judged: for figures of their own.
        drops_far: Whether a rival that is far behind is out early, without an interval.

    Returns:
        One for each rival, in order.

    Raises:
        CandidateFailed: The first fails: there is nothing to hold the others against.
    """
    against = [_Rival(each, drops_far) for each in rivals]
    number = 0
    while True:
        more = wants_more()
        asked = [each for each in against if each.failure is None and (more or each.open)]
        if number and (not (more or asked) or time.monotonic() >= until):
            return tuple(each.judged() for each in against)
        _round(first, asked, number, timeout_s)
        number += 1


def _round(first: Contender, rivals: Sequence[_Rival], number: int, timeout_s: float) -> None:
    """Measures each once, in an order that goes round with the number of the round; in the very first, the first is last."""
    speeds: list[float | None] = [None] * len(rivals)
    speed_of_first = 0.0
    count = len(rivals) + 1
    for turn in range(count):
        place = (turn + number) % count
        if place == len(rivals):
            speed_of_first = first.round(timeout_s)
            continue
        try:
            speeds[place] = rivals[place].contender.round(timeout_s)
        except CandidateFailed as error:
            rivals[place].failure = error
    for rival, speed in zip(rivals, speeds, strict=True):
        if speed is not None:
            rival.take(speed / speed_of_first)


def duel(rival: Contender, other: Contender, *, until: float, timeout_s: float) -> JudgedContender:
    """As `in_turns` with one rival.

    Raises:
        CandidateFailed: Either fails.
    """
    (judged,) = in_turns(other, [rival], until=until, timeout_s=timeout_s)
    if judged.failure is not None:
        raise judged.failure
    return judged
