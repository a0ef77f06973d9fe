"""The worker's way to the first query: task and model opened, the backend proven, the load calibrated."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from backends.base import Array, BackendInfo
from harness.machine.control import Control, Phase
from harness.machine.memory import own_bytes
from harness.machine.placement import on
from harness.machine.watched.held_files import HeldFiles
from harness.messages.calibration import Calibration
from harness.messages.worker import FromWorker
from harness.model.contents.coverage import judge_coverage
from harness.model.drawn_inputs import fed_nothing
from harness.model.input_shapes import unused_size
from harness.results.read_data import ReadItem, files_now
from harness.serving import loadgen
from harness.serving.instances import Instances
from harness.serving.proof import prove
from harness.serving.sample_room import Room, room_for
from harness.spec.schema import Spec
from harness.spec.task import open_task
from harness.worker.engine import choose_engine
from harness.worker.plan import Plan, plan_run
from harness.worker.queries import refuse_too_many_queries, settings_for
from harness.worker.teams.team import Team
from harness.worker.warm_up import warm_up
from tasks.base import Task

_CALIBRATION_SAMPLES = 8
PROOF_SAMPLES = 2
"""Enough where nothing is timed and the plain CPU answers: one, another, and the first again."""
Tell = Callable[[FromWorker], None]


@dataclass(frozen=True, slots=True)
class OpenedRun:
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


def open_run(spec: Spec, control: Control, tell: Tell, held: HeldFiles) -> OpenedRun:
    """Opens the task and the model, tells what is open, and judges whether the samples have room."""
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
    inputs = [(each.name, each.shape) for each in instances.first.inputs]
    said = [*fed_nothing(inputs), *unused_size(inputs, spec.model.invocation)]
    return OpenedRun(task, instances, files, held, room, before, (*warnings, *said))


@dataclass(frozen=True, slots=True)
class CalibratedRun:
    """What was decided and measured before LoadGen asks."""

    plan: Plan
    info: BackendInfo
    """Of the instances that the plan has."""
    settings: loadgen.RunSettings
    room: Room
    calibration: Calibration
    """All but the first query's moment."""
    profiled: Sequence[Array]
    """One sample, copied for after the run, when the samples are gone: a row that is mapped would hold them all."""
    warnings: tuple[str, ...]


def calibrate(spec: Spec, opened: OpenedRun, tell: Tell) -> CalibratedRun:
    """Proves the backend, measures what it can do and warms it up, with a few samples that are then let go."""
    instances, room = opened.instances, opened.room
    with calibration_samples(instances, min(room.count, _calibration_samples_needed(instances))) as indices:
        began = time.monotonic()
        prove(instances, indices, tell)
        proven = time.monotonic()
        instances.control.enter(Phase.CALIBRATING)
        with on(instances.place(1, 1).of(0)):
            engines = choose_engine(instances, indices, tell)
        plan = _plan(spec, instances, indices)
        planned = time.monotonic()
        warmed = warm_up(spec, instances, plan, indices)
        odd = _begin_as_opened(instances, plan.team)
        profiled = [array.copy() for array in instances.samples.rows[indices[0]]]
    room = room.halved() if plan.team.copies_samples else room
    warnings = [*odd, *room.judge(spec.load)]
    settings = settings_for(spec, len(opened.task), room.count, plan)
    refuse_too_many_queries(settings)
    return CalibratedRun(
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


def _begin_as_opened(instances: Instances, team: Team) -> list[str]:
    """Puts back what lives on from LoadGen's first query on, where answers are scored: what was asked by now does not count.

    Returns:
        What to say where it cannot be.
    """
    opener, backend = instances.opener, team.first.backend
    if not opener.lives_on or instances.spec.load.mode != "accuracy":
        return []
    if backend.can_reset and not opener.file.keeps.untold:
        backend.reset()
        return []
    return [
        "the model keeps what it was asked before LoadGen's first query as well, which nothing here can put back: another "
        "run's answers may differ"
    ]


def _plan(spec: Spec, instances: Instances, indices: Sequence[int]) -> Plan:
    if not spec.dispatch.on_cluster:
        return plan_run(spec, instances, indices)
    from harness.worker.cluster_plan import plan_cluster

    return plan_cluster(spec, instances, indices)


def _calibration_samples_needed(instances: Instances) -> int:
    """What is timed, or held against the CPU, is asked more of them."""
    plain = instances.spec.backend.is_plain_cpu and not instances.opener.file.completed
    return PROOF_SAMPLES if plain and instances.spec.load.mode == "accuracy" else _CALIBRATION_SAMPLES


@contextlib.contextmanager
def calibration_samples(instances: Instances, at_once: int) -> Iterator[Sequence[int]]:
    """A few samples, loaded."""
    indices = list(range(at_once))
    instances.samples.load(indices)
    try:
        yield indices
    finally:
        instances.samples.unload(indices)
