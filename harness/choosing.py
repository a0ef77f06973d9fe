"""What answers Server and Offline: threads of the worker, or processes of their own, whichever are quicker here."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from harness import calibration
from harness.batching import in_groups
from harness.calibration import ServiceTime, Tally
from harness.dispatch.guard import Guard
from harness.dispatch.peers import Peers
from harness.dispatch.processes import ProcessPool
from harness.parts import Parts
from harness.placement import Placement, on
from harness.spec import Spec
from harness.sut import SystemUnderTest

PROCESSES_BELOW_NS = 200_000
"""Above this, threads meet at the GIL so rarely that a process of its own gains nothing."""
IN_PROCESSES = frozenset({"cpu", "null"})
"""Backends that may be opened in several processes unasked: a device has one owner, and a plug-in its own mind."""
_CLEARLY = 1.02
"""Processes are used where they are so many times quicker: they take memory of their own."""
_OFFLINE_CHUNK_NS = 2_000_000
_SERVER_CHUNK_NS = 100_000
"""Queries that wait already are handed to a process together, as many as it answers in so long."""
_MAX_CHUNK = {"threads": 64, "processes": 256}
_ROUND_TRIPS = 200

Window = Callable[[int, int], int]
"""See `windows`."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Who answers, and how fast."""

    workers: str
    """`threads` or `processes`."""
    why: str
    suts: tuple[SystemUnderTest, ...]
    peers: Peers | None
    chunk: int
    placement: Placement
    """Where each instance works."""
    samples_per_second: float
    busy_ns: int
    """How long a sample occupies its worker."""
    answer_ns: int
    """From a query to its completion where none waits."""
    rates: dict[str, float]
    """Samples per second of all that were measured."""


@dataclass(frozen=True, slots=True)
class _Found:
    samples_per_second: float
    busy_ns: int
    answer_ns: int
    chunk: int
    placement: Placement
    suts: tuple[SystemUnderTest, ...]
    peers: Peers | None = None


def choose_workers(
    spec: Spec,
    parts: Parts,
    first: SystemUnderTest,
    threads: int,
    instances: int,
    indices: Sequence[int],
    alone: ServiceTime,
) -> Chosen:
    """Measures what comes into question, and keeps the better one.

    Args:
        spec: The run.
        parts: Opens instances.
        first: The first of them.
        threads: Of an instance.
        instances: That work at once.
        indices: Samples that are loaded.
        alone: What the first instance takes for one of them.

    Raises:
        RunFailed: A process died.
        harness.errors.Reported: One says what went wrong.
    """
    candidates, why = _candidates(spec, alone)
    found: dict[str, _Found] = {}
    if "threads" in candidates:
        placement = parts.place(threads, instances)
        suts = (first, *(parts.sut(threads, placement.of(number), first.batch) for number in range(1, instances)))
        found["threads"] = _measure_threads(spec, suts, indices, placement)
    if "processes" in candidates:
        placement = parts.place(threads, instances, "processes")
        peers = Peers([parts.recipe(threads, placement.of(number), first.batch) for number in range(instances)])
        try:
            found["processes"] = _measure_processes(spec, parts, first, peers, indices, alone, placement)
        except BaseException:
            peers.close()
            raise
    best = candidates[-1]
    if len(candidates) > 1:
        processes, plain = found["processes"], found["threads"]
        best = "processes" if processes.samples_per_second > _CLEARLY * plain.samples_per_second else "threads"
        if best == "threads":
            peers.close()
        else:
            for sut in plain.suts[1:]:
                sut.close()
    chosen = found[best]
    return Chosen(
        workers=best,
        why=why,
        suts=chosen.suts,
        peers=chosen.peers,
        chunk=chosen.chunk,
        placement=chosen.placement,
        samples_per_second=chosen.samples_per_second,
        busy_ns=chosen.busy_ns,
        answer_ns=chosen.answer_ns,
        rates={name: each.samples_per_second for name, each in found.items()},
    )


def measure_rate(
    spec: Spec,
    parts: Parts,
    suts: tuple[SystemUnderTest, ...],
    peers: Peers | None,
    indices: Sequence[int],
    alone: ServiceTime,
    placement: Placement,
) -> float:
    """Samples per second of workers that are open already, measured as `choose_workers` does.

    Args:
        spec: The run.
        parts: What opened them.
        suts: Instances in this process.
        peers: Processes, where those answer.
        indices: Samples that are loaded.
        alone: What the first instance takes for one of them.
        placement: Where each instance works.
    """
    if peers is None:
        return _measure_threads(spec, suts, indices, placement).samples_per_second
    return _measure_processes(spec, parts, suts[0], peers, indices, alone, placement).samples_per_second


def _candidates(spec: Spec, alone: ServiceTime) -> tuple[list[str], str]:
    if spec.backend.workers != "auto":
        return [spec.backend.workers], "config"
    if spec.backend.name not in IN_PROCESSES:
        return ["threads"], f"backend {spec.backend.name}"
    if alone.median_ns >= PROCESSES_BELOW_NS:
        return ["threads"], f"a sample takes more than {PROCESSES_BELOW_NS // 1000} us"
    return ["threads", "processes"], "measured"


def _chunk(spec: Spec, workers: str, service_ns: int, batch: int) -> int:
    """Samples that go to a worker together: whole batches."""
    if spec.load.scenario == "Server":
        most = 1 if workers == "threads" else _SERVER_CHUNK_NS // max(1, service_ns)
    else:
        most = min(_MAX_CHUNK[workers], _OFFLINE_CHUNK_NS // max(1, service_ns))
    return max(1, most // batch) * batch


def _throughput(
    spec: Spec, suts: tuple[SystemUnderTest, ...], indices: Sequence[int], placement: Placement, **span: int
) -> tuple[float, int]:
    """Samples per second of all workers at once, and how long one occupies its worker, in ns: see `calibration.throughput`."""
    batch = suts[0].batch
    if spec.load.scenario == "Server" or batch == 1:
        # Server's queries mostly come one by one.
        return calibration.throughput([sut.answer for sut in suts], indices, placement=placement, **span)
    groups = in_groups(indices, batch)
    per_second, took_ns = calibration.throughput([sut.answer_all for sut in suts], groups, placement=placement, **span)
    return batch * per_second, took_ns // batch


def _measure_threads(
    spec: Spec, suts: tuple[SystemUnderTest, ...], indices: Sequence[int], placement: Placement
) -> _Found:
    per_second, busy_ns = _throughput(spec, suts, indices, placement)
    if spec.load.scenario == "Server":
        with on(placement.harness):
            answers = [sut.answer for sut in suts]
            queued = calibration.queued_throughput(answers, indices, per_second, placement=placement)
        per_second = min(per_second, queued)
        # A query occupies its worker for so long, the handing over included.
        busy_ns = max(busy_ns, int(len(suts) * 1e9 / per_second))
    return _Found(per_second, busy_ns, busy_ns, _chunk(spec, "threads", busy_ns, suts[0].batch), placement, suts)


def _measure_processes(
    spec: Spec,
    parts: Parts,
    first: SystemUnderTest,
    peers: Peers,
    indices: Sequence[int],
    alone: ServiceTime,
    placement: Placement,
) -> _Found:
    """With the pool itself; only LoadGen is not there yet."""
    server = spec.load.scenario == "Server"
    expected = len(peers) * 1e9 / alone.median_ns
    with _pool(spec, parts, first, peers, indices, alone.median_ns, placement) as (pool, tally, chunk):
        per_second = calibration.pool_throughput(pool.issue, tally, indices, expected, one_by_one=server)
        busy_ns = int(len(peers) * 1e9 / per_second)
        answer_ns = max(busy_ns, _round_trip_ns(pool, tally, indices, alone)) if server else busy_ns
    return _Found(per_second, busy_ns, answer_ns, chunk, placement, (first,), peers)


@contextlib.contextmanager
def _pool(
    spec: Spec,
    parts: Parts,
    first: SystemUnderTest,
    peers: Peers,
    indices: Sequence[int],
    alone_ns: int,
    placement: Placement,
) -> Iterator[tuple[ProcessPool, Tally, int]]:
    """The pool with samples in it, who counts what it completes, and how many it hands out together."""
    tally, chunk = Tally(), _chunk(spec, "processes", alone_ns, first.batch)
    guard = Guard(parts.control, lambda _: None)
    with on(placement.harness):
        pool = ProcessPool(
            peers,
            guard,
            parts.control,
            chunk=chunk,
            completer=lambda _: tally,
            abandon=tally.abandon,
            batch=1 if spec.load.scenario == "Server" else first.batch,
        )
        try:
            pool.load(parts.samples.rows, indices, first.backend.inputs)
            yield pool, tally, chunk
            pool.unload()
        finally:
            pool.close()
    if guard.failure is not None:
        raise guard.failure


@contextlib.contextmanager
def windows(
    spec: Spec,
    parts: Parts,
    suts: tuple[SystemUnderTest, ...],
    peers: Peers | None,
    indices: Sequence[int],
    alone_ns: int,
    placement: Placement,
) -> Iterator[Window]:
    """Workers that are open already, to be measured again and again for a short while.

    Args:
        spec: The run.
        parts: What opened them.
        suts: Instances in this process.
        peers: Processes, where those answer.
        indices: Samples that are loaded.
        alone_ns: What the first instance takes for one of them.
        placement: Where each instance works.

    Yields:
        From how long to ask, in ns, and how many samples a worker at least: how long a sample occupies its worker, in ns.
    """
    if peers is None:
        yield lambda ns, least: _throughput(spec, suts, indices, placement, measure_ns=ns, min_runs=least)[1]
        return
    server, count = spec.load.scenario == "Server", len(peers)
    with _pool(spec, parts, suts[0], peers, indices, alone_ns, placement) as (pool, tally, _):

        def ask(ns: int, least: int) -> int:
            expected = count * 1e9 / alone_ns
            per_second = calibration.pool_throughput(
                pool.issue, tally, indices, expected, one_by_one=server, measure_ns=ns, min_runs=least * count
            )
            return int(count * 1e9 / per_second)

        yield ask


def _round_trip_ns(pool: ProcessPool, tally: Tally, indices: Sequence[int], alone: ServiceTime) -> int:
    """From asking one sample of an idle pool to its completion."""
    times = []
    for number in range(max(3, min(_ROUND_TRIPS, 200_000_000 // max(1, alone.median_ns)))):
        tally.expect(1)
        start = time.perf_counter_ns()
        pool.issue([number], [indices[number % len(indices)]])
        tally.wait()
        times.append(time.perf_counter_ns() - start)
    return int(statistics.median(times))
