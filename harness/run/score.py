"""A run's accuracy, from its log and the ground truth alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from accuracy.answers.log import Answer, Contradictions, read_answers
from accuracy.outside.opening import heard_by
from harness.config.dispatch import DispatchSection
from harness.config.registry import task_class
from harness.errors import ConfigError, RunFailed
from harness.machine.watched.held_files import HeldFiles
from harness.messages.conversation import Hear
from harness.results.card import ScoredSubject, judge_accuracy
from harness.results.files import RESULT_FILE, read_result
from harness.results.loadgen_log import ACCURACY_LOG
from harness.results.read_data import NO_SAMPLES_FILE, ReadData, lack_of_samples_file, load_read_data
from harness.results.record import Result
from harness.results.same_data import refuse_changed_data
from harness.results.scores import Judged
from harness.results.verdict.gate import Requirement, check_scored, judge_metrics, own_targets, requirements
from harness.run.doubt import other_reading
from harness.run.judged_elsewhere import by_cluster, quickest
from harness.run.metric_values import metric_values
from harness.run.reference import with_reference
from harness.spec.schema import Spec, read_spec
from harness.spec.task import open_task
from tasks.base import MetricKind, Task
from tasks.in_parts import InParts

_SAME = 1e-9
"""Relative: what two builds of a library may make of one log."""


def score(
    spec: Spec, folder: Path, task: Task | None = None, dispatch: str | None = None, hear: Hear = lambda _: None
) -> Judged:
    """The accuracy of a run and its card, from its accuracy log and the ground truth alone: see `card.judge_accuracy`.

    Args:
        spec: The run.
        folder: Its directory.
        task: Where it is open already.
        dispatch: The cluster that judges the answers, as `dispatch.use` names it; None for the one that answered, where there
            is one and the log would take long, else this machine.
        hear: Is told how far a cluster is.
    """
    task = task or open_task(spec.task, spec.options, spec.dataset)
    subject = ScoredSubject(
        headline=task_class(spec.task).headline,
        targets=spec.targets,
        round=spec.load.round,
        full_count=spec.full_count,
        count=len(task),
        dataset=spec.dataset,
        model=spec.model,
        own_targets=spec.own_targets,
        counts_scored=task.counts_scored,
        metrics=_metrics(spec),
    )
    found = None
    if dispatch is not None:
        found = by_cluster(task, spec, folder, dispatch, hear)
    elif spec.dispatch.on_cluster and isinstance(task, InParts):
        found = quickest(task, spec, folder)
    judged = score_log(task, folder / ACCURACY_LOG, subject, found)
    values = {name: metric.value for name, metric in judged.accuracy.items()}
    return replace(judged, requirements=judge_metrics(values, asked_of(spec, len(task))))


def asked_of(spec: Spec, count: int | None = None) -> list[Requirement]:
    """What the user asks of a run: requirements, then targets of his own.

    Args:
        spec: The run.
        count: Samples that were scored; None where none were.
    """
    metrics = _metrics(spec)
    asked = list(requirements(spec.require, metrics))
    if spec.own_targets:
        asked += own_targets(spec.targets, spec.load.round, spec.model.name, count, metrics)
    return asked


def _moved(kept: ReadData, old: Path | None, new: Path | None) -> ReadData:
    """What was read, with the files of one folder in another."""
    files = tuple(
        replace(item, name=str(new / Path(item.name).name)) if new and Path(item.name).parent == old else item
        for item in kept.files
    )
    return replace(kept, files=files)


def _metrics(spec: Spec) -> tuple[MetricKind, ...]:
    return task_class(spec.task).metric_kinds(spec.options)


def score_log(task: Task, log: Path, subject: ScoredSubject, metrics: Mapping[str, float] | None = None) -> Judged:
    """The accuracy that a log comes to, and its card; a score of no worth says which other reading would have one.

    Args:
        task: Bound to the log's data.
        log: The accuracy log.
        subject: What was scored.
        metrics: The score, where it is known.

    Raises:
        LogError: The log is cut, or its answers are not of this task.
        MetricUnusable: The score is none.
    """

    def answers() -> Iterable[Answer]:
        return read_answers(log, len(task))

    odd = Contradictions()
    found = task.score(read_answers(log, len(task), odd)) if metrics is None else metrics
    metrics, said = metric_values(task, found, subject.metrics)
    value = metrics.get(task.told_by or task.headline)
    doubt = None if value is None else other_reading(task, value, answers)
    return judge_accuracy(metrics, subject, [*said, *odd.notes(), *([doubt] if doubt else [])])


def rescore(
    folder: Path, require: Sequence[str] = (), dispatch: str | None = None, hear: Hear = lambda _: None
) -> Judged:
    """As `score`, for a finished run's directory.

    Args:
        folder: The run's directory.
        require: What is asked of the metrics, besides what the run was asked.
        dispatch: The cluster that judges the answers, as `dispatch.use` names it; None for this machine alone.
        hear: Is told how far the cluster is.

    Raises:
        ConfigError: Not a run's directory, or not one of an accuracy run; a requirement that no metric answers; data that
            are not what the run read.
        RunFailed: Data change while they are scored.
    """
    spec = read_spec(folder)
    if spec.load.mode != "accuracy":
        raise ConfigError(
            f"{folder} holds a {spec.load.mode} run: only an accuracy run (--mode accuracy) can be scored"
        )
    check_scored(requirements(require, _metrics(spec)))
    held = HeldFiles()
    with heard_by(held.note_opened):
        judged = _rescored(folder, spec, require, dispatch, hear)
    if changes := held.changes():
        raise RunFailed(f"{'; '.join(changes)}, so nobody can tell what was scored. Leave the data alone meanwhile")
    return judged


def _rescored(folder: Path, spec: Spec, require: Sequence[str], dispatch: str | None, hear: Hear) -> Judged:
    kept = load_read_data(folder)
    result = read_result(folder) if (folder / RESULT_FILE).is_file() else None
    lack = lack_of_samples_file(folder, result.dataset.samples_file_sha256 if isinstance(result, Result) else None)
    if spec.asks_reference:
        # Its answers lie in the run's directory, wherever that has been moved.
        there = with_reference(spec, folder)
        kept, spec = kept and _moved(kept, spec.dataset.truth, there.dataset.truth), there
    task = open_task(spec.task, spec.options, spec.dataset)
    if kept is not None:
        refuse_changed_data(folder, task, kept)
    asked = spec.model_copy(
        update={
            "require": [*spec.require, *require],
            "dispatch": DispatchSection() if dispatch is None else spec.dispatch,
        }
    )
    judged = score(asked, folder, task, dispatch, hear)
    notes = _no_longer(result, judged) if isinstance(result, Result) else []
    if kept is None:
        notes.append(lack or NO_SAMPLES_FILE)
    card = judged.accuracy_card
    return judged if card is None else replace(judged, accuracy_card=replace(card, notes=(*card.notes, *notes)))


def _no_longer(result: Result, judged: Judged) -> list[str]:
    """What a log comes to now that the run did not say of it, where its data are those of the run."""
    before = {name: metric.value for name, metric in (result.accuracy or {}).items()}
    now = {name: metric.value for name, metric in judged.accuracy.items()}
    changed = [name for name in before if name in now and not math.isclose(before[name], now[name], rel_tol=_SAME)]
    if not changed:
        return []
    name = changed[0]
    return [
        f"{name} was {before[name]:.6g} when the run ended, and {now[name]:.6g} is what its log comes to now: {ACCURACY_LOG} "
        f"or {RESULT_FILE} was changed since, or another version of this program scores it"
    ]
