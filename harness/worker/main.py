"""The child process in which one LoadGen run happens.

`python -P -m harness.worker.main EVENTS_FD CONTROL_FD LETTER_FD PARENT_PID` is that process.

Its current directory is the run's own, its output goes to run.log there. It tells the parent what happens by the messages of
`harness.messages.worker` on a pipe; it never writes a result itself.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from accuracy.outside.opening import heard_by
from backends.base import Array, BackendInfo, BackendUnavailable, ModelRejected, TimeShare
from backends.litert.file.opened_file import hold
from harness.errors import EXIT_BROKEN, Reported, RunFailed, exit_status
from harness.machine.child_process import leave, live_and_die_with
from harness.machine.control import Control, Phase
from harness.machine.json_line import decode, encode
from harness.machine.memory import own_bytes
from harness.machine.placement import on
from harness.machine.watched.held_files import HeldFiles
from harness.messages.calibration import Calibration
from harness.messages.failure import failed
from harness.messages.worker import Done, FromWorker, ToOpen
from harness.model.contents.coverage import judge_coverage, time_share
from harness.model.drawn_inputs import fed_nothing
from harness.model.input_shapes import unused_size
from harness.results.read_data import ReadItem, files_now
from harness.serving import loadgen
from harness.serving.dispatch.guard import Guard
from harness.serving.instances import Instances
from harness.serving.proof import can_be_proven_again, prove, prove_again
from harness.serving.sample_room import Room, room_for
from harness.serving.samples import SampleLibrary
from harness.spec.schema import Spec, read_spec
from harness.spec.task import open_task
from harness.worker.drive import Driven, drive
from harness.worker.engine import choose_engine
from harness.worker.left import changed_under_it, data_read, keep_query_times, keep_read_data, refuse_changed
from harness.worker.plan import Plan, plan_run
from harness.worker.queries import longest_pause_s, refuse_too_many_queries, settings_for
from harness.worker.timing import NOT_TIMED
from harness.worker.warm_up import warm_up
from native import timed_path
from tasks.base import Task

_CALIBRATION_SAMPLES = 8
_PROOF_SAMPLES = 2
"""Enough where nothing is timed and the plain CPU answers: one, another, and the first again."""
_SLOW_NS = 2_000_000_000
"""An answer that takes so long is not asked for twice where once tells."""
Tell = Callable[[FromWorker], None]
Fail = Callable[[BaseException], None]


def main() -> int:
    """Runs what spec.yaml in the current directory says."""
    pipe, page, letter, parent = map(int, sys.argv[1:])
    events = os.fdopen(pipe, "w", buffering=1, encoding="utf-8")
    control = Control(page)
    live_and_die_with(parent)

    def tell(message: FromWorker) -> None:
        events.write(encode(message) + "\n")

    failures: list[BaseException] = []

    def fail(error: BaseException) -> None:
        # At once, and once: where LoadGen takes too long to its end, this process is killed before that.
        if error not in failures:
            failures.append(error)
            said = _refused_in_words(error)
            traceback.print_exception(error)
            tell(replace(failed(error), log_says_more=said))

    try:
        with os.fdopen(letter, "rb") as told:
            hold(decode(told.read(), ToOpen).files)
        tell(run(read_spec(Path.cwd()), Path.cwd(), control, tell, fail))
    except BaseException as error:
        fail(error)
        return 1
    return 0


def _refused_in_words(error: BaseException) -> bool:
    """Whether a runtime or driver that refused has written to run.log, in which nothing of ours stands yet."""
    if not isinstance(error, BackendUnavailable | ModelRejected | Reported):
        return False
    sys.stdout.flush()
    return os.fstat(sys.stderr.fileno()).st_size > 0


def run(spec: Spec, folder: Path, control: Control, tell: Tell, fail: Fail) -> Done:
    """Opens the model, calibrates, lets LoadGen drive, and says what came of it.

    Args:
        spec: The run.
        folder: Its directory, the current one.
        control: The page shared with the parent.
        tell: Sends the parent a message.
        fail: Tells the parent of an error at once, while LoadGen still has to be brought to its end.
    """
    held = HeldFiles()
    try:
        with heard_by(held.note_opened):
            return _run(spec, folder, control, tell, fail, held)
    except Exception as error:
        if exit_status(error) != EXIT_BROKEN and (changes := held.changes()):
            raise changed_under_it(changes, error) from error
        raise


def _run(spec: Spec, folder: Path, control: Control, tell: Tell, fail: Fail, held: HeldFiles) -> Done:
    opened = _open(spec, control, tell, held)
    calibrated = _calibrate(spec, opened, tell)
    team, settings = calibrated.plan.team, calibrated.settings
    # LoadGen looks for a file here that would override everything, and a backend's library may have gone elsewhere.
    os.chdir(folder)
    try:
        pause_s = longest_pause_s(settings, calibrated.plan.calibration.service_time_ns)
        guard = Guard(control, fail)
        driven = drive(spec, folder, opened.instances, opened.own_bytes, team, settings, pause_s, tell, guard)
        _prove_again(spec, opened, calibrated)
        data = data_read(opened.task, opened.instances.samples.digests, opened.files)
        if not control.stop:
            # Who stopped the run waits for its end.
            try:
                refuse_changed(opened.held, data, opened.task, control.tick)
            except RunFailed:
                opened.instances.samples.discard_kept()
                raise
        not_kept = (*keep_read_data(folder, data), *keep_query_times(folder, driven.query_times))
    except BaseException:
        team.leave_nothing()
        raise
    return _done(opened, calibrated, driven, not_kept)


def _prove_again(spec: Spec, opened: _Opened, calibrated: _Calibrated) -> None:
    """After a run that was timed, by its own instance, or the first of them; who stopped the run waits for its end."""
    instances, team = opened.instances, calibrated.plan.team
    if spec.load.mode == "accuracy" or instances.control.stop or not can_be_proven_again(instances):
        return
    slow = calibrated.plan.calibration.service_time_ns > _SLOW_NS
    with _calibration_samples(instances, min(opened.room.count, 1 if slow else _PROOF_SAMPLES)) as indices:
        prove_again(instances, team.first.backend, indices)


@dataclass(frozen=True, slots=True)
class _Opened:
    """The task and the model, before anything is asked."""

    task: Task
    instances: Instances
    files: tuple[ReadItem, ...]
    """What the task has read as a whole."""
    held: HeldFiles
    """The same, and the copy of the model that is loaded where it is one, to be held against what is there at the end."""
    room: Room
    """For samples in memory."""
    own_bytes: int
    """This process's memory before the model was opened."""
    warnings: tuple[str, ...]


def _open(spec: Spec, control: Control, tell: Tell, held: HeldFiles) -> _Opened:
    task = open_task(spec.task, spec.options, spec.dataset)
    for path in task.files():
        held.note_read(path)
    files = files_now(task)
    before = own_bytes()
    instances = Instances(spec, task, control)
    if instances.copy is not None:
        held.note_bytes(instances.copy)
    tell(instances.opened())
    warnings = judge_coverage(instances.info, spec.backend.require_full)
    room = room_for(spec.load, len(task), instances.first.inputs)
    room.judge(spec.load)
    inputs = instances.first.inputs
    said = [*fed_nothing((each.name, each.shape) for each in inputs), *unused_size(inputs, spec.model.invocation)]
    return _Opened(task, instances, files, held, room, before, (*warnings, *said))


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
    instances, room = opened.instances, opened.room
    with _calibration_samples(instances, min(room.count, _calibration_samples_needed(instances))) as indices:
        began = time.monotonic()
        prove(instances, indices, tell)
        proven = time.monotonic()
        instances.control.enter(Phase.CALIBRATING)
        with on(instances.place(1, 1).of(0)):
            engines = choose_engine(instances, indices, tell)
        plan = _plan(spec, instances, indices)
        planned = time.monotonic()
        warmed = warm_up(spec, instances, plan, indices)
        profiled = [array.copy() for array in instances.samples.rows[indices[0]]]
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


def _plan(spec: Spec, instances: Instances, indices: Sequence[int]) -> Plan:
    if not spec.dispatch.on_cluster:
        return plan_run(spec, instances, indices)
    from harness.worker.cluster_plan import plan_cluster

    return plan_cluster(spec, instances, indices)


def _done(opened: _Opened, calibrated: _Calibrated, driven: Driven, not_kept: Sequence[str]) -> Done:
    """What is known of the run; asks the backend what could not be asked while anything was timed, and lets it go."""
    instances, plan, room = opened.instances, calibrated.plan, calibrated.room
    team = plan.team
    done = Done(
        backend=calibrated.info,
        devices=tuple(team.devices()),
        cpu_ops_time=_cpu_ops_time(calibrated, instances),
        workers=team.kind.name,
        native=timed_path is not None,
        threads=plan.threads,
        instances=team.count,
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
        cluster=team.cluster_run(),
        warnings=(
            *opened.warnings,
            *opened.task.warnings(),
            *calibrated.warnings,
            *instances.warnings,
            *team.warnings(),
            *_not_kept(instances.samples),
            *not_kept,
        ),
    )
    team.close()
    return done


def _cpu_ops_time(calibrated: _Calibrated, instances: Instances) -> TimeShare:
    if instances.spec.load.mode == "accuracy":
        return TimeShare(None, NOT_TIMED)
    if instances.control.stop:
        # Who stopped the run waits for its end.
        return TimeShare(None, "the run was stopped")
    plan = calibrated.plan
    service_ns = plan.calibration.service_time_ns
    return time_share(plan.team.first.backend, calibrated.info, calibrated.profiled, service_ns)


def _not_kept(samples: SampleLibrary) -> list[str]:
    why = samples.why_not_kept
    return [f"prepared samples are not kept, the next run prepares them once more: {why}"] if why else []


def _calibration_samples_needed(instances: Instances) -> int:
    """What is timed, or held against the CPU, is asked more of them."""
    plain = instances.spec.backend.is_plain_cpu and not instances.opener.file.completed
    return _PROOF_SAMPLES if plain and instances.spec.load.mode == "accuracy" else _CALIBRATION_SAMPLES


@contextlib.contextmanager
def _calibration_samples(instances: Instances, at_once: int) -> Iterator[Sequence[int]]:
    """A few samples, loaded."""
    indices = list(range(at_once))
    instances.samples.load(indices)
    try:
        yield indices
    finally:
        instances.samples.unload(indices)


if __name__ == "__main__":
    leave(main())
