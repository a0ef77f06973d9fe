"""What runs are worth as a submission, as a person reads it."""

from __future__ import annotations

from collections.abc import Sequence

from harness.report.table import table_lines
from harness.results.record import Reason, Submission


def objection_lines(reasons: Sequence[Reason]) -> list[str]:
    """Before anything runs: what those who receive it would object to, each with what to do."""
    found = list(dict.fromkeys(reasons))
    return ["this will be no submission:", *(f"  {_with_fix(reason)}" for reason in found)] if found else []


def submission_lines(submission: Submission) -> list[str]:
    """The last words of a series."""
    rows = [("rules", submission.rules), ("good for", submission.good_for)]
    if not submission.rested:
        rows.append(("cooldown", "shorter than the rules say (--cooldown)"))
    if not submission.reasons:
        return [*table_lines(rows), f"a submission by {submission.rules}, as far as this program can tell"]
    fixes = [f"  fix: {reason.fix}" for reason in submission.reasons if reason.fix]
    what = "; ".join(_what(reason) for reason in submission.reasons)
    return [*table_lines(rows), *dict.fromkeys(fixes), f"not a submission: {what}"]


def _what(reason: Reason) -> str:
    return f"{reason.what} ({reason.figure})" if reason.figure else reason.what


def _with_fix(reason: Reason) -> str:
    return f"{_what(reason)}: {reason.fix}" if reason.fix else _what(reason)
