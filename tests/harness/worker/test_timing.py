"""What LoadGen is told beforehand, and how it is found. No timing is asserted: where it matters, the clock is a made-up one."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from harness.worker import timing
from harness.worker.timing import ServiceTime, duel, heard, service_time


class Clock:
    """Stands for the module `time`: no time passes but what an answer is said to take."""

    def __init__(self) -> None:
        self.now_ns = 0

    def perf_counter_ns(self) -> int:
        return self.now_ns


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(timing, "time", found)
    return found


def test_the_expected_latency_errs_towards_fast_and_for_very_quick_models_less_far() -> None:
    assert ServiceTime(1_000_000, 900_000, 10).expected_latency_ns == 810_000
    # LoadGen generates twice as many queries as that calls for: still fewer than half are left over.
    assert ServiceTime(2_000, 2_000, 10).expected_latency_ns == 2_600
    assert ServiceTime(0, 0, 10).expected_latency_ns == 1


@pytest.mark.parametrize("quick", [1, 10, 999, 99_999, 100_000, 10**6, 10**9])
def test_loadgen_never_runs_out_of_queries_where_the_run_is_no_quicker_than_the_calibration(quick: int) -> None:
    """It generates 2 * duration / expected latency."""
    assert ServiceTime(quick, quick, 10).expected_latency_ns < 2 * quick


def test_every_sample_is_asked_in_turn_and_a_few_times_at_least() -> None:
    asked: list[int] = []

    def answer(index: int) -> bytes:
        asked.append(index)
        time.sleep(0.02)
        return b""

    found = service_time(answer, [4, 5, 6], measure_ns=1)
    # Two to warm up at least, then five.
    assert found.runs == 5
    assert set(asked) == {4, 5, 6}
    assert asked[-5:] == [4, 5, 6, 4, 5]
    assert found.median_ns >= found.quick_ns >= 20_000_000


def test_the_median_and_the_quick_tenth_are_of_the_times_measured(clock: Clock) -> None:
    """One in three answers is slow: the median does not see it, nor does the tenth percentile."""
    turn = [0]

    def answer(index: int) -> bytes:
        turn[0] += 1
        clock.now_ns += 50_000_000 if turn[0] % 3 == 0 else 1_000_000
        return b""

    found = service_time(answer, [0], measure_ns=400_000_000)
    assert (found.quick_ns, found.median_ns) == (1_000_000, 1_000_000)
    # Three answers take 52 ms.
    assert found.runs == 24


def _takes(clock: Clock, time_ns: int, asked: list[int]) -> Callable[[int], None]:
    def answer(row: int) -> None:
        asked.append(row)
        clock.now_ns += time_ns

    return answer


def test_the_quicker_of_two_wins_only_where_it_is_the_second_and_clearly_so(clock: Clock) -> None:
    asked: list[int] = []
    won = duel(_takes(clock, 4_000_000, asked), _takes(clock, 500_000, []), [0, 1])
    assert (won.second_wins, won.pairs, won.first_ns, won.second_ns) == (True, 10, 4_000_000, 500_000)
    assert set(asked) == {0, 1}
    lost = duel(_takes(clock, 500_000, []), _takes(clock, 4_000_000, []), [0, 1])
    assert (lost.second_wins, lost.pairs, lost.first_ns, lost.second_ns) == (False, 5, 500_000, 4_000_000)
    assert not duel(_takes(clock, 1_000_000, []), _takes(clock, 960_000, []), [0]).second_wins
    # Equal, and no time: it is never the second.
    assert not duel(_takes(clock, 4_000_000, []), _takes(clock, 4_000_000, []), [0], budget_ns=1).second_wins


def test_a_model_of_minutes_shows_that_it_answers_and_a_quick_one_is_not_held_up(clock: Clock) -> None:
    seen: list[int] = []

    def answer(took_ns: int) -> None:
        clock.now_ns += took_ns

    service_time(answer, [100 * 10**9], tick=lambda: seen.append(clock.now_ns))
    assert [second // 10**9 for second in seen] == [100, 200, 300, 400, 500, 600, 700]
    seen.clear()
    service_time(answer, [10**6], tick=lambda: seen.append(clock.now_ns))
    assert not seen


def test_two_ways_of_minutes_show_that_they_answer_while_they_are_held_against_each_other(clock: Clock) -> None:
    seen: list[int] = []
    way = _takes(clock, 100 * 10**9, [])
    duel(way, way, [0], budget_ns=1, tick=lambda: seen.append(clock.now_ns))
    assert [second // 10**9 for second in seen] == [100, 200, 300, 400, 500, 600]
    told = heard(way, 100 * 10**9, lambda: seen.append(clock.now_ns))
    told(0)
    assert seen[-1] == clock.now_ns == 700 * 10**9
    assert heard(way, 10**6, print) is way
