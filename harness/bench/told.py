"""What `bench` found, for other programs."""

from __future__ import annotations

from collections.abc import Iterator

from harness.bench.result import BenchResult, BenchRow
from harness.report.figure_rows import FigureRow, Told
from harness.report.for_programs.junit import JUnitCase


def told_of_bench(result: BenchResult) -> Told:
    """A row for each figure of each model, a case for each model."""
    rows = [figure for row in result.rows for figure in _rows(row)]
    cases = [_case(row) for row in result.rows]
    broken = sum(case.outcome != "passed" for case in cases)
    verdict = f"{len(cases) - broken} of {len(cases)} models measured by {result.measured_by}"
    return Told("bench", verdict, tuple(rows), tuple(cases), {})


def _rows(row: BenchRow) -> Iterator[FigureRow]:
    if row.opened is not None:
        yield FigureRow(row.name, "load", "ns", row.opened.load_ns, smaller_is_better=True)
    if row.warm_up is not None and row.warm_up.first_ns is not None:
        yield FigureRow(row.name, "first", "ns", row.warm_up.first_ns, smaller_is_better=True)
    if row.found is not None:
        latency, note = row.found.latency, _speed(row)
        # The interval of the median takes runs for independent, which they are not: it is left out.
        yield FigureRow(row.name, "p50", "ns", latency.median, smaller_is_better=True, note=note)
        for name, value in (("mean", latency.mean), ("p90", latency.p90), ("p99", latency.p99)):
            yield FigureRow(row.name, name, "ns", value, smaller_is_better=True)
        if (peak := row.found.memory.peak_rss_bytes) is not None:
            yield FigureRow(row.name, "memory", "bytes", peak, smaller_is_better=True)


def _speed(row: BenchRow) -> str:
    if row.speed is None or row.standing is None:
        return ""
    ends = "" if row.speed.low is None else f" ({row.speed.low:.3f}..{row.speed.high:.3f})"
    return f"{row.speed.median:.3f} times the first's speed{ends}: {row.standing}"


def _case(row: BenchRow) -> JUnitCase:
    if row.refusal is None:
        return JUnitCase(row.name, "measured", "passed")
    return JUnitCase(row.name, "measured", "error", f"{row.refusal.kind}: {row.refusal.why}")
