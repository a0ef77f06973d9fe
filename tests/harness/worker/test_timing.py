"""What LoadGen is told beforehand, and how it is found. No timing is asserted: where it matters, the clock is a made-up one."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable

import pytest

from harness.worker import timing
from harness.worker.timing import (
    ServiceTime,
    duel,
    loadgen_bytes,
    queued_answer_ns,
    server_load,
    service_time,
    throughput,
)


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


def test_all_workers_are_measured_at_once() -> None:
    together = threading.Barrier(3, timeout=600)
    asked: Counter[int] = Counter()

    def answer(worker: int) -> bytes:
        # Nobody gets on unless all three are there.
        together.wait()
        asked[worker] += 1
        return b""

    answers = [lambda _, worker=worker: answer(worker) for worker in range(3)]
    per_second, median_ns = throughput(answers, [0], measure_ns=1)
    assert asked == {0: 5, 1: 5, 2: 5}
    assert per_second > 0
    assert median_ns > 0


def test_a_worker_that_fails_is_not_overheard() -> None:
    def broken(_: int) -> bytes:
        raise RuntimeError("no device")

    with pytest.raises(RuntimeError, match="no device"):
        throughput([lambda _: b"", broken], [0], measure_ns=1)


def test_a_server_is_asked_for_half_of_what_it_can_do() -> None:
    assert 99 < server_load(200.0, workers=2) < 100


def test_a_server_of_microseconds_is_asked_for_what_loadgen_and_waking_the_workers_leave() -> None:
    # 25 us of work, and 20 us for the handing over, on two cores.
    assert server_load(80_000.0, workers=2) == pytest.approx(0.5 * 2 / 45e-6)
    # One thread asks, whatever the number of workers.
    for workers in (1, 64):
        assert server_load(1e9, workers) == pytest.approx(25_000, rel=0.01)


def test_a_queued_answer_is_timed_from_the_handing_over_to_the_answer() -> None:
    asked: list[int] = []

    def answer(index: int) -> bytes:
        asked.append(index)
        time.sleep(0.003)
        return b""

    assert queued_answer_ns(answer, [4, 5], 5) >= 3_000_000
    assert asked == [4, 5, 4, 5, 4]


def test_a_failure_of_a_queued_answer_is_raised_and_its_thread_ends() -> None:
    def broken(index: int) -> bytes:
        raise RuntimeError("no device")

    before = threading.active_count()
    with pytest.raises(RuntimeError, match="no device"):
        queued_answer_ns(broken, [0], 3)
    assert threading.active_count() == before


@pytest.mark.parametrize("scenario", ["SingleStream", "MultiStream", "Server", "Offline"])
def test_the_memory_that_loadgen_needs_is_known_for_every_scenario(scenario: str) -> None:
    assert 100 <= loadgen_bytes(scenario) <= 1000
