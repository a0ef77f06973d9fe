"""The accuracy card: a score beside its target, with what may be concluded from it.

A shipped target binds, which means that it decides the exit status, only where both the model and the whole data set are
recognised by their published checksums. Everywhere else it is shown, with the reason why it does not bind. A target that the
user wrote in a file of his own always binds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from accuracy.confidence.interval import CONFIDENCE
from accuracy.metric.score import Score
from harness.config.official.accuracy_targets import Target, floor_of, published_of
from harness.results.scores import Card, CardTarget, ConfidenceInterval, Judged, Margin, Metric, Published
from harness.spec.schema import DataSetRef, ModelRef
from tasks.base import MetricKind

DECIBELS = "_db"
"""Metrics whose names end so are in dB, all others are fractions of 1."""


@dataclass(frozen=True, slots=True)
class ScoredSubject:
    """What was scored."""

    headline: str
    """The metric that the benchmark's target speaks of."""
    targets: Sequence[Target]
    round: str | None
    full_count: int | None
    """Samples of the full data set; None where the benchmark names none."""
    count: int
    """Samples of this one."""
    dataset: DataSetRef
    model: ModelRef | None
    """None for another harness's log, which does not say what answered."""
    own_targets: bool = False
    """Whether the user wrote the targets."""
    counts_scored: bool = False
    """See `tasks.base.Task.counts_scored`."""
    metrics: Sequence[MetricKind] = ()
    """The task's; those of errors are the better the lower they are."""


def judge_accuracy(metrics: Mapping[str, float], subject: ScoredSubject, remarks: Sequence[str] = ()) -> Judged:
    """The part of a result that accuracy makes.

    Args:
        metrics: What was scored, an `accuracy.metric.score.Score` where there is more to say of it.
        subject: What it was scored of.
        remarks: What a reader must know first, beside what the card finds by itself.

    Returns:
        `accuracy`: {metric: {value, target, passed}}; `passed` is null unless the target binds. `accuracy_card`: the
        headline's card, null where the headline is not defined on these data (see docs/accuracy.md).
    """
    accuracy = {}
    counted = metrics.count if subject.counts_scored and isinstance(metrics, Score) else subject.count
    for name, value in metrics.items():
        target = floor_of(subject.targets, name, subject.round, counted)
        passed = meets(target, value, subject.metrics) if target and _binds(target, subject, counted) else None
        accuracy[name] = Metric(value, target.value if target else None, passed)
    card = _card(metrics, subject, accuracy, counted)
    if card is None:
        notes = metrics.notes if isinstance(metrics, Score) else ()
        return Judged(accuracy, None, notes=(*remarks, *notes) or None)
    return Judged(accuracy, replace(card, remarks=(*remarks, *card.remarks)))


def may_be_lost(parts: npt.NDArray[np.float64], target: float) -> int | None:
    """How many more samples may be lost before a mean over samples misses its target.

    A lost sample adds nothing any more. Which ones will be lost is not known, so the worst is assumed: those that add
    most; one that adds nothing is lost already.

    Args:
        parts: [samples] what each adds, 0 to 1.
        target: Of their mean.

    Returns:
        Below 0 where the target is missed: so many must be won at least. None where no number would do.
    """
    total, count = float(parts.sum()), len(parts)
    if total / count >= target:
        left = (total - np.cumsum(np.sort(parts[parts > 0])[::-1])) / count
        return int(np.count_nonzero(left >= target))
    won = (total + np.cumsum(np.sort(1 - parts)[::-1])) / count
    enough = np.flatnonzero(won >= target)
    return -int(enough[0] + 1) if len(enough) else None


def _card(
    metrics: Mapping[str, float], subject: ScoredSubject, accuracy: Mapping[str, Metric], counted: int
) -> Card | None:
    name = subject.headline
    if name not in metrics:
        return None
    score = metrics if isinstance(metrics, Score) else Score(metrics, "samples", subject.count)
    target = floor_of(subject.targets, name, subject.round, counted)
    model = subject.model.name if subject.model else None
    published = published_of(subject.targets, name, subject.round, model)
    interval = score.interval
    return Card(
        metric=name,
        value=metrics[name],
        unit=score.unit,
        count=score.count,
        interval=None
        if interval is None
        else ConfidenceInterval(interval.low, interval.high, CONFIDENCE, interval.method),
        round=subject.round,
        target=None if target is None else CardTarget(target.value, target.source, target.count),
        margin=None if target is None else _margin(score, name, target.value),
        passed=accuracy[name].passed,
        published=tuple(Published(one.value, one.source) for one in published),
        samples=subject.count,
        full_count=subject.full_count,
        remarks=tuple(
            _remarks(subject, target, counted, asked=any(one.target is not None for one in accuracy.values()))
        ),
        notes=tuple(score.notes),
        details={kind: dict(values) for kind, values in score.details.items()},
    )


def _margin(score: Score, name: str, target: float) -> Margin:
    difference = score[name] - target
    return Margin(
        points=difference if name.endswith(DECIBELS) else difference * 100,
        samples=None if score.parts is None or not len(score.parts) else may_be_lost(score.parts, target),
    )


def meets(target: Target, value: float, kinds: Sequence[MetricKind]) -> bool:
    """Whether a metric is what a target asks for.

    Args:
        target: Of that metric.
        value: The metric's.
        kinds: The task's: of errors, the target is the most that they may be.
    """
    kind = next((each for each in kinds if each.gives(target.metric)), None)
    return value <= target.value if kind is not None and kind.lower_is_better else value >= target.value


def _binds(target: Target, subject: ScoredSubject, counted: int) -> bool:
    model, data = subject.model, subject.dataset
    if subject.own_targets:
        return not target.models or model is None or model.name in target.models
    recognised = model is not None and model.checksum == "verified" and data.checksum == "verified"
    return recognised and data.full and counted == subject.full_count and target.count is None


def _remarks(subject: ScoredSubject, target: Target | None, counted: int, *, asked: bool) -> list[str]:
    """What a reader must not conclude from the score, a sentence each.

    Args:
        subject: What was scored.
        target: The headline's.
        counted: How much, in what the full set is counted in.
        asked: Whether any metric has a target.
    """
    remarks = _about_size(subject, target, counted)
    if not asked or subject.own_targets:
        return remarks
    if subject.model is not None and subject.model.source == "standin":
        remarks.append("a stand-in model: the target does not apply to it")
    if subject.dataset.source == "builtin":
        remarks.append("built-in data: the target does not apply to them")
    if any("does not apply" in said for said in remarks):
        return remarks
    doubts = []
    if subject.model is None:
        doubts.append("the log does not say which model answered")
    elif subject.model.checksum != "verified":
        doubts.append("the model is not one that is recognised by its checksum")
    # Of a part of the set the size has said it.
    if not remarks and (subject.dataset.checksum != "verified" or not subject.dataset.full):
        doubts.append("the data are not recognised by a checksum")
    if doubts:
        remarks.append(f"the target is shown, not asked for: {' and '.join(doubts)}")
    return remarks


def _about_size(subject: ScoredSubject, target: Target | None, count: int) -> list[str]:
    full = subject.full_count
    if full is None or count == full:
        return []
    if subject.dataset.source == "builtin" or count > full:
        return [f"a set of {count:,} of its own: not comparable with the full set of {full:,}"]
    words = f"subset of {count:,}: not comparable with the full set of {full:,}"
    if target is not None and target.count == count:
        words += f"; the target is that of the first {count:,}"
    return [words]
