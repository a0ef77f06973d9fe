"""The parts of a result: what was asked, what came of it.

What the worker tells is turned into the result's records here, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from accuracy.answers.log import LogError
from harness.config.registry import task_class
from harness.errors import RunFailed
from harness.json_records import from_json
from harness.messages.worker import Done
from harness.results.figures import MachineStates, Memory, Performance
from harness.results.loadgen_log import clock_was_set, invalid_reasons, performance, read_detail, wrong_seeds
from harness.results.read_data import samples_digest
from harness.results.record import Reason, Result
from harness.results.scores import Judged, Metric, Parity
from harness.results.subject import (
    Answering,
    BackendFacts,
    DataSet,
    LoadGenSettings,
    OpenBackend,
)
from harness.results.verdict import stability
from harness.results.verdict.gate import judge_run
from harness.results.verdict.warnings import (
    asked_in_all,
    beside_the_rules,
    doubtful_data,
    ignored_settings,
    not_placed,
    reference_says_little,
    too_many_threads,
    too_short,
)
from harness.run.hearing import WorkerReport
from harness.run.score import asked_of, score
from harness.spec.schema import Spec
from harness.spec.told_by_file import untold_pixels
from harness.whole_file import replacing
from tasks.base import Task


def known(result: Result, report: WorkerReport) -> Result:
    """The result with what the worker said before anything was timed, and what memory it was seen to take."""
    if (opened := report.opened) is not None:
        backend = BackendFacts(opened.backend.name, OpenBackend.of(opened.backend))
        model = replace(
            result.model,
            modified=opened.modified,
            signature=opened.signature,
            input_shapes=opened.input_shapes,
            open_sizes=opened.open_sizes,
            state=opened.state,
            keeps=opened.keeps or None,
            reset_ns=opened.reset_ns,
        )
        result = replace(result, backend=backend, model=model)
    if (proven := report.proven) is not None:
        result = replace(result, parity=Parity(proven.comparison, proven.time_s, proven.allowed))
    if report.memory is not None:
        result = replace(result, memory=Memory.of(report.memory))
    return result


def finished(
    result: Result, spec: Spec, folder: Path, task: Task | None, done: Done, latency_drift: float | None
) -> Result:
    """The result of a run that LoadGen ended.

    Args:
        result: With what is `known`.
        spec: The run.
        folder: Its directory.
        task: Where it is open already.
        done: What the worker told.
        latency_drift: As the parent saw it.

    Raises:
        RunFailed: LoadGen's logs are not whole.
    """
    detail = read_detail(folder, accuracy=spec.load.mode == "accuracy")
    own = {field.name for field in fields(DataSet)}
    described = {name: value for name, value in done.data.items() if name not in own}
    settings = {**done.loadgen, "performance_sample_count": done.performance_sample_count}
    loadgen = from_json(LoadGenSettings, settings, "loadgen")
    result = replace(
        result,
        dataset=replace(
            result.dataset, count=done.sample_count, samples_file_sha256=samples_digest(folder), described=described
        ),
        backend=BackendFacts(done.backend.name, OpenBackend.of(done.backend), Answering.of(done)),
        loadgen=loadgen,
        calibration=done.calibration,
        cluster=done.cluster,
        machine=_machine(spec, done, latency_drift),
        memory=replace(
            result.memory, sample_limit_bytes=done.sample_limit_bytes, sample_limit_from=done.sample_limit_from
        ),
        warnings=(*_warnings(result, spec, done), *(f"LoadGen: {error}" for error in detail[":errors"])),
    )
    seeds = wrong_seeds(detail, spec.load)
    if spec.load.mode == "accuracy":
        return judge_run(_scored(result, spec, folder, task, seeds), asked_of(spec, done.sample_count))
    figures = _paced(performance(detail, spec.load, done.queue_times), spec)
    reasons = [*seeds, *invalid_reasons(detail, figures, loadgen)]
    result = _timed(result, figures, reasons, done, detail)
    return judge_run(result, asked_of(spec), allow_short=spec.allow_short)


def _paced(figures: Performance, spec: Spec) -> Performance:
    """With the duty cycle, where the task's samples come at a pace of their own."""
    period_s = task_class(spec.task).period_s
    if period_s is None or spec.load.scenario != "SingleStream":
        return figures
    return replace(
        figures, duty_cycle=figures.latency_ns.mean / (1e9 * period_s), derived=(*figures.derived, "duty_cycle")
    )


def _scored(result: Result, spec: Spec, folder: Path, task: Task | None, seeds: Sequence[Reason]) -> Result:
    try:
        judged = score(spec, folder, task)
    except LogError as error:
        raise RunFailed(str(error)) from None
    _keep_lists(judged, spec, folder)
    # A target of the user's own is a requirement, whose verdict gives the reason.
    shipped = {} if spec.own_targets else judged.accuracy
    missed = [_missed(name, one) for name, one in shipped.items() if one.passed is False]
    return replace(
        result,
        status="invalid" if seeds else "valid",
        reasons=(*seeds, *missed),
        warnings=(*result.warnings, *(judged.notes or ())),
        accuracy=judged.accuracy,
        accuracy_card=judged.accuracy_card,
    )


def _keep_lists(judged: Judged, spec: Spec, folder: Path) -> None:
    """What a task lists beside its score, a file a kind."""
    details = judged.accuracy_card.details if judged.accuracy_card else {}
    for kind, name in task_class(spec.task).lists.items():
        if kind in details:
            lines = [f"{each},{value!r}\n" for each, value in details[kind].items()]
            with replacing(folder / name) as file:
                file.write("".join(lines).encode())


def _timed(
    result: Result, figures: Performance, reasons: Sequence[Reason], done: Done, detail: Mapping[str, Any]
) -> Result:
    machine = result.machine
    if machine is not None and machine.during.energy_j is not None:
        each = machine.during.energy_j / figures.sample_count
        machine = replace(machine, during=replace(machine.during, energy_j_per_sample=each))
    asked = asked_in_all(result.scenario, figures)
    return replace(
        result,
        status="invalid" if reasons else "valid",
        reasons=tuple(reasons),
        performance=figures,
        machine=machine,
        unstable=(
            *stability.not_warm(done.calibration.warm_up),
            *(_disturbed(machine) if machine else ()),
            *(clock_was_set(detail, result.scenario, figures.duration_s, machine.during.duration_s) if machine else ()),
        ),
        warnings=(*result.warnings, *too_short(result.scenario, figures.duration_s, asked)),
    )


def _machine(spec: Spec, done: Done, latency_drift: float | None) -> MachineStates:
    """The machine before and after the run, and what happened to it meanwhile."""
    # How fast Server answers is for the load to say.
    drift = None if spec.load.scenario == "Server" else latency_drift
    during = stability.between(done.before, done.after)
    return MachineStates(done.before, done.after, replace(during, latency_drift=drift))


def _disturbed(machine: MachineStates) -> list[Reason]:
    during = machine.during
    return [*stability.reasons(machine.before, machine.after, during), *stability.drifted(during.latency_drift)]


def _warnings(result: Result, spec: Spec, done: Done) -> list[str]:
    return [
        *done.warnings,
        *reference_says_little(spec),
        *_doubts(result.parity),
        # Where the truth is a reference's, or the user's own for any model, no model knows other data better.
        *([] if task_class(spec.task).takes_reference else doubtful_data(spec.model, spec.dataset, spec.load.mode)),
        *untold_pixels(spec),
        *ignored_settings(spec),
        *beside_the_rules(spec.load),
        *not_placed(spec.backend.placement, done.placement),
        *(too_many_threads(done.threads, done.instances, result.system.usable_cpus) if done.cluster is None else []),
    ]


def _doubts(parity: Parity | None) -> list[str]:
    """What a run says of a backend that is not proven."""
    if parity is None or parity.comparison.passed:
        return []
    why = "; ".join(parity.comparison.why)
    if parity.comparison.passed is None:
        return [f"the backend could not be held against the CPU: {why}"]
    return [f"the backend DISAGREES with the CPU and was timed all the same: {why}"]


def _missed(name: str, metric: Metric) -> Reason:
    return Reason(
        what=f"the accuracy target of {name} is missed",
        figure=f"{metric.value:.4f} of {metric.target:.4f}",
        fix="the model is official and so is the data: look at the preprocessing profile and the backend",
    )
