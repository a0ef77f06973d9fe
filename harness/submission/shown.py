"""What is wrong with a tree, as a person reads it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from harness.report.table import table_lines
from harness.submission.finding import Finding, Report, printable


def render_report(report: Report) -> str:
    """Findings file by file, errors first, then the verdict."""
    lines = [line for name, group in itertools.groupby(report.findings, key=_where) for line in _of_file(name, group)]
    rows = [("tree", printable(report.tree)), ("rules", report.rules), *(("", note) for note in report.notes)]
    rows.append(("results", f"{report.results:,} looked at"))
    verdict = "no error was found" if not report.errors else _counted(report.errors, "error")
    if report.warnings:
        verdict += f", {_counted(report.warnings, 'warning')}"
    return "\n".join([*lines, *([""] if lines else []), *table_lines(rows), verdict])


def _where(finding: Finding) -> tuple[str, str]:
    return finding.severity, finding.file


def _of_file(where: tuple[str, str], findings: Iterator[Finding]) -> Iterator[str]:
    severity, file = where
    yield f"{severity}: {file or 'the tree'}"
    for one in findings:
        figure = f" ({one.figure})" if one.figure else ""
        yield f"  {one.rule}: {one.what}{figure}"
        yield f"    fix: {one.fix}"
        yield f"    asked for by: {one.source}"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
