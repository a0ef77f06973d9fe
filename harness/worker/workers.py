"""What answers Server and Offline: threads of the worker, or processes of their own, whichever are quicker here."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from harness.config.workers import POOLS
from harness.machine.placement import Placement, on
from harness.serving.dispatch.guard import Guard
from harness.serving.dispatch.peers import Peers
from harness.serving.dispatch.processes import ProcessPool
from harness.serving.instances import Instances
from harness.serving.sut import SystemUnderTest
from harness.spec.schema import Spec
from harness.worker import timing as calibration
from harness.worker.batch import whole_invokes
from harness.worker.timing import ServiceTime, Tally

_CLEARLY = 1.02
"""Processes are used where they are so many times quicker: they take memory of their own."""


_OFFLINE_CHUNK_NS = 2_000_000


_SERVER_CHUNK_NS = 100_000
"""Queries that wait already are handed to a process together, as many as it answers in so long."""


_MAX_CHUNK = {"threads": 64, "processes": 256}


_ROUND_TRIPS, _ROUND_TRIPS_NS = 100, 200_000_000


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
class Team:
    """Workers that are open."""

    parts: Instances
    """What opened them."""
    suts: tuple[SystemUnderTest, ...]
    """Instances in this process; one at least."""
    peers: Peers | None
    """Processes, where those answer."""
    placement: Placement
    """Where each instance works."""
    alone_ns: int
    """What the first instance takes for one sample."""

    @property
    def serves(self) -> bool:
        """Whether queries come one by one, as Server's mostly do."""
        return self.parts.spec.load.scenario == "Server"


@dataclass(frozen=True, slots=True)
class _Found:
    team: Team
    samples_per_second: float
    busy_ns: int
    answer_ns: int
    chunk: int


def choose_workers(
    spec: Spec,
    parts: Instances,
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
        found["threads"] = _measure_threads(Team(parts, suts, None, placement, alone.median_ns), indices)
    if "processes" in candidates:
        placement = parts.place(threads, instances, apart=True)
        peers = Peers([parts.opener.recipe(threads, placement.of(number), first.batch) for number in range(instances)])
        try:
            found["processes"] = _measure_processes(Team(parts, (first,), peers, placement, alone.median_ns), indices)
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
            for sut in plain.team.suts[1:]:
                sut.close()
    chosen = found[best]
    return Chosen(
        workers=best,
        why=why,
        suts=chosen.team.suts,
        peers=chosen.team.peers,
        chunk=chosen.chunk,
        placement=chosen.team.placement,
        samples_per_second=chosen.samples_per_second,
        busy_ns=chosen.busy_ns,
        answer_ns=chosen.answer_ns,
        rates={name: each.samples_per_second for name, each in found.items()},
    )


def measure_rate(team: Team, indices: Sequence[int]) -> float:
    """Samples per second of workers that are open already, measured as `choose_workers` does.

    Args:
        team: The workers.
        indices: Samples that are loaded.
    """
    if team.peers is None:
        return _measure_threads(team, indices).samples_per_second
    with _pool(team, indices) as (ask, _):
        return ask()


def _candidates(spec: Spec, alone: ServiceTime) -> tuple[Sequence[str], str]:
    if spec.backend.workers != "auto":
        return [spec.backend.workers], "config"
    why_not = {name: pool.why_not_unasked(spec.backend.name, alone.median_ns) for name, pool in POOLS.items()}
    tried = [name for name, why in why_not.items() if not why]
    return tried, "measured" if len(tried) > 1 else "; ".join(filter(None, why_not.values()))


def _chunk(team: Team, workers: str, service_ns: int) -> int:
    """Samples that go to a worker together: whole batches."""
    batch = team.suts[0].batch
    if team.serves:
        most = 1 if workers == "threads" else _SERVER_CHUNK_NS // max(1, service_ns)
    else:
        most = min(_MAX_CHUNK[workers], _OFFLINE_CHUNK_NS // max(1, service_ns))
    return max(1, most // batch) * batch


def _throughput(team: Team, indices: Sequence[int], **span: int) -> tuple[float, int]:
    """Samples per second of all workers at once, and how long one occupies its worker, in ns: see `calibration.throughput`."""
    if team.serves:
        return calibration.throughput([sut.answer for sut in team.suts], indices, placement=team.placement, **span)
    calls = [whole_invokes(sut, indices) for sut in team.suts]
    _, asked, size = calls[0]
    per_second, took_ns = calibration.throughput([call for call, *_ in calls], asked, placement=team.placement, **span)
    return size * per_second, took_ns // size


def _measure_threads(team: Team, indices: Sequence[int]) -> _Found:
    per_second, busy_ns = _throughput(team, indices)
    answer_ns = busy_ns
    if team.serves:
        with on(team.placement.harness):
            answers = [sut.answer for sut in team.suts]
            queued = calibration.queued_throughput(answers, indices, per_second, placement=team.placement)
            alone_ns = calibration.queued_answer_ns(answers[0], indices, _round_trips(team), team.placement.of(0))
        per_second = min(per_second, queued)
        # A query occupies its worker for so long, the handing over included.
        busy_ns = max(busy_ns, int(len(team.suts) * 1e9 / per_second))
        answer_ns = max(busy_ns, alone_ns)
    return _Found(team, per_second, busy_ns, answer_ns, _chunk(team, "threads", busy_ns))


def _measure_processes(team: Team, indices: Sequence[int]) -> _Found:
    """With the pool itself; only LoadGen is not there yet."""
    with _pool(team, indices) as (ask, round_trip_ns):
        per_second = ask()
        busy_ns = int(len(team.peers or ()) * 1e9 / per_second)
        answer_ns = max(busy_ns, round_trip_ns()) if team.serves else busy_ns
    return _Found(team, per_second, busy_ns, answer_ns, _chunk(team, "processes", team.alone_ns))


@contextlib.contextmanager
def _pool(team: Team, indices: Sequence[int]) -> Iterator[tuple[Callable[..., float], Callable[[], int]]]:
    """The pool with samples in it.

    Yields:
        What measures its samples per second (the last arguments of `calibration.pool_throughput`), and what a sample takes
        from asking the idle pool to its completion, in ns.
    """
    parts, first, peers = team.parts, team.suts[0], team.peers or ()
    tally, guard = Tally(), Guard(parts.control, lambda _: None)
    expected = len(peers) * 1e9 / team.alone_ns
    with on(team.placement.harness):
        pool = ProcessPool(
            peers,
            guard,
            parts.control,
            chunk=_chunk(team, "processes", team.alone_ns),
            completer=lambda _: tally,
            abandon=tally.abandon,
            batch=1 if team.serves else first.batch,
        )

        def ask(**span: int) -> float:
            return calibration.pool_throughput(pool.issue, tally, indices, expected, one_by_one=team.serves, **span)

        def ask_one(index: int) -> None:
            tally.expect(1)
            pool.issue([0], [index])
            tally.wait()

        try:
            pool.load(parts.samples.rows, indices, first.backend.inputs)
            yield ask, lambda: calibration.round_trip_ns(ask_one, indices, _round_trips(team))
            pool.unload()
        finally:
            pool.close()
    if guard.failure is not None:
        raise guard.failure


@contextlib.contextmanager
def windows(team: Team, indices: Sequence[int]) -> Iterator[Window]:
    """Workers that are open already, to be measured again and again for a short while.

    Args:
        team: The workers.
        indices: Samples that are loaded.

    Yields:
        From how long to ask, in ns, and how many samples a worker at least: how long a sample occupies its worker, in ns.
    """
    if team.peers is None:
        yield lambda ns, least: _throughput(team, indices, measure_ns=ns, min_runs=least)[1]
        return
    count = len(team.peers)
    with _pool(team, indices) as (ask, _):
        yield lambda ns, least: int(count * 1e9 / ask(measure_ns=ns, min_runs=least * count))


def _round_trips(team: Team) -> int:
    """So often that they take 0.2 s together."""
    return max(3, min(_ROUND_TRIPS, _ROUND_TRIPS_NS // max(1, team.alone_ns)))
