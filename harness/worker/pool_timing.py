"""How fast several instances answer together, the handing over included: what Server and Offline need to know beforehand."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import TypeVar

from harness.machine.placement import Placement, pin
from harness.machine.watched.clocks import pause
from harness.worker.timing import MAX_RUNS, MEASURE_NS, MIN_RUNS, ask_in_turn

_BETWEEN_QUERIES_S = 0.001
"""What waits must have fallen asleep to be woken as Server's queries wake it."""

Answer = Callable[[int], bytes]
T = TypeVar("T")


def throughput(
    answers: Sequence[Callable[[T], object]],
    asked: Sequence[T],
    measure_ns: int = MEASURE_NS,
    placement: Placement | None = None,
    min_runs: int = MIN_RUNS,
    tick: Callable[[], None] = lambda: None,
) -> tuple[float, int]:
    """All workers at once, each where it is placed.

    Returns:
        Answers per second of all together, and the median time of one in ns while all work.
    """
    times: list[list[int]] = [[] for _ in answers]
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            pin(placement.of(number) if placement else ())
            times[number] = ask_in_turn(answers[number], asked, measure_ns, min_runs, tick)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(answers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    per_second = sum(len(one) / (sum(one) * 1e-9) for one in times)
    return per_second, int(statistics.median([value for one in times for value in one]))


def queued_throughput(
    answers: Sequence[Answer],
    indices: Sequence[int],
    expected_per_second: float,
    measure_ns: int = MEASURE_NS,
    placement: Placement | None = None,
) -> float:
    """Samples per second when each goes to the workers through a queue by itself, as Server's queries do.

    For models of microseconds this is far less than what the workers can do undisturbed: handing over costs as much.

    Args:
        answers: One for each worker.
        indices: Samples to ask.
        expected_per_second: About how many there will be, for how many to ask.
        measure_ns: About how long to ask.
        placement: Where each worker works.
    """
    count = int(min(MAX_RUNS, max(4 * len(answers), expected_per_second * measure_ns * 1e-9)))
    queue: SimpleQueue[int | None] = SimpleQueue()
    failures: list[BaseException] = []

    def work(number: int, answer: Answer) -> None:
        try:
            pin(placement.of(number) if placement else ())
            while (index := queue.get()) is not None:
                answer(index)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=each) for each in enumerate(answers)]
    for thread in threads:
        thread.start()
    start = time.perf_counter_ns()
    for number in range(count):
        queue.put(indices[number % len(indices)])
    for _ in threads:
        queue.put(None)
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return count / ((time.perf_counter_ns() - start) * 1e-9)


def round_trip_ns(ask: Callable[[int], object], indices: Sequence[int], runs: int) -> int:
    """From asking those that wait for a sample to its answer, in ns: the median. Waking takes longer than a quick model.

    Args:
        ask: Returns when the sample is answered.
        indices: Samples to ask.
        runs: How often.
    """
    times = []
    for number in range(runs):
        pause(_BETWEEN_QUERIES_S)
        start = time.perf_counter_ns()
        ask(indices[number % len(indices)])
        times.append(time.perf_counter_ns() - start)
    return int(statistics.median(times))


def queued_answer_ns(answer: Answer, indices: Sequence[int], runs: int, cpus: Sequence[int] = ()) -> int:
    """The `round_trip_ns` of a worker thread that waits for samples in a queue, as Server's do.

    Args:
        answer: The worker's.
        indices: Samples to ask.
        runs: How often.
        cpus: Where the worker works; anywhere where there are none.
    """
    queue: SimpleQueue[int | None] = SimpleQueue()
    answered: SimpleQueue[BaseException | None] = SimpleQueue()

    def work() -> None:
        pin(cpus)
        while (index := queue.get()) is not None:
            try:
                answer(index)
                answered.put(None)
            except BaseException as error:
                answered.put(error)

    def ask(index: int) -> None:
        queue.put(index)
        if (failure := answered.get()) is not None:
            raise failure

    thread = threading.Thread(target=work)
    thread.start()
    try:
        return round_trip_ns(ask, indices, runs)
    finally:
        queue.put(None)
        thread.join()


class Tally:
    """Stands for LoadGen while a pool is measured: counts what is completed."""

    def __init__(self) -> None:
        self._left = 0
        self._all = threading.Event()

    def expect(self, count: int) -> None:
        """So many samples will be issued."""
        self._all.clear()
        self._left = count

    def packed(self, query_ids: Sequence[int], address: int, size: int, sizes: Sequence[int]) -> None:
        """As `Responder.packed`."""
        del address, size, sizes
        self.abandon(query_ids)

    def abandon(self, query_ids: Sequence[int]) -> None:
        """As `loadgen.abandon`."""
        self._left -= len(query_ids)
        if self._left <= 0:
            self._all.set()

    def wait(self) -> None:
        """Until all are completed."""
        self._all.wait()


def pool_throughput(
    issue: Callable[[list[int], list[int]], None],
    tally: Tally,
    indices: Sequence[int],
    expected_per_second: float,
    *,
    one_by_one: bool,
    measure_ns: int = MEASURE_NS,
    min_runs: int = MIN_RUNS,
) -> float:
    """Samples per second of a pool, its handing over and taking back included.

    Args:
        issue: The pool's, which completes to `tally`.
        tally: Counts.
        indices: Samples to ask.
        expected_per_second: About how many there will be, for how many to ask.
        one_by_one: As Server issues them; else all at once, as Offline does.
        measure_ns: About how long to ask.
        min_runs: How many samples at least.
    """
    found = 0.0
    # The first, shorter one warms up.
    for share in (0.2, 1.0):
        count = int(min(MAX_RUNS, max(min_runs, expected_per_second * share * measure_ns * 1e-9)))
        ids, asked = list(range(count)), [indices[number % len(indices)] for number in range(count)]
        tally.expect(count)
        start = time.perf_counter_ns()
        if one_by_one:
            for number in ids:
                issue([number], [asked[number]])
        else:
            issue(ids, asked)
        tally.wait()
        found = count / ((time.perf_counter_ns() - start) * 1e-9)
    return found
