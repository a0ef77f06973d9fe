"""Requirements as a person reads them: the figure, the limit and the margin."""

from __future__ import annotations

from collections.abc import Sequence

from harness.results.scores import Verdict
from harness.units import quantity_text


def requirement_rows(verdicts: Sequence[Verdict]) -> list[tuple[str, str]]:
    """A row for each."""
    return [("required", _sentence(verdict)) for verdict in verdicts]


def missed_names(verdicts: Sequence[Verdict]) -> list[str]:
    """The figures that miss, each once."""
    return list(dict.fromkeys(verdict.figure for verdict in verdicts if verdict.passed is False))


def _sentence(verdict: Verdict) -> str:
    who = "" if verdict.source == "required" else f" ({verdict.source})"
    said = f"{verdict.requirement}{who}"
    if verdict.value is None or verdict.margin is None:
        return f"{said}: {'MISSED' if verdict.passed is False else 'not asked here'}, {verdict.why}"
    value, margin = (quantity_text(each, verdict.unit) for each in (verdict.value, abs(verdict.margin)))
    return f"{said}: {value}, {'passed' if verdict.passed else 'MISSED'} by {margin}"
