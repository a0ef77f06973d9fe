"""A comparison for other programs."""

from __future__ import annotations

from harness.comparison.live import LiveResult
from harness.comparison.record import ComparedFigure, ComparisonResult
from harness.comparison.report import change_text, verdict_of
from harness.report.figure_rows import FigureRow, Told
from harness.report.for_programs.junit import JUnitCase


def told_of_comparison(found: ComparisonResult) -> Told:
    """A row for each figure of each new result, a case for each limit."""
    rows, cases = [], []
    for pair in found.pairs:
        for figure in pair.figures:
            note = _note(figure)
            smaller = figure.unit in ("ns", "bytes")
            rows.append(FigureRow(pair.new, figure.name, figure.unit, figure.new, smaller, note=note))
            if figure.limit is not None and figure.regressed is not None:
                outcome = "failure" if figure.regressed else "passed"
                cases.append(JUnitCase(pair.new, f"{figure.name} against {pair.base}", outcome, note))  # type: ignore[arg-type]
    verdict = "; ".join(verdict_of(pair, found) for pair in found.pairs)
    return Told(f"against {found.pairs[0].base}", verdict, tuple(rows), tuple(cases), {})


def _note(figure: ComparedFigure) -> str:
    word = "REGRESSED" if figure.regressed else figure.standing
    interval = "" if figure.low is None else f" ({change_text(figure, figure.low)}..{change_text(figure, figure.high)})"
    return f"{change_text(figure, figure.change)}{interval}: {word}"


def told_of_live(found: LiveResult) -> Told:
    """The change, and a case for the limit: skipped where the two were not told apart."""
    outcomes = {"regressed": "failure", "within the limit": "passed"}
    ends = "" if found.low is None or found.high is None else f" ({found.low:+.1%}..{found.high:+.1%})"
    note = f"{found.change:+.1%}{ends}, the limit {found.limit:+.1%}: {found.decision}"
    row = FigureRow(found.new, f"{found.figure} change", "share", found.change, True, found.low, found.high, note)
    case = JUnitCase(
        found.new,
        f"{found.figure} against {found.base}",
        outcomes.get(found.decision, "skipped"),  # type: ignore[arg-type]
        note,
        found.took_s,
    )
    return Told(f"against {found.base}, measured now", note, (row,), (case,), {})
