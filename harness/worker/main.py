"""The child process in which one LoadGen run happens: `python -P -m harness.worker.main EVENTS_FD CONTROL_FD PARENT_PID`.

Its current directory is the run's own, its output goes to run.log there. It tells the parent what happens as JSON lines on
a pipe; it never writes a result itself.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from backends.base import Array, BackendInfo, TimeShare
from harness.errors import failure_event
from harness.machine.child_process import awake_on_time, live_and_die_with
from harness.machine.control import Control, Phase
from harness.machine.memory import Look, own_bytes
from harness.machine.placement import on, pin
from harness.machine.state import State, read_state
from harness.model.coverage import judge_coverage, time_share
from harness.serving import loadgen
from harness.serving.dispatch.guard import Guard
from harness.serving.dispatch.inline import multi_stream, single_stream
from harness.serving.dispatch.pool import Pool
from harness.serving.dispatch.processes import ProcessPool
from harness.serving.dispatch.queue_times import QueueTimes, summary
from harness.serving.instances import Parts
from harness.serving.responder import Responder
from harness.serving.sample_room import room_for
from harness.serving.samples import SampleLibrary
from harness.spec.schema import Spec, read_spec
from harness.spec.task import open_task
from harness.worker.engine import choose_engine
from harness.worker.plan import Plan, plan_run
from harness.worker.queries import expected_queries, longest_pause_s, refuse_too_many_queries, settings_for
from harness.worker.warm_up import warm_up
from native import timed_path

_CALIBRATION_SAMPLES = 8
_SWITCH_INTERVAL_S = 0.005
"""After so long a thread that runs Python is asked to let another have the GIL. Workers give it up by themselves at every
invoke, so being asked sooner only costs switches: keyword spotting on a pool of threads, 12 rounds in turn, at 0.5, 0.1 and
0.02 ms had a Server p50 of 1.07, 1.15 and 1.13 times and an Offline rate of 0.98, 0.94 and 0.89 times that at 5 ms, and the
tail was the same."""

Tell = Callable[[dict[str, Any]], None]


def main() -> int:
    """Runs what spec.yaml in the current directory says."""
    events = os.fdopen(int(sys.argv[1]), "w", buffering=1, encoding="utf-8")
    control = Control(int(sys.argv[2]))
    live_and_die_with(int(sys.argv[3]))

    def tell(event: dict[str, Any]) -> None:
        events.write(json.dumps(event) + "\n")

    failures: list[BaseException] = []

    def fail(error: BaseException) -> None:
        # At once, and once: where LoadGen takes too long to its end, this process is killed before that.
        if error not in failures:
            failures.append(error)
            traceback.print_exception(error)
            tell(failure_event(error))

    try:
        done = run(read_spec(Path.cwd()), Path.cwd(), control, tell, fail)
        tell({"event": "done", **done})
    except BaseException as error:
        fail(error)
        return 1
    return 0


def run(
    spec: Spec, folder: Path, control: Control, tell: Tell, fail: Callable[[BaseException], None]
) -> dict[str, Any]:
    """Opens the parts, calibrates, lets LoadGen drive.

    Returns:
        What the parent cannot know: what ran, the settings in force, the machine before and after.
    """
    task = open_task(spec.task, spec.options, spec.dataset)
    before = own_bytes()
    parts = Parts(spec, task, control)
    _tell_facts(tell, parts.facts())
    warnings = judge_coverage(parts.info, spec.backend.require_full)
    room = room_for(spec.load, len(task), parts.first.inputs)
    room.judge(spec.load)
    with _calibration_samples(parts, room.count) as indices:
        tell_facts = partial(_tell_facts, tell)
        began = time.monotonic()
        parts.prove(indices, tell_facts)
        proven = time.monotonic()
        control.enter(Phase.CALIBRATING)
        with on(parts.place(1, 1).of(0)):
            engines = choose_engine(parts, indices, tell_facts)
        plan = plan_run(spec, parts, indices)
        timing = {"parity_s": proven - began, "calibration_s": time.monotonic() - proven, "first_query_at": 0.0}
        warmed = warm_up(spec, parts, plan, indices)
        # Copied for after the run, when the samples are gone: a row that is mapped would hold them all.
        profiled = [array.copy() for array in parts.samples.rows[indices[0]]]
    machine: dict[str, State] = {}
    info = plan.suts[0].backend.info()
    room = room.halved() if plan.workers == "processes" else room
    warnings += room.judge(spec.load)
    settings = settings_for(spec, len(task), room.count, plan)
    refuse_too_many_queries(settings)
    guard = Guard(control, fail)
    words, slot = control.slot(0)
    caches = _mapped_caches(spec)
    everywhere = sorted(parts.topology.cpus) if plan.placement.instances else ()

    def look(stage: str) -> None:
        told = Look(stage, plan.owners(before), str(parts.model), caches, parts.samples.own_bytes)
        control.wait_for_look(lambda: tell(told.event()))

    look_at_machine = partial(read_state, parts.topology.cpus, [*plan.pids(), os.getppid()])

    def load(indices: Sequence[int]) -> None:
        control.enter(Phase.PREPARING, len(set(indices)))
        with on(everywhere):
            dispatch.load(indices)
        if not timing["first_query_at"]:
            look("loaded")
        if plan.workers == "inline":
            # LoadGen's thread, which answers; those that it has made by now stay where they are.
            pin(plan.placement.of(0))
        control.enter(Phase.RUNNING, expected_queries(settings), longest_pause_s(settings))
        machine.setdefault("before", look_at_machine())
        timing["first_query_at"] = timing["first_query_at"] or time.time()

    def count_sample() -> None:
        words[slot] += 1

    parts.samples.on_sample = count_sample
    server = spec.load.scenario == "Server"
    each = expected_queries(settings) // plan.instances
    times = [QueueTimes(each) for _ in range(plan.instances)] if server else []
    with (
        on(plan.placement.harness or everywhere),
        _dispatcher(spec, plan, parts, guard, control, times) as dispatch,
        _undisturbed(),
    ):
        in_force = loadgen.drive(
            settings,
            model=spec.benchmark,
            issue=dispatch.issue,
            load=guard.wrap(load),
            unload=guard.wrap(dispatch.unload),
            folder=folder,
        )
        machine["after"] = look_at_machine()
    control.enter(Phase.WRITING)
    # What is done afterwards is no part of the run.
    look("ended")
    if guard.failure is not None:
        raise guard.failure
    measured = _afterwards(plan, info, profiled, stopped=bool(control.stop))
    plan.close()
    return {
        "backend": asdict(info) | measured,
        "workers": plan.workers,
        "native": timed_path is not None,
        "threads": plan.threads,
        "instances": plan.instances,
        "batch": plan.batch,
        "placement": plan.placement.plain(),
        "calibration": engines | plan.found | timing | {"warm_up": asdict(warmed) if warmed else None},
        "machine": machine,
        "loadgen": in_force,
        "queue_times": summary(times) if server else None,
        "performance_sample_count": settings.performance_sample_count,
        "data": dict(task.describe_data()),
        "sample_memory": {"sample_limit_bytes": room.limit_bytes, "sample_limit_from": room.limit_from},
        "stopped": control.stop,
        "warnings": [*warnings, *parts.warnings, *_not_kept(parts.samples)],
    }


def _not_kept(samples: SampleLibrary) -> list[str]:
    why = samples.why_not_kept
    return [f"prepared samples are not kept, the next run prepares them once more: {why}"] if why else []


def _mapped_caches(spec: Spec) -> dict[str, str]:
    """Where the files lie that the run maps."""
    weights = spec.backend.options.get("weight_cache")
    return {
        "samples": str(spec.cache_dir / "samples"),
        "weights": weights if isinstance(weights, str) else str(spec.cache_dir / "weights"),
    }


def _afterwards(plan: Plan, info: BackendInfo, inputs: Sequence[Array], *, stopped: bool) -> dict[str, Any]:
    """What is asked of the backend when nothing is timed any more."""
    devices = [sut.backend.info().device.get("device") for sut in plan.suts]
    devices += [peer.device for peer in plan.peers or ()]
    # Who stopped the run waits for its end.
    unknown = TimeShare(None, "the run was stopped")
    service_ns = plan.found["service_time_ns"]
    share = unknown if stopped else time_share(plan.suts[0].backend, info, inputs, service_ns)
    return {
        "devices": list(dict.fromkeys(filter(None, devices))),
        "cpu_ops_time_share": share.cpu,
        "cpu_ops_time_unknown": share.why,
    }


def _tell_facts(tell: Tell, facts: Mapping[str, Any]) -> None:
    tell({"event": "facts", "facts": dict(facts)})


@contextlib.contextmanager
def _calibration_samples(parts: Parts, at_once: int) -> Iterator[Sequence[int]]:
    """A few samples, loaded."""
    indices = list(range(min(_CALIBRATION_SAMPLES, at_once)))
    parts.samples.load(indices)
    try:
        yield indices
    finally:
        parts.samples.unload(indices)


@dataclass(frozen=True, slots=True)
class _Dispatch:
    """What LoadGen calls."""

    issue: loadgen.Issue
    load: Callable[[Sequence[int]], None]
    unload: Callable[[Sequence[int]], None]


@contextlib.contextmanager
def _dispatcher(
    spec: Spec, plan: Plan, parts: Parts, guard: Guard, control: Control, times: Sequence[QueueTimes]
) -> Iterator[_Dispatch]:
    samples = parts.samples
    match plan.workers:
        case "threads":
            threads = Pool(plan.suts, guard, control, chunk=plan.chunk, times=times, placement=plan.placement)
            yield _Dispatch(threads.issue, samples.load, samples.unload)
            threads.close()
        case "processes":
            yield from _processes(plan, samples, guard, control, times)
        case _ if spec.load.scenario == "SingleStream":
            yield _Dispatch(single_stream(plan.suts[0], guard, control), samples.load, samples.unload)
        case _:
            issue = multi_stream(plan.suts[0], guard, control, spec.load.samples_per_query)
            yield _Dispatch(issue, samples.load, samples.unload)


def _processes(
    plan: Plan, samples: SampleLibrary, guard: Guard, control: Control, times: Sequence[QueueTimes]
) -> Iterator[_Dispatch]:
    pool = ProcessPool(
        plan.peers or (),
        guard,
        control,
        chunk=plan.chunk,
        completer=Responder,
        abandon=guard.abandon,
        times=times,
        batch=plan.batch,
    )

    def load(indices: Sequence[int]) -> None:
        samples.load(indices)
        pool.load(samples.rows, indices, plan.suts[0].backend.inputs)
        # The peers have them now.
        samples.unload(indices)

    yield _Dispatch(pool.issue, load, lambda _: pool.unload())
    pool.close()


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """No garbage collection while queries are timed, a timer that wakes LoadGen on time, and the GIL's turns as they suit."""
    gc.collect()
    gc.freeze()
    gc.disable()
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    try:
        # Server sleeps until each query is due.
        with awake_on_time():
            yield
    finally:
        sys.setswitchinterval(interval_s)
        gc.enable()
        gc.unfreeze()


if __name__ == "__main__":
    sys.exit(main())
