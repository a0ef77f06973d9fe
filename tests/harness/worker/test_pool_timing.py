"""How fast several instances answer together. No timing is asserted."""

from __future__ import annotations

import threading
import time
from collections import Counter

import pytest

from harness.worker.pool_timing import Tally, pool_throughput, queued_answer_ns, queued_throughput, throughput


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


def test_a_failure_in_the_queue_of_the_calibration_is_raised() -> None:
    def broken(index: int) -> bytes:
        raise ArithmeticError(index)

    with pytest.raises(ArithmeticError):
        queued_throughput([broken, broken], [1, 2], 100.0)


def test_queued_throughput_counts_every_answer() -> None:
    asked: list[int] = []

    def answer(index: int) -> bytes:
        asked.append(index)
        return b""

    assert queued_throughput([answer, answer], [5, 6], 1000.0, measure_ns=100_000_000) > 0
    assert sorted(asked) == [5] * 50 + [6] * 50


@pytest.mark.parametrize("one_by_one", [True, False])
def test_a_pool_is_asked_as_the_scenario_asks_and_every_sample_is_waited_for(one_by_one: bool) -> None:
    tally, issued = Tally(), list[list[int]]()

    def issue(ids: list[int], indices: list[int]) -> None:
        issued.append(indices)
        tally.packed(ids, 0, 0, [])

    assert pool_throughput(issue, tally, [7, 8], 1.0, one_by_one=one_by_one, measure_ns=1, min_runs=4) > 0
    # A warm-up and the measurement, of four samples each.
    assert issued == 2 * ([[7], [8], [7], [8]] if one_by_one else [[7, 8, 7, 8]])
