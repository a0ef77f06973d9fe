"""The numbers that a task's score comes to: a task may be a package's, and a result holds nothing but finite numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from numbers import Real

from accuracy.errors import MetricUnusable
from accuracy.metric.score import Score
from harness.errors import shortened
from tasks.base import MetricKind, Task

_SHOWN = 80
_ROUNDED = 1e-6
"""A mean of ones may come out a little more."""


def metric_values(
    task: Task, found: Mapping[str, float], kinds: Sequence[MetricKind] = ()
) -> tuple[Mapping[str, float], list[str]]:
    """The metrics as plain numbers, and what must be said of those that are none.

    Args:
        task: That scored.
        found: What its `score` gave.
        kinds: What the task says of its metrics.

    Raises:
        MetricUnusable: No metrics by name, or one that is no number at all.
    """
    kind = type(task).__name__
    if not isinstance(found, Mapping):
        raise MetricUnusable(f"the score of the task {kind} is {_shown(found)}, but must be its metrics by name")
    values = {name: _number(kind, name, value) for name, value in found.items()}
    finite = {name: value for name, value in values.items() if math.isfinite(value)}
    said = [
        f"{name} came out as {value}, which is no figure: it is left out, and what is asked of it is missed"
        for name, value in values.items()
        if name not in finite
    ]
    if not said and task.headline not in finite and not (isinstance(found, Score) and found.notes):
        said = [
            f"the score has no {task.headline}, which is the task's headline: it has {', '.join(finite) or 'nothing'}"
        ]
    shares = {kind.name for kind in kinds if kind.unit == "share" and not kind.lower_is_better}
    said += [
        f"{name} is {value:.6g}, but counts in fractions of 1: 75 % is 0.75 (the task's metric_kinds say what it counts in)"
        for name, value in finite.items()
        if name in shares and not -_ROUNDED <= value <= 1 + _ROUNDED
    ]
    return replace(found, metrics=finite) if isinstance(found, Score) else finite, said


def _number(kind: str, name: object, value: object) -> float:
    # numpy's numbers are Real as well; of its arrays none is.
    if not isinstance(name, str) or not isinstance(value, Real):
        raise MetricUnusable(f"the metric {_shown(name)} of the task {kind} is {_shown(value)}, but must be a number")
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _shown(value: object) -> str:
    return shortened(repr(value), _SHOWN)
