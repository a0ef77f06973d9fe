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
"""Share of the measured throughput that Server is asked for unless the user says more: queues stay short."""
SERVER_BOUND_SERVICE_TIMES = 10

Answer = Callable[[int], bytes]


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


def service_time(answer: Answer, indices: Sequence[int], measure_ns: int = _MEASURE_NS) -> ServiceTime:
    """Asks the samples round and round for about 0.3 s after a warm-up."""
    _loop(answer, indices, _WARM_UP_NS, 2)
    times = sorted(_loop(answer, indices, measure_ns, _MIN_RUNS))
    return ServiceTime(int(statistics.median(times)), times[len(times) // 10], len(times))


def throughput(answers: Sequence[Answer], indices: Sequence[int], measure_ns: int = _MEASURE_NS) -> tuple[float, int]:
    """All workers at once.

    Returns:
        Samples per second of all together, and the median service time in ns while all work.
    """
    times: list[list[int]] = [[] for _ in answers]
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            times[number] = _loop(answers[number], indices, measure_ns, _MIN_RUNS)
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
    answers: Sequence[Answer], indices: Sequence[int], expected_per_second: float, measure_ns: int = _MEASURE_NS
) -> float:
    """Samples per second when each goes to the workers through a queue by itself, as Server's queries do.

    For models of microseconds this is far less than what the workers can do undisturbed: handing over costs as much.

    Args:
        answers: One for each worker.
        indices: Samples to ask.
        expected_per_second: About how many there will be, for how many to ask.
        measure_ns: About how long to ask.
    """
    count = int(min(_MAX_RUNS, max(4 * len(answers), expected_per_second * measure_ns * 1e-9)))
    queue: SimpleQueue[int | None] = SimpleQueue()
    failures: list[BaseException] = []

    def work(answer: Answer) -> None:
        try:
            while (index := queue.get()) is not None:
                answer(index)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(answer,)) for answer in answers]
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


def server_load(samples_per_second: float) -> float:
    """Queries per second that a pool of this throughput is asked for by default."""
    return samples_per_second * _SERVER_LOAD


def _loop(answer: Answer, indices: Sequence[int], budget_ns: int, min_runs: int) -> list[int]:
    times: list[int] = []
    now = time.perf_counter_ns
    end = now() + budget_ns
    count = len(indices)
    start = now()
    while len(times) < min_runs or (start < end and len(times) < _MAX_RUNS):
        answer(indices[len(times) % count])
        done = now()
        times.append(done - start)
        start = done
    return times
