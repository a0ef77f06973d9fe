"""Metrics of two accuracy runs held against each other, paired by sample where that can be."""

from __future__ import annotations

from harness.comparison.answers import NoPairs, PairedAnswers, paired_answers
from harness.comparison.asked import ComparisonRequest
from harness.comparison.record import ChangedSamples, ComparedFigure, Standing
from harness.comparison.sides import ComparedRun, Side
from harness.config.registry import task_class
from harness.errors import ConfigError
from harness.results.verdict.figure_names import metric_figure
from harness.spec.schema import read_spec
from harness.statistics.intervals import difference
from tasks.base import MetricKind

NOT_PAIRED = "not paired by sample (Newcombe's interval, 95 %)"


def scored_figures(
    base: Side, new: Side, asked: ComparisonRequest, notes: list[str]
) -> tuple[list[ComparedFigure], ChangedSamples | None]:
    """The metrics that both have, and the samples that changed; what stands in the way goes into the notes."""
    if not base.scored or not new.scored:
        return [], None
    one, other = base.scored[0], new.scored[0]
    pairs: PairedAnswers | None = None
    try:
        pairs = paired_answers(one, other, asked.alpha)
    except NoPairs as why:
        notes.append(f"the accuracy is not paired by sample: {why}")
    totals = [run.result.accuracy or {} for run in (one, other)]
    names = [name for name in totals[0] if name in totals[1]]
    figures = [_metric(name, totals[0][name].value, totals[1][name].value, one, other, pairs, asked) for name in names]
    if pairs is None:
        return figures, None
    return figures, ChangedSamples(pairs.metric, pairs.compared, pairs.better, pairs.worse)


def _metric(
    name: str,
    first: float,
    second: float,
    one: ComparedRun,
    other: ComparedRun,
    pairs: PairedAnswers | None,
    asked: ComparisonRequest,
) -> ComparedFigure:
    more, limit = second - first, asked.limits.get(name)
    low = high = p = None
    method = "no interval: the samples are not paired"
    if pairs is not None and (found := pairs.metrics.get(name)) is not None:
        low, high, p, method = found.low, found.high, found.p, found.method
    elif (cards := _intervals(name, one, other)) is not None:
        _, low, high = difference(*cards)
        method = NOT_PAIRED
    lower_is_better = _lower_is_better(one, name)
    standing: Standing = "not told apart"
    if first == second and (low, high) == (0.0, 0.0):
        standing = "the same"
    elif low is not None and high is not None and (low > 0 or high < 0) and method != NOT_PAIRED:
        standing = "better" if (more > 0) != lower_is_better else "worse"
    least_worse = None if low is None or high is None else low if lower_is_better else -high
    # The wider interval of samples that are not paired is of 95 %: too little for a verdict.
    sure = least_worse is not None and method != NOT_PAIRED
    regressed = None if limit is None else sure and (least_worse or 0.0) > limit
    unit = metric_figure(name, _kind(one, name)).unit
    return ComparedFigure(name, unit, first, second, more, low, high, method, standing, p, limit, regressed)


def _lower_is_better(run: ComparedRun, name: str) -> bool:
    kind = _kind(run, name)
    return kind is not None and kind.lower_is_better


def _kind(run: ComparedRun, name: str) -> MetricKind | None:
    """What the task says of a metric; None where it does not, or the run's spec is gone."""
    try:
        spec = read_spec(run.folder)
    except ConfigError:
        return None
    return next((kind for kind in task_class(spec.task).metric_kinds(spec.options) if kind.gives(name)), None)


def _intervals(name: str, one: ComparedRun, other: ComparedRun) -> list[tuple[float, float, float]] | None:
    cards = [run.result.accuracy_card for run in (one, other)]
    found = [
        (card.value, card.interval.low, card.interval.high)
        for card in cards
        if card is not None and card.metric == name and card.interval is not None
    ]
    return found if len(found) == 2 else None
