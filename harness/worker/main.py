"""The child process in which one LoadGen run happens.

`python -P -m harness.worker.main EVENTS_FD CONTROL_FD LETTER_FD PARENT_PID` is that process.

Its current directory is the run's own, its output goes to run.log there. It tells the parent what happens by the messages of
`harness.messages.worker` on a pipe; it never writes a result itself.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from accuracy.outside.opening import heard_by
from backends.base import BackendUnavailable, ModelRejected, TimeShare
from backends.litert.file.opened_file import hold
from harness.errors import EXIT_BROKEN, Reported, RunFailed, exit_status
from harness.machine.child_process import leave, live_and_die_with
from harness.machine.control import Control
from harness.machine.json_line import decode, encode
from harness.machine.watched.held_files import HeldFiles
from harness.messages.failure import failed
from harness.messages.worker import Done, FromWorker, ToOpen
from harness.model.contents.coverage import time_share
from harness.serving.dispatch.guard import Guard
from harness.serving.instances import Instances
from harness.serving.proof import can_be_proven_again, prove_again
from harness.serving.samples import SampleLibrary
from harness.spec.schema import Spec, read_spec
from harness.worker.calibrated_run import (
    PROOF_SAMPLES,
    CalibratedRun,
    OpenedRun,
    Tell,
    calibrate,
    calibration_samples,
    open_run,
)
from harness.worker.drive import Driven, drive
from harness.worker.left import changed_under_it, data_read, keep_query_times, keep_read_data, refuse_changed
from harness.worker.queries import longest_pause_s
from harness.worker.timing import NOT_TIMED
from native import timed_path

_SLOW_NS = 2_000_000_000
"""An answer that takes so long is not asked for twice where once tells."""
Fail = Callable[[BaseException], None]
# What checks a spec would be made when it is first needed: when the worker has one, and is waited for.
Spec.model_rebuild()


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
    opened = open_run(spec, control, tell, held)
    calibrated = calibrate(spec, opened, tell)
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


def _prove_again(spec: Spec, opened: OpenedRun, calibrated: CalibratedRun) -> None:
    """After a run that was timed, by its own instance, or the first of them; who stopped the run waits for its end."""
    instances, team = opened.instances, calibrated.plan.team
    if spec.load.mode == "accuracy" or instances.control.stop or not can_be_proven_again(instances):
        return
    slow = calibrated.plan.calibration.service_time_ns > _SLOW_NS
    with calibration_samples(instances, min(opened.room.count, 1 if slow else PROOF_SAMPLES)) as indices:
        prove_again(instances, team.first.backend, indices)


def _done(opened: OpenedRun, calibrated: CalibratedRun, driven: Driven, not_kept: Sequence[str]) -> Done:
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


def _cpu_ops_time(calibrated: CalibratedRun, instances: Instances) -> TimeShare:
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


if __name__ == "__main__":
    leave(main())
