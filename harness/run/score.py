"""A run's accuracy, from its log and the ground truth alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from accuracy.answers.log import Answer, read_answers
from harness.config.registry import task_class
from harness.errors import ConfigError
from harness.results.card import Subject, judge
from harness.results.loadgen_log import ACCURACY_LOG
from harness.results.scores import Judged
from harness.run.doubt import other_reading
from harness.spec.schema import Spec, read_spec
from harness.spec.task import open_task
from tasks.base import Task


def score(spec: Spec, folder: Path, task: Task | None = None) -> Judged:
    """The accuracy of a run and its card, from its accuracy log and the ground truth alone: see `card.judge`."""
    task = task or open_task(spec.task, spec.options, spec.dataset)
    subject = Subject(
        headline=task_class(spec.task).headline,
        targets=spec.targets,
        round=spec.load.round,
        full_count=spec.full_count,
        count=len(task),
        dataset=spec.dataset,
        model=spec.model,
    )
    return score_log(task, folder / ACCURACY_LOG, subject)


def score_log(task: Task, log: Path, subject: Subject) -> Judged:
    """The accuracy that a log comes to, and its card; a score of no worth says which other reading would have one.

    Raises:
        LogError: The log is cut, or its answers are not of this task.
    """

    def answers() -> Iterable[Answer]:
        return read_answers(log, len(task))

    metrics = task.score(answers())
    value = metrics.get(task.headline)
    doubt = None if value is None else other_reading(task, value, answers)
    return judge(metrics, subject, [doubt] if doubt else [])


def rescore(folder: Path) -> Judged:
    """As `score`, for a finished run's directory.

    Raises:
        ConfigError: Not a run's directory, or not one of an accuracy run.
    """
    spec = read_spec(folder)
    if spec.load.mode != "accuracy":
        raise ConfigError(
            f"{folder} holds a {spec.load.mode} run: only an accuracy run (--mode accuracy) can be scored"
        )
    return score(spec, folder)
