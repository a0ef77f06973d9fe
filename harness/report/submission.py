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
        return [*table_lines(rows), submission_text(submission)]
    fixes = [f"  fix: {reason.fix}" for reason in submission.reasons if reason.fix]
    return [*table_lines(rows), *dict.fromkeys(fixes), submission_text(submission)]


def submission_text(submission: Submission) -> str:
    """Whether they are one, in a line."""
    if submission.reasons:
        return f"not a submission: {told_reasons(submission.reasons)}"
    return f"a submission by {submission.rules}, as far as this program can tell"


def told_reasons(reasons: Sequence[Reason]) -> str:
    """All of them in a line, without what to do."""
    return "; ".join(map(_what, reasons))


def _what(reason: Reason) -> str:
    return f"{reason.what} ({reason.figure})" if reason.figure else reason.what


def _with_fix(reason: Reason) -> str:
    return f"{_what(reason)}: {reason.fix}" if reason.fix else _what(reason)
