"""A difference for other programs."""

from __future__ import annotations

from harness.difference.record import DiffResult, OutputDifference
from harness.difference.report import spoilt
from harness.report.figure_rows import FigureRow, Told
from harness.report.for_programs.junit import JUnitCase
from harness.units import Unit

_FIGURES: tuple[tuple[str, Unit, bool], ...] = (
    ("avg_error", "count", True),
    ("max_error", "count", True),
    ("largest", "count", True),
    ("largest_steps", "count", True),
    ("snr_db", "dB", False),
    ("argmax_agreement", "share", False),
)


def told_of_difference(found: DiffResult) -> Told:
    """A row for each figure of each output that has one; a case for each output, which fails only where there is no figure."""
    model = f"{found.test.model}/{found.test.backend}"
    rows = [
        FigureRow(f"{model}/{output.name}", name, unit, float(value), smaller_is_better=smaller)
        for output in found.outputs
        for name, unit, smaller in _FIGURES
        if (value := getattr(output, name)) is not None
    ]
    why = spoilt(found)
    title = f"{model} against {found.reference.model}/{found.reference.backend}"
    cases = [_case(model, output) for output in found.outputs]
    return Told(title, why or f"measured on {found.num_runs:,} inputs", tuple(rows), tuple(cases), {})


def _case(model: str, output: OutputDifference) -> JUnitCase:
    if output.nan_test or output.nan_reference or output.other_shapes:
        why = (
            f"{output.nan_test:,} values of the tested side and {output.nan_reference:,} of the reference are no number; "
            f"{output.other_shapes:,} runs have outputs of different shapes"
        )
        return JUnitCase(model, output.name, "failure", why)
    return JUnitCase(model, output.name, "passed")
