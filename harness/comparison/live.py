"""Two configurations measured against each other until it is clear whether one regressed, or the budget ends.

Every ratio is of a pair of processes of its own, opened afresh and asked in turns: what differs from one process to the next
(where its memory lies, which cores it meets) is then in the spread of the ratios, and no bias of one pair decides.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol

from harness.bench.session import BenchCase, Contestant, Settings
from harness.errors import EXIT_INVALID, EXIT_USER, EXIT_VALID, ConfigError, RunFailed
from harness.model.subject import measured_unchanged
from harness.statistics.limit_test import LOOKS, WRONG, Decision, bounds, decide
from harness.turns.process import CandidateFailed
from harness.units import span_text

_ROUNDS = 4
_PACE = Settings(num_runs=1, min_secs=0.0, warmup_runs=1, warmup_min_secs=0.3)
LiveFigure = Literal["p50", "p90", "p99"]
BENCH, LOADGEN = "bench's clock", "LoadGen's figures, each checkout by its own command"
FIGURES: tuple[LiveFigure, ...] = ("p50", "p90", "p99")


@dataclass(frozen=True, slots=True)
class LiveResult:
    """What came of it."""

    schema_version: int
    base: str
    new: str
    figure: LiveFigure
    limit: float
    """How much more the new may take: 0.02 for 2 %."""
    decision: Decision | Literal["not told apart"]
    change: float
    """The median of the pairs: 0.03 is 3 % more."""
    low: float | None
    """Of its interval, each end of which is missed in at most `wrong_verdict`; null where the pairs were too few."""
    high: float | None
    ratios: tuple[float, ...]
    """New over base, of each pair of processes."""
    took_s: float
    measured_by: str
    """Whose figures they are."""
    wrong_verdict: float
    """How often at most it decides wrongly."""
    exit_status: int
    standins: tuple[str, ...] = ()
    """Which of the two are stand-ins of our own, since no official file is here."""


class Match(Protocol):
    """Measures both once, each in a new process."""

    def __call__(self, *, new_first: bool) -> float:
        """The figure of the new over that of the base."""


def compare_live(
    base: str,
    new: str,
    match: Match,
    figure: LiveFigure,
    limit: float,
    budget_s: float,
    say: Callable[[str], None],
    measured_by: str = BENCH,
    standins: tuple[str, ...] = (),
) -> LiveResult:
    """Measures pairs until the test decides or the time is up; one pair at least.

    Args:
        base: What the base is called.
        new: Likewise the new.
        match: Measures a pair.
        figure: Which figure decides.
        limit: How much more of it the new may take.
        budget_s: How long it may last.
        say: Hears how far it is.
        measured_by: Whose figures they are.
        standins: Which of the two are stand-ins.

    Raises:
        ConfigError, RunFailed: One of them cannot be measured.
    """
    began, ratios = time.monotonic(), list[float]()
    decision: Decision | None = None
    while decision is None and len(ratios) < LOOKS[-1]:
        ratios.append(match(new_first=bool(len(ratios) % 2)))
        decision = decide(ratios, 1 + limit)
        spent = time.monotonic() - began
        say(f"pair {len(ratios)}: {figure} {ratios[-1] - 1:+.1%}, {span_text(max(0.0, budget_s - spent))} left at most")
        if spent >= budget_s:
            decision = decision or decide(ratios, 1 + limit, last=True)
            break
    found = bounds(ratios)
    return LiveResult(
        schema_version=1,
        base=base,
        new=new,
        figure=figure,
        limit=limit,
        decision=decision or "not told apart",
        change=found.median - 1,
        low=None if found.low is None else found.low - 1,
        high=None if found.high is None else found.high - 1,
        ratios=tuple(ratios),
        took_s=time.monotonic() - began,
        measured_by=measured_by,
        wrong_verdict=WRONG,
        exit_status=EXIT_INVALID if decision == "regressed" else EXIT_VALID,
        standins=standins,
    )


def match_of(base: BenchCase, new: BenchCase, figure: LiveFigure) -> Match:
    """Two models behind their backends, in turns within the pair: base, new, new, base."""

    def match(*, new_first: bool) -> float:
        with measured_unchanged((base.subject, new.subject)):
            return pair(new_first=new_first)

    def pair(*, new_first: bool) -> float:
        sides = [Contestant(case, _PACE) for case in (base, new)]
        try:
            for side in sides:
                side.process.start()
            for side in sides:
                with _refusals_told(side):
                    side.open()
            for turn in range(_ROUNDS):
                backwards = (turn % 2 == 1) != new_first
                for side in reversed(sides) if backwards else sides:
                    with _refusals_told(side):
                        side.round(side.timeout_s)
            for side in sides:
                with _refusals_told(side):
                    side.finish()
            one, other = (_figure(side, figure) for side in sides)
            return other / one
        finally:
            for side in sides:
                side.process.close()

    return match


@contextmanager
def _refusals_told(side: Contestant) -> Iterator[None]:
    """That it cannot be measured, with its name, and with what can be done."""
    try:
        yield
    except CandidateFailed as failure:
        found = side.refusal(failure)
        kind = ConfigError if found.exit_status == EXIT_USER else RunFailed
        raise kind(f"{side.row.name} on {side.row.backend_asked}: {found.why}") from None


def _figure(side: Contestant, figure: LiveFigure) -> float:
    if side.row.found is None:
        raise CandidateFailed(f"{side.row.name} told nothing", "crashed", None)
    latency = side.row.found.latency
    values: Mapping[LiveFigure, float] = {"p50": latency.median, "p90": latency.p90, "p99": latency.p99}
    return max(1.0, float(values[figure]))


def render_live(found: LiveResult) -> str:
    """For a terminal."""
    interval = "" if found.low is None or found.high is None else f" ({found.low:+.1%}..{found.high:+.1%})"
    verdict = {"regressed": "REGRESSED", "within the limit": "within the limit"}.get(found.decision, found.decision)
    pairs = f"{len(found.ratios)} pair{'' if len(found.ratios) == 1 else 's'}"
    return "\n".join(
        [
            f"base  {found.base}",
            f"new   {found.new}",
            *(f"{name} is a stand-in of our own (docs/standins.md)" for name in found.standins),
            f"{found.figure}: {found.change:+.1%}{interval}, the limit {found.limit:+.1%}",
            f"{pairs} of processes in {span_text(found.took_s)}, by {found.measured_by}",
            f"a verdict is wrong in at most {found.wrong_verdict:.0%}",
            *([_why_not_told(found)] if found.decision == "not told apart" else []),
            verdict,
        ]
    )


def _why_not_told(found: LiveResult) -> str:
    """What would decide it."""
    count = len(found.ratios)
    if count < LOOKS[0]:
        needed = span_text(found.took_s / count * LOOKS[0])
        return (
            f"{LOOKS[0]} pairs are the least that decide, which take about {needed} here: --budget has been too short"
        )
    if count < LOOKS[-1]:
        return "the limit lies within the interval: more pairs narrow it, --budget gives them time"
    return f"the limit lies within the interval, and {count} pairs are the most: the change is too near to the limit"
