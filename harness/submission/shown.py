"""What is wrong with a tree, as a person reads it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping

from harness.report.table import table_lines
from harness.submission.finding import Finding, Report, printable

_SHORT_NAMES: Mapping[str, str] = {
    "INF": "mlcommons/inference",
    "SC": "mlcommons/inference, tools/submission/submission_checker",
    "IP": "mlcommons/inference_policies",
    "POL": "mlcommons/policies",
    "MO": "mlcommons/mobile_open",
    "MA": "mlcommons/mobile_app_open",
    "TI": "mlcommons/tiny",
}
"""What a finding's source calls the repository in which the document or the program lies."""


def render_report(report: Report) -> str:
    """Findings file by file, errors first, then the verdict."""
    lines = [line for name, group in itertools.groupby(report.findings, key=_where) for line in _of_file(name, group)]
    rows = [("tree", printable(report.tree)), ("rules", report.rules), *(("", note) for note in report.notes)]
    rows.append(("results", f"{report.results:,} looked at"))
    named = {word for one in report.findings for word in re.findall(r"\w+", one.source)}
    rows += [(short, whole) for short, whole in _SHORT_NAMES.items() if short in named]
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
