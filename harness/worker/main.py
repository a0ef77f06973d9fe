"""The child process in which one LoadGen run happens: `python -P -m harness.worker.main EVENTS_FD CONTROL_FD PARENT_PID`.

Its current directory is the run's own, its output goes to run.log there. It tells the parent what happens by the messages of
`harness.messages.worker` on a pipe; it never writes a result itself.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from backends.base import Array, BackendInfo, TimeShare
from harness.errors import RunFailed
from harness.machine.child_process import awake_on_time, live_and_die_with
from harness.machine.control import Control, Phase
from harness.machine.json_line import encode
from harness.machine.memory import Residents, own_bytes
from harness.machine.placement import on, pin
from harness.machine.state import State, read_state
from harness.messages.calibration import Calibration
from harness.messages.failure import failed
from harness.messages.worker import Done, FromWorker, QueueFigures
from harness.model.coverage import judge_coverage, time_share
from harness.serving import loadgen
from harness.serving.dispatch.guard import Guard
from harness.serving.dispatch.queue_times import QueueTimes, summary
from harness.serving.instances import Instances
from harness.serving.proof import prove
from harness.serving.sample_room import Room, room_for
from harness.serving.samples import SampleLibrary
from harness.spec.schema import Spec, read_spec
from harness.spec.task import open_task
from harness.worker.engine import choose_engine
from harness.worker.plan import Plan, plan_run
from harness.worker.queries import expected_queries, longest_pause_s, refuse_too_many_queries, settings_for
from harness.worker.teams.team import Team
from harness.worker.warm_up import warm_up
from native import timed_path
from tasks.base import Task

_CALIBRATION_SAMPLES = 8
_SWITCH_INTERVAL_S = 0.005
"""After so long a thread that runs Python is asked to let another have the GIL. Workers give it up by themselves at every
invoke, so being asked sooner only costs switches: keyword spotting on a pool of threads, 12 rounds in turn, at 0.5, 0.1 and
0.02 ms had a Server p50 of 1.07, 1.15 and 1.13 times and an Offline rate of 0.98, 0.94 and 0.89 times that at 5 ms, and the
tail was the same."""

Tell = Callable[[FromWorker], None]
Fail = Callable[[BaseException], None]


def main() -> int:
    """Runs what spec.yaml in the current directory says."""
    events = os.fdopen(int(sys.argv[1]), "w", buffering=1, encoding="utf-8")
    control = Control(int(sys.argv[2]))
    live_and_die_with(int(sys.argv[3]))

    def tell(message: FromWorker) -> None:
        events.write(encode(message) + "\n")

    failures: list[BaseException] = []

    def fail(error: BaseException) -> None:
        # At once, and once: where LoadGen takes too long to its end, this process is killed before that.
        if error not in failures:
            failures.append(error)
            traceback.print_exception(error)
            tell(failed(error))

    try:
        tell(run(read_spec(Path.cwd()), Path.cwd(), control, tell, fail))
    except BaseException as error:
        fail(error)
        return 1
    return 0


def run(spec: Spec, folder: Path, control: Control, tell: Tell, fail: Fail) -> Done:
    """Opens the model, calibrates, lets LoadGen drive, and says what came of it.

    Args:
        spec: The run.
        folder: Its directory, the current one.
        control: The page shared with the parent.
        tell: Sends the parent a message.
        fail: Tells the parent of an error at once, while LoadGen still has to be brought to its end.
    """
    opened = _open(spec, control, tell)
    calibrated = _calibrate(spec, opened, tell)
    driven = _drive(spec, folder, opened, calibrated, tell, Guard(control, fail))
    return _done(opened, calibrated, driven)


@dataclass(frozen=True, slots=True)
class _Opened:
    """The task and the model, before anything is asked."""

    task: Task
    parts: Instances
    room: Room
    """For samples in memory."""
    own_bytes: int
    """This process's memory before the model was opened."""
    warnings: tuple[str, ...]


def _open(spec: Spec, control: Control, tell: Tell) -> _Opened:
    task = open_task(spec.task, spec.options, spec.dataset)
    before = own_bytes()
    parts = Instances(spec, task, control)
    tell(parts.opened())
    warnings = judge_coverage(parts.info, spec.backend.require_full)
    room = room_for(spec.load, len(task), parts.first.inputs)
    room.judge(spec.load)
    return _Opened(task, parts, room, before, tuple(warnings))


@dataclass(frozen=True, slots=True)
class _Calibrated:
    """What was decided and measured before LoadGen asks."""

    plan: Plan
    info: BackendInfo
    """Of the instances that the plan has."""
    settings: loadgen.Settings
    room: Room
    calibration: Calibration
    """All but the first query's moment."""
    profiled: Sequence[Array]
    """One sample, copied for after the run, when the samples are gone: a row that is mapped would hold them all."""
    warnings: tuple[str, ...]


def _calibrate(spec: Spec, opened: _Opened, tell: Tell) -> _Calibrated:
    parts, room = opened.parts, opened.room
    with _calibration_samples(parts, room.count) as indices:
        began = time.monotonic()
        prove(parts, indices, tell)
        proven = time.monotonic()
        parts.control.enter(Phase.CALIBRATING)
        with on(parts.place(1, 1).of(0)):
            engines = choose_engine(parts, indices, tell)
        plan = plan_run(spec, parts, indices)
        planned = time.monotonic()
        warmed = warm_up(spec, parts, plan, indices)
        profiled = [array.copy() for array in parts.samples.rows[indices[0]]]
    room = room.halved() if plan.team.copies_samples else room
    warnings = room.judge(spec.load)
    settings = settings_for(spec, len(opened.task), room.count, plan)
    refuse_too_many_queries(settings)
    return _Calibrated(
        plan=plan,
        info=plan.team.first.backend.info(),
        settings=settings,
        room=room,
        calibration=replace(
            plan.calibration,
            engines=engines,
            warm_up=warmed,
            parity_s=proven - began,
            calibration_s=planned - proven,
        ),
        profiled=profiled,
        warnings=tuple(warnings),
    )


@dataclass(frozen=True, slots=True)
class _Driven:
    """What was seen while LoadGen drove, and just before and after."""

    loadgen: Mapping[str, str | int | float | bool]
    """The settings in force."""
    first_query_at: float
    before: State
    after: State
    queue_times: QueueFigures | None


def _drive(spec: Spec, folder: Path, opened: _Opened, calibrated: _Calibrated, tell: Tell, guard: Guard) -> _Driven:
    parts, team, settings = opened.parts, calibrated.plan.team, calibrated.settings
    watched = _Watched(spec, opened, team, tell)
    start = _Start(parts, team, settings, watched)
    parts.samples.on_sample = start.count_sample
    server = spec.load.scenario == "Server"
    each = expected_queries(settings) // team.instances
    times = [QueueTimes(each) for _ in range(team.instances)] if server else []
    with (
        on(team.placement.harness or start.everywhere),
        team.dispatch(guard, times) as dispatch,
        _undisturbed(),
    ):
        in_force = loadgen.drive(
            settings,
            model=spec.benchmark,
            issue=dispatch.issue,
            load=guard.wrap(partial(start.load, dispatch.load)),
            unload=guard.wrap(dispatch.unload),
            folder=folder,
        )
        after = watched.machine()
    parts.control.enter(Phase.WRITING)
    # What is done afterwards is no part of the run.
    watched.measure_memory("ended")
    if guard.failure is not None:
        raise guard.failure
    if start.before is None:
        raise RunFailed("LoadGen came to its end without loading a sample")
    return _Driven(in_force, start.first_query_at, start.before, after, summary(times) if server else None)


class _Watched:
    """The processes of the run, as they are measured before LoadGen asks and after."""

    def __init__(self, spec: Spec, opened: _Opened, team: Team, tell: Tell) -> None:
        self._parts, self._tell = opened.parts, tell
        self._owners = tuple(team.owners(opened.own_bytes))
        weights = spec.backend.options.get("weight_cache")
        self._samples = str(spec.cache_dir / "samples")
        self._weights = weights if isinstance(weights, str) else str(spec.cache_dir / "weights")
        self.machine = partial(read_state, opened.parts.topology.cpus, [*team.pids(), os.getppid()])
        """The machine's state."""

    def measure_memory(self, moment: Literal["loaded", "ended"]) -> None:
        """Holds still until the parent has measured the processes."""
        parts = self._parts
        residents = Residents(
            moment, self._owners, str(parts.opener.model), self._samples, self._weights, parts.samples.own_bytes
        )
        parts.control.hold_still(lambda: self._tell(residents))


class _Start:
    """LoadGen's wish for samples: the last thing before its first query."""

    def __init__(self, parts: Instances, team: Team, settings: loadgen.Settings, watched: _Watched) -> None:
        self._control, self._team, self._settings, self._watched = parts.control, team, settings, watched
        self._words, self._slot = parts.control.slot(0)
        self.everywhere = sorted(parts.topology.cpus) if team.placement.instances else ()
        """The CPUs of what is bound to none, where instances are."""
        self.before: State | None = None
        """The machine before the first query."""
        self.first_query_at = 0.0

    def count_sample(self) -> None:
        """One is loaded."""
        self._words[self._slot] += 1

    def load(self, load: Callable[[Sequence[int]], None], indices: Sequence[int]) -> None:
        """Loads samples, of which LoadGen wants several lots one after the other in an accuracy run."""
        control, settings = self._control, self._settings
        control.enter(Phase.PREPARING, len(set(indices)))
        with on(self.everywhere):
            load(indices)
        if self.before is None:
            self._watched.measure_memory("loaded")
        # This is LoadGen's thread; those that it has made by now stay where they are.
        pin(self._team.loadgen_cpus)
        control.enter(Phase.RUNNING, expected_queries(settings), longest_pause_s(settings))
        if self.before is None:
            self.before = self._watched.machine()
            self.first_query_at = time.time()


def _done(opened: _Opened, calibrated: _Calibrated, driven: _Driven) -> Done:
    """What is known of the run; asks the backend what could not be asked while anything was timed, and lets it go."""
    parts, plan, room = opened.parts, calibrated.plan, calibrated.room
    team = plan.team
    done = Done(
        backend=calibrated.info,
        devices=tuple(team.devices()),
        cpu_ops_time=_cpu_ops_time(calibrated, stopped=bool(parts.control.stop)),
        workers=team.kind.name,
        native=timed_path is not None,
        threads=plan.threads,
        instances=team.instances,
        batch=team.batch,
        placement=team.placement,
        calibration=replace(calibrated.calibration, first_query_at=driven.first_query_at),
        before=driven.before,
        after=driven.after,
        loadgen=driven.loadgen,
        performance_sample_count=calibrated.settings.performance_sample_count,
        queue_times=driven.queue_times,
        sample_count=len(opened.task),
        data=dict(opened.task.describe_data()),
        sample_limit_bytes=room.limit_bytes,
        sample_limit_from=room.limit_from,
        warnings=(*opened.warnings, *calibrated.warnings, *parts.warnings, *_not_kept(parts.samples)),
    )
    team.close()
    return done


def _cpu_ops_time(calibrated: _Calibrated, *, stopped: bool) -> TimeShare:
    if stopped:
        # Who stopped the run waits for its end.
        return TimeShare(None, "the run was stopped")
    plan = calibrated.plan
    service_ns = plan.calibration.service_time_ns
    return time_share(plan.team.first.backend, calibrated.info, calibrated.profiled, service_ns)


def _not_kept(samples: SampleLibrary) -> list[str]:
    why = samples.why_not_kept
    return [f"prepared samples are not kept, the next run prepares them once more: {why}"] if why else []


@contextlib.contextmanager
def _calibration_samples(parts: Instances, at_once: int) -> Iterator[Sequence[int]]:
    """A few samples, loaded."""
    indices = list(range(min(_CALIBRATION_SAMPLES, at_once)))
    parts.samples.load(indices)
    try:
        yield indices
    finally:
        parts.samples.unload(indices)


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
