"""The verdict on each figure, each row and the whole budget, as records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from harness.budgets.file import Limit
from harness.json_records import LEFT_OUT
from harness.machine.facts import System
from harness.units import Unit

Status = Literal["passed", "failed", "not measured", "not a test", "reported"]
Verdict = Literal["pass", "fail", "not here", "not asked"]
SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure as it was measured, or why it was not."""

    value: float | None
    why: str = ""
    """Why there is none; or what more there is to say of it."""
    no_test: bool = False
    """Whatever comes out says nothing: both sides of a difference are the same."""


@dataclass(frozen=True, slots=True)
class Check:
    """One figure of a row, held against its limit."""

    figure: str
    unit: Unit
    limit: float | None
    """In that unit; null where the figure is only shown."""
    written: str
    """The limit as the file has it."""
    at_most: bool
    """Whether it is the most that is allowed, or the least."""
    optional: bool
    value: float | None
    """In that unit; null where it was not measured."""
    margin: float | None
    """How far it is on the right side, below 0 on the wrong one."""
    status: Status
    why: str


@dataclass(frozen=True, slots=True)
class RowVerdict:
    """One row."""

    name: str
    model: str
    path: Path | None
    """Null where there is no file."""
    standin: str
    """What stood in for the model; "" for the model itself."""
    backend: str
    threads: int
    verdict: Verdict
    """`not here`: nothing of it could be measured, or something that must be. `not asked`: it only shows figures."""
    missed: bool
    """Whether the budget is missed for it."""
    why: str
    """Of a verdict that is no pass."""
    notes: tuple[str, ...]
    checks: tuple[Check, ...]
    seconds: float
    """That it took."""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class BudgetResult:
    """A budget, judged."""

    schema_version: int
    title: str
    file: Path
    system: System
    rows: tuple[RowVerdict, ...]
    passed: int
    """Rows."""
    missed: int
    measured: int
    """Figures that were held against a limit."""
    note: str = ""
    allow_unmeasured: bool = field(default=False, metadata=LEFT_OUT)


def checked(limit: Limit, found: Measured) -> Check:
    """A figure held against its limit."""
    figure, value = limit.figure, found.value
    margin: float | None = None
    status: Status
    if found.no_test:
        status = "not a test"
    elif value is None:
        status = "not measured"
    elif limit.value is None:
        status = "reported"
    else:
        margin = limit.value - value if figure.at_most else value - limit.value
        status = "passed" if margin >= 0 else "failed"
    return Check(
        figure.name,
        figure.unit,
        limit.value,
        limit.written,
        figure.at_most,
        limit.optional,
        value,
        margin,
        status,
        found.why,
    )


def judged(checks: Sequence[Check], *, optional: bool, allow_unmeasured: bool) -> tuple[Verdict, bool, str]:
    """The verdict on a row, whether the budget is missed for it, and why.

    Args:
        checks: Of the row.
        optional: Whether the budget may hold though the row could not be measured.
        allow_unmeasured: Whether any row may.
    """
    failed = [check for check in checks if check.status == "failed"]
    if failed:
        return "fail", True, ", ".join(check.figure for check in failed)
    asked = [check for check in checks if check.limit is not None]
    lacking = [check for check in asked if check.status != "passed" and not check.optional]
    if lacking:
        missed = not (optional or allow_unmeasured)
        return "not here", missed, _whys(lacking)
    if any(check.status == "passed" for check in asked):
        return "pass", False, ""
    if asked:
        return "not here", False, _whys(asked)
    return "not asked", False, ""


def _whys(checks: Sequence[Check]) -> str:
    """Each reason once, with the figures that it holds for."""
    by_why: dict[str, list[str]] = {}
    for check in checks:
        why = f"not a test: {check.why}" if check.status == "not a test" else check.why
        by_why.setdefault(why, []).append(check.figure)
    if len(by_why) == 1:
        return next(iter(by_why))
    return "; ".join(f"{', '.join(figures)}: {why}" for why, figures in by_why.items())
