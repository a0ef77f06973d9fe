"""The figures and the verdicts of a result, as other programs want them: a row a figure, a case a verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.report.for_programs.junit import JUnitCase, Outcome
from harness.report.peak import run_at_peak
from harness.report.requirements import requirement_rows
from harness.report.run import verdict_text
from harness.report.series import series_verdict_text
from harness.report.submission import told_reasons
from harness.results.figures import Peak
from harness.results.record import Result, SeriesResult, Status
from harness.results.scores import Verdict
from harness.units import Unit

_OUTCOMES: Mapping[Status, Outcome] = {"valid": "passed", "invalid": "failure", "failed": "error", "started": "error"}
"""What JUnit says of a status."""


@dataclass(frozen=True, slots=True)
class FigureRow:
    """One figure."""

    benchmark: str
    """What it is of: `kws/SingleStream/cpu`."""
    figure: str
    unit: Unit
    value: float
    smaller_is_better: bool
    low: float | None = None
    """Of its interval or its range; None where there is none."""
    high: float | None = None
    note: str = ""
    """What a table says beside it."""


@dataclass(frozen=True, slots=True)
class Told:
    """All that is written."""

    title: str
    verdict: str
    rows: tuple[FigureRow, ...]
    cases: tuple[JUnitCase, ...]
    labels: Mapping[str, str]


def told_of(result: Result | SeriesResult) -> Told:
    """Of a run or a series."""
    if isinstance(result, Result):
        name = _name(result)
        rows, cases = tuple(_rows(name, result)), tuple(_cases(name, result))
        return Told(result.title, verdict_text(result), rows, cases, result.labels)
    if result.search and result.search.peak:
        return _told_of_search(result, result.search.peak)
    runs = [run.result for run in result.runs if run.again is None]
    names = [_name(run) for run in runs]
    # Repeats are told apart by their number, models of a sweep by their names beside it.
    names = [f"{name}#{place + 1}" if names.count(name) > 1 else name for place, name in enumerate(names)]
    several = len({run.model.name for run in runs}) > 1
    pairs = list(zip(names, runs, strict=True))
    return Told(
        title=runs[0].title if runs else "a series without runs",
        verdict=series_verdict_text(result),
        rows=tuple(row for name, run in pairs for row in _rows(name, run, run.model.name if several else "")),
        cases=(*(case for name, run in pairs for case in _cases(name, run)), *_cases_of_all(result, runs)),
        labels=runs[0].labels if runs else {},
    )


def _told_of_search(top: SeriesResult, peak: Peak) -> Told:
    """Loads that broke the bound are how a peak is found, and no failures."""
    first = next((run.result for run in top.runs), None)
    name = _name(first) if first else "find-peak"
    chosen = run_at_peak(top.runs, peak)
    rows = list(_rows(name, chosen)) if chosen else []
    if peak.target_qps is not None:
        rows.insert(0, FigureRow(name, "peak", "samples/s", peak.target_qps, smaller_is_better=False))
    outcome = _OUTCOMES[top.status]
    why = "" if outcome == "passed" else told_reasons(top.reasons) or f"it is {top.status}"
    cases = [JUnitCase(name, "find-peak", outcome, why, peak.time_s), *_requirement_cases(name, top.requirements)]
    title = first.title if first else "a search without runs"
    return Told(title, series_verdict_text(top), tuple(rows), tuple(cases), first.labels if first else {})


def _cases_of_all(top: SeriesResult, runs: Sequence[Result]) -> Iterator[JUnitCase]:
    """What is of no run by itself: a series that broke off, what the runs are worth together."""
    if top.status in ("failed", "started") and all(run.status not in ("failed", "started") for run in runs):
        yield JUnitCase("series", "all runs", "error", told_reasons(top.reasons) or f"it is {top.status}")
    if (worth := top.submission) is not None:
        outcome: Outcome = "failure" if worth.reasons else "passed"
        yield JUnitCase("series", f"a submission by {worth.rules}", outcome, told_reasons(worth.reasons))


def _name(run: Result) -> str:
    kind = "accuracy" if run.mode == "accuracy" else run.scenario
    return f"{run.task}/{kind}/{run.backend.name}"


def _rows(name: str, run: Result, note: str = "") -> Iterator[FigureRow]:
    if (figures := run.performance) is not None:
        if run.scenario != "Offline":
            latency = figures.latency_ns
            for figure, value in (("p50", latency.p50), ("p90", latency.p90), ("p99", latency.p99)):
                yield FigureRow(name, figure, "ns", value, smaller_is_better=True, note=note)
        yield FigureRow(name, "throughput", "samples/s", figures.samples_per_second, smaller_is_better=False, note=note)
    card = run.accuracy_card
    for metric, found in (run.accuracy or {}).items():
        interval = card.interval if card is not None and card.metric == metric else None
        low, high = (interval.low, interval.high) if interval is not None else (None, None)
        unit: Unit = "dB" if metric.endswith("_db") else "share"
        yield FigureRow(name, metric, unit, found.value, smaller_is_better=False, low=low, high=high, note=note)
    if run.memory.peak_rss_bytes:
        yield FigureRow(name, "memory", "bytes", float(run.memory.peak_rss_bytes), smaller_is_better=True, note=note)


def _cases(name: str, run: Result) -> Iterator[JUnitCase]:
    why = told_reasons(run.reasons)
    seconds = run.performance.duration_s if run.performance else 0.0
    if run.status in ("failed", "started"):
        yield JUnitCase(name, "the run", "error", why or f"it is {run.status}", seconds)
        return
    # What is missed in a valid run has cases of its own.
    yield (
        JUnitCase(name, "the run", "failure", why, seconds)
        if run.status == "invalid"
        else JUnitCase(name, "the run", "passed", seconds=seconds)
    )
    yield from _requirement_cases(name, run.requirements)
    for metric, found in (run.accuracy or {}).items():
        if found.passed is not None:
            said = f"{metric} is {found.value:.6g}, its target {found.target:.6g}"
            yield JUnitCase(name, f"target of {metric}", "passed" if found.passed else "failure", said)


def _requirement_cases(name: str, verdicts: Sequence[Verdict]) -> Iterator[JUnitCase]:
    for verdict in verdicts:
        ((_, said),) = requirement_rows([verdict])
        outcome: Outcome = "skipped" if verdict.passed is None else "passed" if verdict.passed else "failure"
        yield JUnitCase(name, verdict.requirement, outcome, said)
