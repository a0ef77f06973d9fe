"""A short look at how fast the system under test is, before LoadGen starts.

LoadGen generates its queries beforehand from an expected latency or throughput; a system that is faster than expected runs
out of queries and the run is INVALID. So the calibration errs towards fast. The latency it finds is never a result.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

_WARM_UP_NS = 100_000_000
MEASURE_NS = 300_000_000
MIN_RUNS, MAX_RUNS = 5, 20_000
_FAST = 0.9
"""A shade under the quickest tenth seen."""
_VERY_QUICK_NS = 100_000
_VERY_QUICK = 1.3
"""LoadGen generates twice as many queries as the expected latency calls for, at 330 bytes each. For models of microseconds
that is gigabytes, so the hint leaves a margin of a third instead of the full two."""
_DUEL_NS, _EXTENDED = 250_000_000, 6
_DUEL_WARM_UPS = 2
_CLEARLY_QUICKER = 0.95
_FIRST_LEAD, _SECOND_LEAD = 5, 10
"""If both are as quick and noise gives the second two pairs of five, it is taken in one case of 66; with one of five, never."""

NOT_TIMED = "not measured: an accuracy run is not timed"
"""Why a choice is what it is where speed decides nothing."""

_SLOW_NS = 1_000_000_000
"""After an answer that took so long it is told that something goes on: seven of them may take longer than a hang is let be."""

T = TypeVar("T")
R = TypeVar("R")
Tick = Callable[[], None]


def _silent() -> None:
    """Nobody waits for a sign of life."""


@dataclass(frozen=True, slots=True)
class ServiceTime:
    """How long one sample takes, in ns, when asked one after the other."""

    median_ns: int
    quick_ns: int
    """The tenth percentile."""
    runs: int

    @property
    def expected_latency_ns(self) -> int:
        """What LoadGen is told to expect of one sample."""
        share = _VERY_QUICK if self.quick_ns < _VERY_QUICK_NS else _FAST
        return max(1, int(self.quick_ns * share))


def service_time(
    answer: Callable[[T], object], asked: Sequence[T], measure_ns: int = MEASURE_NS, tick: Tick = _silent
) -> ServiceTime:
    """Asks samples, or batches of them, round and round for about 0.3 s after a warm-up."""
    ask_in_turn(answer, asked, _WARM_UP_NS, 2, tick)
    times = sorted(ask_in_turn(answer, asked, measure_ns, MIN_RUNS, tick))
    return ServiceTime(int(statistics.median(times)), times[len(times) // 10], len(times))


def one_answer(answer: Callable[[T], object], asked: Sequence[T], *, tick: Tick = _silent) -> ServiceTime:
    """What the first sample takes, once and cold: enough for a run that is not timed."""
    (took,) = ask_in_turn(answer, asked[:1], 0, 1, tick)
    return ServiceTime(took, took, 1)


def median_time(
    answer: Callable[[T], object], asked: Sequence[T], measure_ns: int, min_runs: int, tick: Tick = _silent
) -> int:
    """What an answer takes at the median, in ns, asked round and round for so long and so often at least."""
    return int(statistics.median(ask_in_turn(answer, asked, measure_ns, min_runs, tick)))


@dataclass(frozen=True, slots=True)
class Duel:
    """Two ways to do the same, measured in turn."""

    first_ns: int
    """Median."""
    second_ns: int
    pairs: int
    second_wins: bool
    """The second is clearly quicker: by more than 5 % in far more pairs than not."""


def heard(answer: Callable[[T], R], service_ns: int, tick: Tick) -> Callable[[T], R]:
    """The same; where it takes seconds, it is told after each that something goes on.

    Args:
        answer: Answers one sample.
        service_ns: What it takes.
        tick: Is told.
    """
    if service_ns <= _SLOW_NS:
        return answer

    def told(asked: T) -> R:
        found = answer(asked)
        tick()
        return found

    return told


def duel(
    first: Callable[[T], object],
    second: Callable[[T], object],
    rows: Sequence[T],
    budget_ns: int = _DUEL_NS,
    tick: Tick = _silent,
) -> Duel:
    """Runs both on the same rows in turn and stops as soon as it is clear.

    A sequential test: each pair counts for the second if it took less than 95 % of the first's time, else for the first. The
    second needs a lead of 10, the first, which is the default, of 5 or the end of the time. While the second leads, the time is
    extended.

    Args:
        first: What is kept where nothing is clear.
        second: What has to be clearly quicker.
        rows: What both are asked, round and round.
        budget_ns: About how long both together may take.
        tick: As for `ask_in_turn`.
    """
    now = time.perf_counter_ns
    for way in (first, second):
        ask_in_turn(way, rows[:1], 0, _DUEL_WARM_UPS, tick)
    times: tuple[list[int], list[int]] = ([], [])
    lead, began = 0, now()
    while -_FIRST_LEAD < lead < _SECOND_LEAD:
        row = rows[len(times[0]) % len(rows)]
        # Who comes second finds the row in the cache, so they take turns in that too.
        swapped = len(times[0]) % 2
        for place in (swapped, 1 - swapped):
            start = now()
            (first, second)[place](row)
            times[place].append(now() - start)
            if times[place][-1] > _SLOW_NS:
                tick()
        lead += 1 if times[1][-1] < _CLEARLY_QUICKER * times[0][-1] else -1
        spent = now() - began
        if spent > budget_ns * (1 if lead <= 0 else _EXTENDED):
            break
    medians = [int(statistics.median(one)) for one in times]
    return Duel(medians[0], medians[1], len(times[0]), lead >= _SECOND_LEAD)


def ask_in_turn(
    answer: Callable[[T], object], asked: Sequence[T], budget_ns: int, min_runs: int, tick: Tick = _silent
) -> list[int]:
    """How long each answer took, in ns, asked round and round for so long and so often at least.

    Args:
        answer: Is measured.
        asked: What it is asked.
        budget_ns: For so long.
        min_runs: So often at least.
        tick: Called after an answer of seconds: whoever watches sees that a slow model is no hang.
    """
    times: list[int] = []
    now = time.perf_counter_ns
    end = now() + budget_ns
    count = len(asked)
    start = now()
    while len(times) < min_runs or (start < end and len(times) < MAX_RUNS):
        answer(asked[len(times) % count])
        done = now()
        times.append(done - start)
        if done - start > _SLOW_NS:
            tick()
        start = done
    return times
