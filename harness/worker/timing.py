"""A short look at how fast the system under test is, before LoadGen starts.

LoadGen generates its queries beforehand from an expected latency or throughput; a system that is faster than expected runs
out of queries and the run is INVALID. So the calibration errs towards fast. The latency it finds is never a result.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TypeVar

from harness.machine.placement import Placement, pin

_WARM_UP_NS = 100_000_000
_MEASURE_NS = 300_000_000
_MIN_RUNS, _MAX_RUNS = 5, 20_000
_FAST = 0.9
"""A shade under the quickest tenth seen."""
_VERY_QUICK_NS = 100_000
_VERY_QUICK = 1.3
"""LoadGen generates twice as many queries as the expected latency calls for, at 330 bytes each. For models of microseconds
that is gigabytes, so the hint leaves a margin of a third instead of the full two."""
_LOADGEN_BYTES = {"SingleStream": 330, "MultiStream": 740, "Server": 330, "Offline": 140}
"""Memory that LoadGen takes for a query, in Offline for a sample, as measured."""
_SERVER_LOAD = 0.5
"""Share of what can be answered that Server is asked for unless the user says more: queues stay short."""
HANDED_OVER_NS = 20_000
"""What a query of Server takes of the cores beside its worker's work: LoadGen's thread, which wakes up and asks, and a
worker that is woken. So on 2 cores keyword spotting, of which two workers that are never without work do 80,000/s, breaks
down at 45,000/s."""
SERVER_BOUND_SERVICE_TIMES = 10
_BETWEEN_QUERIES_S = 0.001
"""What waits must have fallen asleep to be woken as Server's queries wake it."""
_DUEL_NS, _EXTENDED = 250_000_000, 6
_DUEL_WARM_UPS = 2
_CLEARLY_QUICKER = 0.95
_FIRST_LEAD, _SECOND_LEAD = 5, 10
"""If both are as quick and noise gives the second two pairs of five, it is taken in one case of 66; with one of five, never."""

Answer = Callable[[int], bytes]
T = TypeVar("T")


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


def service_time(answer: Callable[[T], object], asked: Sequence[T], measure_ns: int = _MEASURE_NS) -> ServiceTime:
    """Asks samples, or batches of them, round and round for about 0.3 s after a warm-up."""
    _loop(answer, asked, _WARM_UP_NS, 2)
    times = sorted(_loop(answer, asked, measure_ns, _MIN_RUNS))
    return ServiceTime(int(statistics.median(times)), times[len(times) // 10], len(times))


def median_time(answer: Callable[[T], object], asked: Sequence[T], measure_ns: int, min_runs: int) -> int:
    """What an answer takes at the median, in ns, asked round and round for so long and so often at least."""
    return int(statistics.median(_loop(answer, asked, measure_ns, min_runs)))


def throughput(
    answers: Sequence[Callable[[T], object]],
    asked: Sequence[T],
    measure_ns: int = _MEASURE_NS,
    placement: Placement | None = None,
    min_runs: int = _MIN_RUNS,
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
            times[number] = _loop(answers[number], asked, measure_ns, min_runs)
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


def loadgen_bytes(scenario: str) -> int:
    """Memory that LoadGen takes for each query (Offline: sample) that it generates."""
    return _LOADGEN_BYTES[scenario]


def queued_throughput(
    answers: Sequence[Answer],
    indices: Sequence[int],
    expected_per_second: float,
    measure_ns: int = _MEASURE_NS,
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
    count = int(min(_MAX_RUNS, max(4 * len(answers), expected_per_second * measure_ns * 1e-9)))
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
        time.sleep(_BETWEEN_QUERIES_S)
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
    measure_ns: int = _MEASURE_NS,
    min_runs: int = _MIN_RUNS,
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
        count = int(min(_MAX_RUNS, max(min_runs, expected_per_second * share * measure_ns * 1e-9)))
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


def server_load(samples_per_second: float, workers: int) -> float:
    """Queries per second that so many workers of this throughput together are asked for by default."""
    handed_over_s = HANDED_OVER_NS * 1e-9
    # There is one LoadGen, however many workers.
    return _SERVER_LOAD * min(workers / (workers / samples_per_second + handed_over_s), 1 / handed_over_s)


@dataclass(frozen=True, slots=True)
class Duel:
    """Two ways to do the same, measured in turn."""

    first_ns: int
    """Median."""
    second_ns: int
    pairs: int
    second_wins: bool
    """The second is clearly quicker: by more than 5 % in far more pairs than not."""


def duel(
    first: Callable[[T], object], second: Callable[[T], object], rows: Sequence[T], budget_ns: int = _DUEL_NS
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
    """
    now = time.perf_counter_ns
    for _ in range(_DUEL_WARM_UPS):
        first(rows[0])
        second(rows[0])
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
        lead += 1 if times[1][-1] < _CLEARLY_QUICKER * times[0][-1] else -1
        spent = now() - began
        if spent > budget_ns * (1 if lead <= 0 else _EXTENDED):
            break
    medians = [int(statistics.median(one)) for one in times]
    return Duel(medians[0], medians[1], len(times[0]), lead >= _SECOND_LEAD)


def _loop(answer: Callable[[T], object], asked: Sequence[T], budget_ns: int, min_runs: int) -> list[int]:
    times: list[int] = []
    now = time.perf_counter_ns
    end = now() + budget_ns
    count = len(asked)
    start = now()
    while len(times) < min_runs or (start < end and len(times) < _MAX_RUNS):
        answer(asked[len(times) % count])
        done = now()
        times.append(done - start)
        start = done
    return times
