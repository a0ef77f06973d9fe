"""The figures and the verdicts of a result, as other programs want them: a row a figure, a case a verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.report.for_programs.junit import JUnitCase
from harness.report.requirements import missed_names, requirement_rows
from harness.results.record import Result, SeriesResult
from harness.units import Unit


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
    runs = [result] if isinstance(result, Result) else [run.result for run in result.runs if run.again is None]
    names = [_name(run) for run in runs]
    # Repeats are told apart by their number.
    names = [f"{name}#{place + 1}" if names.count(name) > 1 else name for place, name in enumerate(names)]
    lost = [name for run in runs for name, found in (run.accuracy or {}).items() if found.passed is False]
    lost += [name for each in (result, *runs) for name in missed_names(each.requirements)]
    pairs = list(zip(names, runs, strict=True))
    return Told(
        title=runs[0].title if runs else "a series without runs",
        verdict=result.status.upper() + (f", but MISSED: {', '.join(dict.fromkeys(lost))}" if lost else ""),
        rows=tuple(row for name, run in pairs for row in _rows(name, run)),
        cases=tuple(case for name, run in pairs for case in _cases(name, run)),
        labels=runs[0].labels if runs else {},
    )


def _name(run: Result) -> str:
    kind = "accuracy" if run.mode == "accuracy" else run.scenario
    return f"{run.task}/{kind}/{run.backend.name}"


def _rows(name: str, run: Result) -> Iterator[FigureRow]:
    if (figures := run.performance) is not None:
        if run.scenario != "Offline":
            latency = figures.latency_ns
            for figure, value in (("p50", latency.p50), ("p90", latency.p90), ("p99", latency.p99)):
                yield FigureRow(name, figure, "ns", value, smaller_is_better=True)
        yield FigureRow(name, "throughput", "samples/s", figures.samples_per_second, smaller_is_better=False)
    card = run.accuracy_card
    for metric, found in (run.accuracy or {}).items():
        interval = card.interval if card is not None and card.metric == metric else None
        low, high = (interval.low, interval.high) if interval is not None else (None, None)
        unit: Unit = "dB" if metric.endswith("_db") else "share"
        yield FigureRow(name, metric, unit, found.value, smaller_is_better=False, low=low, high=high)
    if run.memory.peak_rss_bytes:
        yield FigureRow(name, "memory", "bytes", float(run.memory.peak_rss_bytes), smaller_is_better=True)


def _cases(name: str, run: Result) -> Iterator[JUnitCase]:
    why = "; ".join(f"{each.what} ({each.figure})" if each.figure else each.what for each in run.reasons)
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
    for verdict in run.requirements:
        ((_, said),) = requirement_rows([verdict])
        outcome = {True: "passed", False: "failure", None: "skipped"}[verdict.passed]
        yield JUnitCase(name, verdict.requirement, outcome, said)  # type: ignore[arg-type]
    for metric, found in (run.accuracy or {}).items():
        if found.passed is not None:
            said = f"{metric} is {found.value:.6g}, its target {found.target:.6g}"
            yield JUnitCase(name, f"target of {metric}", "passed" if found.passed else "failure", said)
