"""Models side by side, for other programs."""

from __future__ import annotations

from harness.report.figure_rows import FigureRow, Told
from harness.report.for_programs.junit import JUnitCase
from harness.side_by_side.record import ComparedBackend, ComparedRow, ModelComparison, Versus


def told_of_models(found: ModelComparison) -> Told:
    """A row for each figure of each model behind each backend; a case for each model, which fails where it is not known."""
    rows = [row for each in found.backends for figure in each.rows for row in _rows(found, each, figure)]
    cases = [case for each in found.backends for case in _cases(found, each)]
    verdict = f"{len(found.models)} models on {found.dataset}, the first being what the others are held against"
    return Told(f"{found.task}: models side by side", verdict, tuple(rows), tuple(cases), {})


def _rows(found: ModelComparison, each: ComparedBackend, row: ComparedRow) -> list[FigureRow]:
    notes = ["", *(_note(versus) for versus in row.versus)]
    return [
        FigureRow(
            f"{found.task}/{model}/{each.backend_asked}", row.name, row.unit, figure.value, row.lower_is_better, figure.low,
            figure.high, note,
        )
        for model, figure, note in zip(found.models, row.figures, notes, strict=True)
        if figure.value is not None
    ]  # fmt: skip


def _note(versus: Versus) -> str:
    if versus.ratio is None and versus.difference is None:
        return ""
    value = versus.ratio if versus.ratio is not None else versus.difference
    ends = "" if versus.low is None or versus.high is None else f" ({versus.low:.4g}..{versus.high:.4g})"
    words = (
        f"the first has {value:.4g} times as much" if versus.ratio is not None else f"{value:.4g} more than the first"
    )
    return f"{words}{ends}" + (f": {versus.standing}" if versus.standing else "")


def _cases(found: ModelComparison, each: ComparedBackend) -> list[JUnitCase]:
    whys = dict(each.failures)
    whys |= {row.model: row.refusal.why for row in each.bench.rows if row.refusal is not None}
    return [
        JUnitCase(
            f"{model}/{each.backend_asked}",
            "scored and timed",
            "error" if model in whys else "passed",
            whys.get(model, ""),
        )
        for model in found.models
    ]
