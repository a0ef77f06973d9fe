"""What a variant of a model loses of the original's accuracy, and on which samples it answers otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from accuracy.answers.log import Answer, read_answers
from harness.config.registry import task_class
from harness.results.loadgen_log import ACCURACY_LOG
from harness.series.plan import PlannedRun, Series
from harness.side_by_side.record import ComparedBackend, ModelComparison
from harness.spec.task import open_task

_LABELLED = "top1"
_SHOWN = 20
FIRST_LABEL = "another first label"
OTHER_BYTES = "another answer"


@dataclass(frozen=True, slots=True)
class Changed:
    """Samples that a variant answers otherwise than the original."""

    count: int
    of: int
    means: str
    """What counts as otherwise: another first label, where the answers are labels; else any other bytes of the answer."""
    first: tuple[str, ...]
    """Names of the first of them."""


@dataclass(frozen=True, slots=True)
class Lost:
    """One variant behind one backend, against the original behind the same."""

    model: str
    backend_asked: str
    metric: str
    """The task's headline."""
    original: float | None
    """Null where its run failed."""
    value: float | None
    drop: float | None
    """The share of the original's score that is gone; below 0 where the variant is better. Of an error, how much it grew."""
    allowed: float | None
    """By `--max-drop`; null where nothing was asked."""
    passed: bool | None
    """Null where nothing was asked. What is not known has not passed."""
    changed: Changed | None
    """Null where a log is absent."""


def lost(found: ModelComparison, series: Series, allowed: float | None) -> tuple[Lost, ...]:
    """What every model but the first has lost.

    Args:
        found: What came of the series, whose first model is the original.
        series: What was planned.
        allowed: The most that may be lost, as a share of the original's score; None where all may.
    """
    return tuple(one for each in found.backends for one in _behind(found, each, series, allowed))


def _behind(found: ModelComparison, each: ComparedBackend, series: Series, allowed: float | None) -> Iterator[Lost]:
    planned = [one for one in series.runs if one.backend_asked == each.backend_asked]
    kind = task_class(found.kind)
    metric = kind.headline
    row = next((row for row in each.rows if row.name == metric), None)
    figures = [figure.value for figure in row.figures] if row else [None] * len(planned)
    lower = any(one.gives(metric) and one.lower_is_better for one in kind.metric_kinds(planned[0].spec.options))
    for place in range(1, len(planned)):
        drop = share_lost(figures[0], figures[place], lower=lower)
        yield Lost(
            found.models[place],
            each.backend_asked,
            metric,
            figures[0],
            figures[place],
            drop,
            allowed,
            None if allowed is None else drop is not None and drop <= allowed,
            _changed(Path(found.directory), planned[0], planned[place]),
        )


def share_lost(original: float | None, value: float | None, *, lower: bool) -> float | None:
    """The share of the original's score that is gone, below 0 where the variant is better; None where that cannot be said.

    Args:
        original: Its score; None where there is none.
        value: The variant's.
        lower: Whether less is better.
    """
    if original is None or value is None:
        return None
    worse = value - original if lower else original - value
    if original == 0:
        # An error of 0 that stays is nothing lost; of a score of 0 nothing can be.
        return 0.0 if lower and worse == 0 else None
    return worse / abs(original)


def _changed(directory: Path, original: PlannedRun, variant: PlannedRun) -> Changed | None:
    logs = [directory / one.name / ACCURACY_LOG for one in (original, variant)]
    if not all(log.is_file() for log in logs):
        return None
    spec = original.spec
    task = open_task(spec.task, spec.options, spec.dataset)
    labelled = task.headline == _LABELLED
    width = np.dtype(str(spec.options.get("log_dtype", "float32"))).itemsize if labelled else None
    before, after = ({one.index: one.data for one in _answers(log, len(task))} for log in logs)
    indices = [index for index in sorted(before) if before[index][:width] != after.get(index, b"")[:width]]
    called = task.sample_names()
    names: Sequence[str] = [called[index] if called else f"sample {index}" for index in indices[:_SHOWN]]
    return Changed(len(indices), len(before), FIRST_LABEL if labelled else OTHER_BYTES, tuple(names))


def _answers(log: Path, count: int) -> Iterator[Answer]:
    return read_answers(log, count)
