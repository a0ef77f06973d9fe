"""The child process in which one LoadGen run happens: `python -P -m harness.worker EVENTS_FD CONTROL_FD PARENT_PID`.

Its current directory is the run's own, its output goes to run.log there. It tells the parent what happens as JSON lines on
a pipe; it never writes a result itself.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import gc
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from backends.base import Array, BackendInfo, TimeShare
from harness import calibration, loadgen
from harness.backend_section import BackendSection
from harness.control import Control, Phase
from harness.dispatch.guard import Guard
from harness.dispatch.inline import multi_stream, single_stream
from harness.dispatch.pool import Pool
from harness.errors import ConfigError, exit_status
from harness.parts import Parts, judge_coverage, time_share
from harness.registry import open_task
from harness.rules import STREAMS
from harness.spec import Spec, read_spec
from harness.sut import SystemUnderTest
from harness.system import available_memory_bytes, usable_cpus

_PR_SET_PDEATHSIG, _PR_SET_TIMERSLACK = 1, 29
_CALIBRATION_SAMPLES = 8
_OFFLINE_CHUNK_NS = 2_000_000
_MAX_CHUNK = 64
_CLEARLY = 0.95
"""More threads are used only where they are clearly quicker: a thread that waits costs the rest of the machine."""

Tell = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What the calibration decided."""

    threads: int
    suts: tuple[SystemUnderTest, ...]
    expected_latency_ns: int
    """Of one query."""
    target_qps: float
    server_target_latency_ns: int | None
    chunk: int
    found: dict[str, Any]
    """What was measured, for the result."""


def main() -> int:
    """Runs what spec.yaml in the current directory says."""
    events = os.fdopen(int(sys.argv[1]), "w", buffering=1, encoding="utf-8")
    control = Control(int(sys.argv[2]))
    _live_and_die_with_the_parent(int(sys.argv[3]))

    def tell(event: dict[str, Any]) -> None:
        events.write(json.dumps(event) + "\n")

    try:
        done = run(read_spec(Path.cwd()), Path.cwd(), control, tell)
        tell({"event": "done", **done})
    except BaseException as error:
        traceback.print_exc()
        tell(_failure(error))
        return 1
    return 0


def run(spec: Spec, folder: Path, control: Control, tell: Tell) -> dict[str, Any]:
    """Opens the parts, calibrates, lets LoadGen drive.

    Returns:
        What the parent cannot know: what ran, the settings in force, the memory taken.
    """
    task = open_task(spec.task, spec.options, spec.dataset)
    parts = Parts(spec, task, control)
    tell({"event": "facts", "facts": parts.facts()})
    warnings = judge_coverage(parts.info, spec.backend.require_full)
    with _calibration_samples(parts) as indices:
        parts.prove(indices, lambda facts: tell({"event": "facts", "facts": facts}))
        control.enter(Phase.CALIBRATING)
        began = time.monotonic()
        plan = (_plan_streams if spec.load.scenario in STREAMS else _plan_pool)(spec, parts, indices)
        # Kept for after the run, when the samples are gone.
        profiled = parts.samples.rows[indices[0]]
    timing = {"calibration_s": time.monotonic() - began, "first_query_at": 0.0}
    info = plan.suts[0].backend.info()
    settings = _settings(spec, len(task), plan)
    _refuse_too_many_queries(settings)
    guard = Guard(control, lambda error: tell(_failure(error)))
    words, slot = control.slot(0)

    def load(indices: Sequence[int]) -> None:
        control.enter(Phase.PREPARING, len(set(indices)))
        parts.samples.load(indices)
        control.enter(Phase.RUNNING, _expected_queries(settings), _longest_pause_s(settings))
        timing["first_query_at"] = timing["first_query_at"] or time.time()

    def count_sample() -> None:
        words[slot] += 1

    parts.samples.on_sample = count_sample
    with _dispatcher(spec, plan, guard, control) as issue, _undisturbed():
        in_force = loadgen.drive(
            settings,
            model=spec.benchmark,
            issue=issue,
            load=guard.wrap(load),
            unload=guard.wrap(parts.samples.unload),
            folder=folder,
        )
    control.enter(Phase.WRITING)
    if guard.failure is not None:
        raise guard.failure
    measured = _afterwards(plan, info, profiled, stopped=bool(control.stop))
    for sut in plan.suts:
        sut.backend.close()
    return {
        "backend": asdict(info) | measured,
        "threads": plan.threads,
        "instances": len(plan.suts),
        "calibration": plan.found | timing,
        "loadgen": in_force,
        "performance_sample_count": settings.performance_sample_count,
        "data": dict(task.describe_data()),
        "peak_rss_bytes": _peak_rss_bytes(),
        "stopped": control.stop,
        "warnings": [*warnings, *parts.warnings],
    }


def _afterwards(plan: Plan, info: BackendInfo, inputs: Sequence[Array], *, stopped: bool) -> dict[str, Any]:
    """What is asked of the backend when nothing is timed any more."""
    devices = [sut.backend.info().device.get("device") for sut in plan.suts]
    # Who stopped the run waits for its end.
    unknown = TimeShare(None, "the run was stopped")
    service_ns = plan.found["service_time_ns"]
    share = unknown if stopped else time_share(plan.suts[0].backend, info, inputs, service_ns)
    return {
        "devices": list(dict.fromkeys(filter(None, devices))),
        "cpu_ops_time_share": share.cpu,
        "cpu_ops_time_unknown": share.why,
    }


def _failure(error: BaseException) -> dict[str, Any]:
    return {"event": "failed", "status": exit_status(error), "message": str(error), "type": type(error).__name__}


@contextlib.contextmanager
def _calibration_samples(parts: Parts) -> Iterator[Sequence[int]]:
    """A few samples, loaded."""
    indices = list(range(min(_CALIBRATION_SAMPLES, len(parts.task))))
    parts.samples.load(indices)
    try:
        yield indices
    finally:
        parts.samples.unload(indices)


def _plan_streams(spec: Spec, parts: Parts, indices: Sequence[int]) -> Plan:
    """One instance; the number of threads that is quickest, since more can be slower."""
    if spec.backend.instances not in ("auto", 1):
        raise ConfigError(
            f"{spec.load.scenario} has one query in flight, so one instance: {spec.backend.instances} cannot be used"
        )
    wanted = spec.backend.threads
    auto = [1] if parts.info.accelerator else [1, *_powers_of_two(usable_cpus())]
    candidates = auto if wanted == "auto" else [wanted]
    best: tuple[calibration.ServiceTime, int, SystemUnderTest] | None = None
    tried = {}
    for threads in candidates:
        sut = parts.sut(threads)
        time_ns = calibration.service_time(sut.answer, indices)
        tried[threads] = time_ns.median_ns
        if best is None or time_ns.median_ns < _CLEARLY * best[0].median_ns:
            best = (time_ns, threads, sut)
    if best is None:
        raise ConfigError("no number of threads to try")
    service, threads, sut = best
    expected = service.expected_latency_ns * spec.load.samples_per_query
    found = {"service_time_ns": service.median_ns, "median_ns_by_threads": tried, "runs": service.runs}
    return Plan(threads, (sut,), spec.load.expected_latency_ns or expected, 0.0, None, 1, found)


def _plan_pool(spec: Spec, parts: Parts, indices: Sequence[int]) -> Plan:
    """As many instances as fill the cores."""
    # Each device does one thing at a time; more instances are the user's choice.
    threads, instances = _fill(parts.devices if parts.info.accelerator else usable_cpus(), spec.backend)
    suts = tuple(parts.sut(threads) for _ in range(instances))
    alone = calibration.service_time(suts[0].answer, indices)
    per_second, busy_ns = calibration.throughput([sut.answer for sut in suts], indices)
    server = spec.load.scenario == "Server"
    if server:
        per_second = min(per_second, calibration.queued_throughput([sut.answer for sut in suts], indices, per_second))
        # A query occupies its worker for so long, the handing over included.
        busy_ns = max(busy_ns, int(instances * 1e9 / per_second))
    bound = spec.load.server_target_latency_ns
    if server and bound is None:
        bound = calibration.SERVER_BOUND_SERVICE_TIMES * busy_ns
    expected_qps = calibration.server_load(per_second) if server else per_second / 0.9
    chunk = 1 if server else max(1, min(_MAX_CHUNK, _OFFLINE_CHUNK_NS // max(1, busy_ns)))
    found: dict[str, Any] = {
        "service_time_ns": busy_ns,
        "service_time_alone_ns": alone.median_ns,
        "samples_per_second": per_second,
        "runs": alone.runs,
    }
    if server:
        found["server_bound_from"] = "measured" if spec.load.server_target_latency_ns is None else "config"
    return Plan(threads, suts, alone.expected_latency_ns, spec.load.target_qps or expected_qps, bound, chunk, found)


def _fill(cpus: int, asked: BackendSection) -> tuple[int, int]:
    """Threads of an instance and instances; what is left to us uses every core once."""
    match asked.threads, asked.instances:
        case "auto", "auto":
            return 1, cpus
        case "auto", int(instances):
            return max(1, cpus // instances), instances
        case int(threads), "auto":
            return threads, max(1, cpus // threads)
        case threads, instances:
            return int(threads), int(instances)


def _powers_of_two(limit: int) -> list[int]:
    counts = [2**power for power in range(1, limit.bit_length()) if 2**power <= limit]
    return counts if not counts or counts[-1] == limit else [*counts, limit]


def _settings(spec: Spec, total: int, plan: Plan) -> loadgen.Settings:
    load = spec.load
    return loadgen.Settings(
        scenario=load.scenario,
        accuracy=load.mode == "accuracy",
        performance_sample_count=min(load.performance_sample_count, total),
        total_sample_count=total,
        min_query_count=load.min_query_count,
        min_duration_ms=load.min_duration_ms,
        max_duration_ms=load.max_duration_ms,
        target_percentile=load.target_percentile,
        samples_per_query=load.samples_per_query,
        expected_latency_ns=plan.expected_latency_ns,
        target_qps=plan.target_qps,
        server_target_latency_ns=plan.server_target_latency_ns,
        seeds=load.seeds,
        enable_trace=load.enable_trace,
    )


def _longest_pause_s(settings: loadgen.Settings) -> float:
    """Server waits for queries that come at random: one pause of 20 times the mean comes in e^20 queries."""
    return 20 / settings.target_qps if settings.scenario == "Server" and settings.target_qps else 0.0


def _expected_queries(settings: loadgen.Settings) -> int:
    """How many queries (Offline: samples) the progress bar counts up to."""
    if settings.accuracy:
        return settings.total_sample_count
    seconds = settings.min_duration_ms / 1000
    match settings.scenario:
        case "Server":
            return max(settings.min_query_count, int(seconds * settings.target_qps))
        case "Offline":
            return max(settings.min_query_count, int(1.1 * seconds * settings.target_qps))
        case _:
            return settings.min_query_count


def _refuse_too_many_queries(settings: loadgen.Settings) -> None:
    """LoadGen generates its queries beforehand; millions of them can be more than there is memory."""
    if settings.accuracy:
        return
    queries = _expected_queries(settings)
    if settings.scenario in STREAMS:
        queries = max(queries, 2 * settings.min_duration_ms * 1_000_000 // settings.expected_latency_ns)
    needed, available = queries * calibration.loadgen_bytes(settings.scenario), available_memory_bytes()
    if available is not None and needed > available // 2:
        raise ConfigError(
            f"LoadGen would generate {queries:,} {'samples' if settings.scenario == 'Offline' else 'queries'} beforehand "
            f"and need {needed / 1e9:.1f} GB, more than half of the {available / 1e9:.1f} GB available. Use --preset quick, "
            "or ask for less: --set load.min_duration_ms=..., load.min_query_count=..."
        )


@contextlib.contextmanager
def _dispatcher(spec: Spec, plan: Plan, guard: Guard, control: Control) -> Iterator[loadgen.Issue]:
    match spec.load.scenario:
        case "SingleStream":
            yield single_stream(plan.suts[0], guard, control)
        case "MultiStream":
            yield multi_stream(plan.suts[0], guard, control, spec.load.samples_per_query)
        case _:
            pool = Pool(plan.suts, guard, control, chunk=plan.chunk)
            yield pool.issue
            pool.close()


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """No garbage collection while queries are timed, and a timer that wakes LoadGen on time."""
    gc.collect()
    gc.freeze()
    gc.disable()
    # Server sleeps until each query is due; the default slack of 50 us would be part of every latency.
    _prctl(_PR_SET_TIMERSLACK, 1)
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def _live_and_die_with_the_parent(parent: int) -> None:
    """The parent passes signals on through the control page; if it is killed, this process goes too."""
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit("the parent was gone before its death could be heard of")


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _peak_rss_bytes() -> int | None:
    """The high-water mark of this process's own memory; `ru_maxrss` would count the parent's from before the exec."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), None)


if __name__ == "__main__":
    sys.exit(main())
