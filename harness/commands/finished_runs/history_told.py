"""The history for other programs."""

from __future__ import annotations

from collections.abc import Sequence

from harness.history.entry import FIGURES, LOWER_IS_BETTER, HistoryEntry
from harness.report.figure_rows import FigureRow, Told
from harness.report.for_programs.junit import JUnitCase
from harness.units import Unit

_UNITS: dict[str, Unit] = {
    "p50": "ns",
    "p90": "ns",
    "p99": "ns",
    "samples_per_second": "samples/s",
    "peak_rss_bytes": "bytes",
    "accuracy": "share",
}


def told_of_history(entries: Sequence[HistoryEntry]) -> Told:
    """A row for each figure of each run, a case for each run."""
    rows = tuple(
        FigureRow(one.path, name, _UNITS[name], value, name in LOWER_IS_BETTER, note=f"{one.task} {one.scenario}")
        for one in entries
        for name in FIGURES
        if (value := getattr(one, name)) is not None
    )
    cases = tuple(
        JUnitCase(f"{one.task}/{one.scenario}", one.path, "passed" if one.status == "valid" else "failure", one.status)
        for one in entries
    )
    return Told("history", f"{len(entries):,} runs", rows, cases, {})


def told_of_judgement(cases: Sequence[JUnitCase]) -> Told:
    """A case for each benchmark that was judged, or could not be."""
    worse = sum(case.outcome == "failure" for case in cases)
    return Told("against what is usual", f"{worse} of {len(cases)} regressed", (), tuple(cases), {})
