"""What must be reached: requirements, and targets of the user's own, held against the figures of a result.

Whatever misses decides the exit status, whichever model and data it was measured with.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.config.official.accuracy_targets import Target
from harness.config.requirement import Comparison, Written, parse_requirement
from harness.errors import ConfigError, unknown
from harness.results.figures import Peak
from harness.results.record import Reason, Result
from harness.results.scores import Verdict
from harness.results.verdict.figure_names import SEARCHED, NamedFigure, figures, metric_figure, number_at
from harness.results.verdict.warnings import asked_in_all, too_short
from harness.units import Unit, parse_quantity, quantity_text
from tasks.base import MetricKind

Metrics = Sequence[MetricKind | str]
"""A task's; a name alone is that of a fraction of 1, or of dB where it ends so."""
_LISTING = "docs/measuring.md (Requirements)"
_OF_LONG_RUNS: frozenset[Unit] = frozenset({"ns", "queries/s", "samples/s"})
"""What a short run says little of."""
_HOLDS: Mapping[Comparison, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a figure must reach."""

    text: str
    figure: NamedFigure
    comparison: Comparison
    limit: float
    """In the figure's unit."""
    source: str = "required"
    """Who asks for it."""
    out_of_place: str = ""
    """Why it is not asked of this run, where it is not."""


def requirements(texts: Sequence[str], metrics: Metrics) -> tuple[Requirement, ...]:
    """What the user asks for.

    Args:
        texts: As they were written.
        metrics: The task's.

    Raises:
        ConfigError: Lists every mistake: no comparison, an unknown figure, a unit of another kind.
    """
    found: list[Requirement] = []
    problems: list[str] = []
    for text in texts:
        try:
            found.append(_requirement(parse_requirement(text), metrics))
        except ConfigError as error:
            problems.append(str(error))
    if problems:
        raise ConfigError("\n".join(problems))
    return tuple(found)


def check_measured(asked: Sequence[Requirement], modes: Sequence[str]) -> None:
    """Refuses what no run of a command measures.

    Args:
        asked: By the command line.
        modes: Of its runs.

    Raises:
        ConfigError: Names the figure and the modes that measure it.
    """
    for one in asked:
        if not one.figure.modes & set(modes):
            raise ConfigError(f"--require {one.text}: {_not_measured(one.figure, modes[0])}")


def check_scored(asked: Sequence[Requirement]) -> None:
    """Refuses what is no metric, where only metrics are computed.

    Raises:
        ConfigError: Names the figure.
    """
    for one in asked:
        if one.figure.path:
            raise ConfigError(
                f"--require {one.text}: score computes metrics, and {one.figure.name} is a figure of the run: give it to "
                "the run (run --require)"
            )


def check_targets(targets: Sequence[Target], metrics: Metrics) -> None:
    """Refuses a target that speaks of no metric of the task.

    Raises:
        ConfigError: With a near miss, and the way to ask for a figure that is no metric.
    """
    for target in targets:
        if _kind_of(target.metric, metrics) is None:
            if target.metric in figures():
                form = f"require: ['{target.metric}<=...']"
                raise ConfigError(f"targets: {target.metric} is a figure, no metric: write {form}, with its unit")
            known = [*_names(metrics), *figures()]
            raise ConfigError(f"targets: {unknown('metric', target.metric, known, _LISTING)}")


def own_targets(
    targets: Sequence[Target],
    mlperf_round: str | None,
    model: str | None,
    count: int | None,
    metrics: Metrics = (),
) -> list[Requirement]:
    """Targets of the user's own as requirements: published scores are none.

    Args:
        targets: Of the config.
        mlperf_round: Of the run.
        model: Its name; None where nobody knows.
        count: Samples that were scored; None where none were.
        metrics: The task's: of an error the target is the most that it may be, of all else the least.
    """
    found = []
    for target in targets:
        if not target.floor:
            continue
        other = ""
        if target.rounds and mlperf_round not in target.rounds:
            other = f"it holds in {', '.join(target.rounds)}, this run's round is {mlperf_round or 'none'}"
        elif target.models and model is not None and model not in target.models:
            other = f"it speaks of {', '.join(target.models)}, this is {model}"
        elif None not in (target.count, count) and target.count != count:
            other = f"it speaks of the first {target.count:,} samples, these are {count:,}"
        kind = _kind_of(target.metric, metrics)
        sign: Comparison = "<=" if kind is not None and kind.lower_is_better else ">="
        figure = metric_figure(target.metric, kind)
        text = f"{target.metric}{sign}{target.value:g}"
        found.append(Requirement(text, figure, sign, target.value, f"target: {target.source}", other))
    return found


def judge_run(result: Result, asked: Sequence[Requirement], *, allow_short: bool = False) -> Result:
    """The result of a run with a verdict on each requirement; what misses is a reason.

    Args:
        result: The run, with all figures.
        asked: What must be reached.
        allow_short: Times and rates count although the run was too short for them.
    """
    values = {name: metric.value for name, metric in (result.accuracy or {}).items()}
    short = not allow_short and _is_short(result)

    def verdict(one: Requirement) -> Verdict:
        value = number_at(result, one.figure.path) if one.figure.path else values.get(one.figure.name)
        return _verdict(one, result.mode, value, short=short)

    verdicts = tuple(verdict(one) for one in asked)
    return replace(result, requirements=verdicts, reasons=(*result.reasons, *missed(verdicts)))


def judge_search(
    chosen: Result | None, peak: Peak | None, asked: Sequence[Requirement], *, allow_short: bool = False
) -> tuple[Verdict, ...]:
    """Verdicts on a search: its own figures, and those of the run whose load is the peak.

    Args:
        chosen: That run; None where there is none, and then everything is missed.
        peak: What was found.
        asked: What must be reached.
        allow_short: As of `judge_run`.
    """
    short = not allow_short and chosen is not None and _is_short(chosen)

    def verdict(one: Requirement) -> Verdict:
        record = peak if one.figure.modes == SEARCHED else chosen
        value = number_at(record, one.figure.path) if one.figure.path else None
        return _verdict(one, "find-peak", value, short=short)

    return tuple(verdict(one) for one in asked)


def judge_metrics(metrics: Mapping[str, float], asked: Sequence[Requirement]) -> tuple[Verdict, ...]:
    """Verdicts on what was scored alone."""
    return tuple(_verdict(one, "accuracy", metrics.get(one.figure.name)) for one in asked if one.figure.path == ())


def missed(verdicts: Sequence[Verdict]) -> list[Reason]:
    """A reason for each that is missed."""
    return [_reason(one) for one in verdicts if one.passed is False]


def _is_short(result: Result) -> bool:
    """Whether the run warns that its times and rates are worth little."""
    figures = result.performance
    return figures is not None and bool(
        too_short(result.scenario, figures.duration_s, asked_in_all(result.scenario, figures))
    )


def _verdict(one: Requirement, mode: str, value: float | None, *, short: bool = False) -> Verdict:
    figure = one.figure
    why, passed, margin = one.out_of_place, None, None
    if not why and mode not in figure.modes:
        why = _not_measured(figure, mode)
    elif not why and value is None:
        why, passed = "it was not measured here, which counts as missed", False
    elif not why and short and figure.unit in _OF_LONG_RUNS:
        why, passed = "the run was too short for it, which counts as missed: run longer, or give --allow-short", False
    elif not why and value is not None:
        passed = _HOLDS[one.comparison](value, one.limit)
        margin = one.limit - value if one.comparison in ("<=", "<") else value - one.limit
    return Verdict(
        requirement=one.text,
        figure=figure.name,
        value=None if why else value,
        comparison=one.comparison,
        limit=one.limit,
        margin=margin,
        unit=figure.unit,
        passed=passed,
        source=one.source,
        why=why,
    )


def _reason(verdict: Verdict) -> Reason:
    if verdict.value is None or verdict.margin is None:
        return Reason(f"{verdict.requirement} could not be judged: {verdict.why}", "", "")
    figure = (
        f"{verdict.figure} is {quantity_text(verdict.value, verdict.unit)}, "
        f"off by {quantity_text(abs(verdict.margin), verdict.unit)}"
    )
    return Reason(f"{verdict.requirement} is missed ({verdict.source})", figure, "")


def _not_measured(figure: NamedFigure, mode: str) -> str:
    others = ", ".join(f"--mode {each}" for each in sorted(figure.modes))
    also = " or submission" if "accuracy" in figure.modes or "performance" in figure.modes else ""
    return f"{figure.name} is not measured by --mode {mode}, but by {others}{also}"


def _requirement(written: Written, metrics: Metrics) -> Requirement:
    known = figures()
    kind = _kind_of(written.figure, metrics)
    if kind is not None:
        figure = metric_figure(written.figure, kind)
    elif written.figure in known:
        figure = known[written.figure]
    else:
        raise ConfigError(
            f"--require {written.text}: {unknown('figure', written.figure, [*_names(metrics), *known], _LISTING)}"
        )
    try:
        limit = parse_quantity(written.limit, figure.unit)
    except ValueError as error:
        raise ConfigError(f"--require {written.text}: the limit of {figure.name} {error}") from None
    if figure.path == () and figure.unit == "share" and not 0 <= limit <= 1:
        raise ConfigError(
            f"--require {written.text}: {figure.name} is a fraction of 1, so {written.limit} can't be its limit: write "
            "0.75 or 75%"
        )
    return Requirement(written.text, figure, written.comparison, limit)


def _kind_of(name: str, metrics: Metrics) -> MetricKind | None:
    """The metric of this name, or the one that is given for each output too, of which the name is one output's."""
    kinds = [MetricKind.named(each) if isinstance(each, str) else each for each in metrics]
    return next((kind for kind in kinds if kind.gives(name)), None)


def _names(metrics: Metrics) -> list[str]:
    return [each if isinstance(each, str) else each.name for each in metrics]
