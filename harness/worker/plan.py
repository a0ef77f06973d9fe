"""The plan of a run: what the calibration finds on this machine decides threads, instances, expected latency and load."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from harness.config.backend import BackendSection
from harness.config.official.rules import STREAMS
from harness.errors import ConfigError
from harness.machine.placement import Placement, most_instances, most_threads, on, thread_counts
from harness.messages.calibration import Calibration
from harness.serving.instances import Instances
from harness.serving.sut import SystemUnderTest
from harness.spec.schema import Spec
from harness.statistics import queueing
from harness.worker import timing
from harness.worker.batch import Batch, choose_batch
from harness.worker.teams.inline import Inline
from harness.worker.teams.team import Team
from harness.worker.workers import ChosenWorkers, choose_workers

_CLEARLY = 0.95
"""More threads are used only where they are clearly quicker: a thread that waits costs the rest of the machine."""
_SERVER_LOAD = 0.5
"""Share of what can be answered that Server is asked for unless the user says more: queues stay short."""
_HANDED_OVER_NS = 20_000
"""What a query of Server takes of the cores beside its worker's work: LoadGen's thread, which wakes up and asks, and a
worker that is woken. So on 2 cores keyword spotting, of which two workers that are never without work do 80,000/s, breaks
down at 45,000/s."""
_SERVER_BOUND_SERVICE_TIMES = 10
_SHORT_MS, _SHORT = 1000, 2
"""Offline that need not last a second is given twice the samples: the calibration, which looks for less than that, may have
seen a busy machine, and what is too much only takes as long once more."""

_WORTH_THREADS_NS = 1_000_000
"""An accuracy run, which is not timed, tries more threads for longer answers than this alone."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the calibration decided."""

    team: Team
    """Who answers."""
    threads: int
    """Of an instance."""
    expected_latency_ns: int
    """Of one query."""
    target_qps: float
    server_target_latency_ns: int | None
    calibration: Calibration
    """What was measured for it."""


def plan_run(spec: Spec, instances: Instances, indices: Sequence[int]) -> Plan:
    """Calibrates. An accuracy run is not timed: it asks once for what LoadGen must be told, and measures nothing else.

    Args:
        spec: The run.
        instances: Opens instances.
        indices: Samples that are loaded and may be asked.

    Raises:
        ConfigError: The scenario cannot use what the spec asks for.
    """
    return (_plan_streams if spec.load.scenario in STREAMS else _plan_pool)(spec, instances, indices)


def _plan_streams(spec: Spec, instances: Instances, indices: Sequence[int]) -> Plan:
    """One instance; the number of threads that is quickest, since more can be slower."""
    if spec.backend.instances not in ("auto", 1):
        raise ConfigError(
            f"{spec.load.scenario} has one query in flight, so one instance: {spec.backend.instances} cannot be used"
        )
    wanted = spec.backend.threads
    timed = spec.load.mode != "accuracy"
    # More threads than cores of one kind would wait for the slowest.
    auto = [1] if instances.info.accelerator else thread_counts(instances.topology.counts[0])
    candidates = auto if wanted == "auto" else [wanted]
    best: tuple[timing.ServiceTime, int, SystemUnderTest, Placement] | None = None
    tried: dict[str, int] = {}
    for threads in candidates:
        placement = instances.place(threads, 1)
        sut = instances.sut(threads, placement.of(0))
        with on(placement.of(0)):
            time_ns = (timing.service_time if timed else timing.one_answer)(
                sut.answer, indices, tick=instances.control.tick
            )
        tried[str(threads)] = time_ns.median_ns
        if best is None or time_ns.median_ns < _CLEARLY * best[0].median_ns:
            best = (time_ns, threads, sut, placement)
        if not timed and time_ns.median_ns < _WORTH_THREADS_NS:
            break
    if best is None:
        raise ConfigError("no number of threads to try")
    service, threads, sut, placement = best
    batch = Batch(1, sut)
    if spec.load.samples_per_query > 1:
        with on(placement.of(0)):
            batch = choose_batch(spec, instances, sut, indices, service)
    expected = int(service.expected_latency_ns * spec.load.samples_per_query * batch.time_share)
    per_sample_ns = int(service.median_ns * batch.time_share)
    by_threads = tried if timed else None
    calibration = Calibration(per_sample_ns, service.runs, median_ns_by_threads=by_threads, batch=batch.choice)
    # The rules let nobody expect more. LoadGen only generates more queries for it beforehand than it will ask.
    cap_ns = spec.load.expected_latency_cap_ns
    expected = spec.load.expected_latency_ns or min(expected, cap_ns or expected)
    return Plan(Inline(instances, batch.sut, placement), threads, expected, 0.0, None, calibration)


def _plan_pool(spec: Spec, instances: Instances, indices: Sequence[int]) -> Plan:
    """As many instances as fill the cores."""
    server = spec.load.scenario == "Server"
    # Each device does one thing at a time; more instances are the user's choice. A slow core would make Server's tail.
    cores = instances.topology.counts[:1] if server else instances.topology.counts
    threads, count = _fill((instances.opener.devices,) if instances.info.accelerator else cores, spec.backend)
    if instances.opener.lives_on:
        count = _one_that_remembers(instances, spec.backend)
    placement = instances.place(threads, count)
    first = instances.sut(threads, placement.of(0))
    with on(placement.of(0)):
        alone = (timing.one_answer if spec.load.mode == "accuracy" else timing.service_time)(
            first.answer, indices, tick=instances.control.tick
        )
        batch = choose_batch(spec, instances, first, indices, alone)
    chosen = choose_workers(spec, instances, batch.sut, threads, count, indices, alone)
    bound_ns, target_qps = pool_load(spec, chosen, alone, batch)
    return Plan(
        team=chosen.pool,
        threads=threads,
        expected_latency_ns=alone.expected_latency_ns,
        target_qps=target_qps,
        server_target_latency_ns=bound_ns,
        calibration=calibration_of(spec, chosen, alone, batch),
    )


def pool_load(spec: Spec, chosen: ChosenWorkers, alone: timing.ServiceTime, batch: Batch) -> tuple[int | None, float]:
    """What a pool is asked for: Server's bound on the latency in ns, None for none, and queries or samples per second."""
    server, count = spec.load.scenario == "Server", chosen.pool.count
    bound = spec.load.server_target_latency_ns
    if server and bound is None:
        bound = _SERVER_BOUND_SERVICE_TIMES * chosen.speed.answer_ns
    per_second = chosen.speed.samples_per_second
    # LoadGen generates Offline's samples beforehand from this: too many only take longer, too few are INVALID.
    undisturbed = count * 1e9 / alone.expected_latency_ns / batch.time_share
    peak = _peak_of(spec, count, chosen.speed.busy_ns, bound or 0)
    room = _SHORT if spec.load.min_duration_ms < _SHORT_MS else 1
    expected_qps = (peak or server_load(per_second, count)) if server else room * max(per_second / 0.9, undisturbed)
    return bound, spec.load.target_qps or expected_qps


def calibration_of(spec: Spec, chosen: ChosenWorkers, alone: timing.ServiceTime, batch: Batch) -> Calibration:
    """What was measured of a pool."""
    bound_from: Literal["config", "measured"] = "measured" if spec.load.server_target_latency_ns is None else "config"
    measured = bool(chosen.rates)
    return Calibration(
        service_time_ns=chosen.speed.busy_ns,
        runs=alone.runs,
        service_time_alone_ns=alone.median_ns,
        answer_time_ns=chosen.speed.answer_ns if measured else None,
        samples_per_second=chosen.speed.samples_per_second if measured else None,
        samples_per_second_by_workers=chosen.rates if measured else None,
        workers_from=chosen.why,
        server_bound_from=bound_from if spec.load.scenario == "Server" else None,
        batch=batch.choice,
    )


def _peak_of(spec: Spec, count: int, busy_ns: int, bound_ns: int) -> float:
    """Queries per second that queueing lets hope for within the bound; 0 where that is not asked for, or there are none."""
    if spec.load.server_load == "half":
        return 0.0
    return queueing.peak_rate(count, (busy_ns + _HANDED_OVER_NS) * 1e-9, bound_ns * 1e-9, spec.load.target_percentile)


def _fill(cores: Sequence[int], asked: BackendSection) -> tuple[int, int]:
    """Threads of an instance and instances; what is left to us uses every core once, and none of two kinds together.

    Args:
        cores: How many there are of each kind.
        asked: What is not left to us.
    """
    match asked.threads, asked.instances:
        case "auto", "auto":
            return 1, sum(cores)
        case "auto", int(count):
            return most_threads(cores, count), count
        case int(threads), "auto":
            return threads, most_instances(cores, threads)
        case threads, count:
            return int(threads), int(count)


def _one_that_remembers(instances: Instances, asked: BackendSection) -> int:
    """Instances of a model whose state lives on: several would each remember something else.

    Raises:
        ConfigError: The config wants more.
    """
    if asked.instances not in ("auto", 1):
        raise ConfigError(
            f"model.state is keep, and the model keeps {instances.opener.file.keeps}: backend.instances is "
            f"{asked.instances}, of which each would remember other queries. Use one instance, or --state reset."
        )
    return 1


def server_load(samples_per_second: float, workers: int) -> float:
    """Queries per second that so many workers of this throughput together are asked for by default."""
    handed_over_s = _HANDED_OVER_NS * 1e-9
    # There is one LoadGen, however many workers.
    return _SERVER_LOAD * min(workers / (workers / samples_per_second + handed_over_s), 1 / handed_over_s)
