"""A budget's verdict as a person reads it, and as CI does."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from harness.budgets.verdict import BudgetResult, Check, RowVerdict
from harness.report.for_programs.junit import JUnitCase, Outcome
from harness.report.table import Column, table_lines
from harness.units import Unit, quantity_text

_WIDTH = 150
_SAID = {
    "passed": "passed",
    "failed": "FAILED",
    "reported": "shown",
    "not a test": "not a test",
    "not measured": "not here",
}
_VERDICTS = {"pass": "pass", "fail": "FAIL", "not here": "not here", "not asked": "shown"}


def render(result: BudgetResult) -> str:
    """A table of every figure, and the verdict on every row."""
    lines = [result.title, *(textwrap.wrap(result.note, _WIDTH) if result.note else [])]
    rows = [
        (
            row.name if not place else "",
            check.figure,
            "shown"
            if check.limit is None
            else f"{'<=' if check.at_most else '>='} {quantity(check.limit, check.unit)}",
            "-" if check.value is None else quantity(check.value, check.unit),
            "-" if check.margin is None else quantity(check.margin, check.unit, signed=True),
            _said(check),
        )
        for row in result.rows
        for place, check in enumerate(row.checks)
    ]
    columns = (
        Column("row", wrap=True),
        Column("figure"),
        Column("limit", "right"),
        Column("measured", "right"),
        Column("margin", "right"),
        Column("verdict", wrap=True),
    )
    lines += ["", *table_lines(rows, columns, width=_WIDTH), ""]
    for row in result.rows:
        lines += _verdict(row)
    missed = f"{result.missed} missed" if result.missed else "none missed"
    return "\n".join([*lines, "", f"{result.passed} of {len(result.rows)} rows pass, {missed}"])


def _said(check: Check) -> str:
    said = _SAID[check.status]
    if check.why:
        said += f": {check.why}" if check.value is None else f" ({check.why})"
    lacks = check.status in ("not a test", "not measured")
    return said + (", optional" if lacks and check.optional and check.limit is not None else "")


def _verdict(row: RowVerdict) -> list[str]:
    why = f": {row.why}" if row.why else ""
    untested = [check.figure for check in row.checks if check.status == "not a test"]
    if row.verdict == "pass" and untested:
        why = f", but for {', '.join(untested)}: not a test"
    counted = " (counts as missed)" if row.verdict == "not here" and row.missed else ""
    lines = textwrap.wrap(f"{_VERDICTS[row.verdict]:8} {row.name}{why}{counted}", _WIDTH, subsequent_indent=" " * 9)
    standin = [f"measured with a stand-in: {row.standin}"] if row.standin else []
    for note in (*standin, *row.notes):
        lines += textwrap.wrap(note, _WIDTH, initial_indent=" " * 9, subsequent_indent=" " * 9)
    return lines


def quantity(value: float, unit: Unit, *, signed: bool = False) -> str:
    """A figure with its unit; differences keep four digits however small they are."""
    sign = "" if not signed else "-" if value < 0 else "+"
    size = abs(value) if signed else value
    if unit == "count":
        return f"{sign}{size:.4g}"
    return sign + quantity_text(size, unit)


def junit_cases(result: BudgetResult) -> Sequence[JUnitCase]:
    """A case for every figure that has a limit."""
    found = []
    for row in result.rows:
        limited = [check for check in row.checks if check.limit is not None]
        for place, check in enumerate(limited):
            outcome, message = _outcome(row, check)
            limit = quantity(check.limit or 0.0, check.unit)
            name = f"{check.figure} {'<=' if check.at_most else '>='} {limit}"
            value = "" if check.value is None else f"{check.figure} = {quantity(check.value, check.unit)}"
            more = [value, f"stand-in: {row.standin}" if row.standin else "", *row.notes]
            seconds = 0.0 if place else row.seconds
            found.append(JUnitCase(row.name, name, outcome, message, seconds, "\n".join(filter(None, more))))
    return found


def _outcome(row: RowVerdict, check: Check) -> tuple[Outcome, str]:
    if check.status == "passed":
        return "passed", ""
    if check.status == "failed":
        value, limit = (quantity(each or 0.0, check.unit) for each in (check.value, check.limit))
        return "failure", f"{check.figure} is {value}, {'more' if check.at_most else 'less'} than {limit}"
    lacks = row.missed and not check.optional
    return ("failure" if lacks else "skipped"), f"{_SAID[check.status]}: {check.why}"
