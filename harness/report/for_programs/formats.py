"""Figures and verdicts for other programs: JUnit XML, Markdown, Prometheus, CSV, github-action-benchmark's and bencher's JSON.

Every text may hold anything, a file's name say, and is written so that it stays text.
"""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from accuracy.outside.shown import printable
from harness.report.figure_rows import FigureRow, Told
from harness.report.for_programs.junit import junit_xml
from harness.units import quantity_text

_PROMETHEUS = "tflite_loadgen_"
_BASE_UNITS = {"ns": ("seconds", 1e-9), "samples/s": ("samples_per_second", 1.0), "bytes": ("bytes", 1.0)}
"""Prometheus wants base units, named (https://prometheus.io/docs/practices/naming)."""
_MARKS = re.compile(r"([\\`*_\[\]|#~!$@-])")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would reckon with."""


def markdown(told: Told) -> str:
    """GitHub-flavoured: a job summary."""
    lines = [f"### {_marked(told.title)}", "", f"**{_marked(told.verdict)}**", ""]
    if told.rows:
        lines += ["| benchmark | figure | value | |", "|---|---|---:|---|"]
        lines += [
            f"| {_marked(row.benchmark)} | {_marked(row.figure)} | {_marked(_value(row))} | {_marked(row.note)} |"
            for row in told.rows
        ]
        lines.append("")
    marks = {"passed": "passed", "failure": "**failed**", "error": "**broke**", "skipped": "skipped"}
    lines += [
        f"- {marks[case.outcome]}: {_marked(case.group)}, {_marked(case.name)}"
        + (f": {_marked(case.message)}" if case.message else "")
        for case in told.cases
    ]
    return "\n".join(lines) + "\n"


def prometheus(told: Told) -> str:
    """The text format, for node_exporter's textfile collector."""
    families: dict[str, list[str]] = {}
    labels: dict[str, str] = {}
    count = Counter[str]()
    for name, value in told.labels.items():
        # `a-b` and `a.b` are one name there.
        plain = _label_name(name)
        count[plain] += 1
        labels[plain if count[plain] == 1 else f"{plain}_{count[plain]}"] = value
    for row in told.rows:
        unit, factor = _BASE_UNITS.get(row.unit, (re.sub(r"\W", "_", row.unit), 1.0))
        family = f"{_PROMETHEUS}{'latency_' if row.unit == 'ns' else ''}{unit}"
        own = labels | {"benchmark": row.benchmark, "figure": row.figure}
        text = ",".join(f'{name}="{_label(value)}"' for name, value in own.items())
        families.setdefault(family, []).append(f"{family}{{{text}}} {row.value * factor!r}")
    passed = f"{_PROMETHEUS}passed"
    for case in told.cases:
        if case.outcome != "skipped":
            text = f'benchmark="{_label(case.group)}",check="{_label(case.name)}"'
            families.setdefault(passed, []).append(f"{passed}{{{text}}} {int(case.outcome == 'passed')}")
    return "".join(f"# TYPE {name} gauge\n" + "\n".join(lines) + "\n" for name, lines in families.items())


def as_csv(told: Told) -> str:
    """A line a figure."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("benchmark", "figure", "value", "unit", "low", "high", "note"))
    for row in told.rows:
        ends = ["" if end is None else repr(end) for end in (row.low, row.high)]
        writer.writerow((_cell(row.benchmark), _cell(row.figure), repr(row.value), row.unit, *ends, _cell(row.note)))
    return file.getvalue()


def github(told: Told) -> str:
    """github-action-benchmark's customSmallerIsBetter; what is better the larger is left out."""
    return _json([_github_row(row) for row in told.rows if row.smaller_is_better])


def github_bigger(told: Told) -> str:
    """github-action-benchmark's customBiggerIsBetter: throughput and metrics."""
    return _json([_github_row(row) for row in told.rows if not row.smaller_is_better])


def bencher(told: Told) -> str:
    """Bencher Metric Format (https://bencher.dev/docs/reference/bencher-metric-format)."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for row in told.rows:
        measure = {"value": row.value}
        if row.low is not None and row.high is not None:
            measure |= {"lower_value": row.low, "upper_value": row.high}
        found.setdefault(row.benchmark, {})[row.figure] = measure
    return _json(found)


def junit(told: Told) -> str:
    """JUnit XML: a case a verdict."""
    return junit_xml(told.title, told.cases).decode() + "\n"


FORMATS: Mapping[str, Callable[[Told], str]] = {
    "junit": junit,
    "markdown": markdown,
    "prometheus": prometheus,
    "csv": as_csv,
    "github": github,
    "github-bigger": github_bigger,
    "bencher": bencher,
}
"""By the name that `--format` takes."""


def _github_row(row: FigureRow) -> dict[str, Any]:
    spread = {} if row.low is None or row.high is None else {"range": f"{row.low:.6g}..{row.high:.6g}"}
    note = {"extra": row.note} if row.note else {}
    return {"name": f"{row.benchmark} {row.figure}", "unit": row.unit, "value": row.value, **spread, **note}


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, allow_nan=False) + "\n"


def _value(row: FigureRow) -> str:
    text = quantity_text(row.value, row.unit)
    if row.low is None or row.high is None:
        return text
    return f"{text} ({quantity_text(row.low, row.unit)} to {quantity_text(row.high, row.unit)})"


def _marked(text: str) -> str:
    """Text of one line that means nothing to Markdown or HTML."""
    return _MARKS.sub(r"\\\1", html.escape(printable(" ".join(text.split())), quote=False))


def _label_name(name: str) -> str:
    return "label_" + re.sub(r"[^a-zA-Z0-9_]", "_", name)


def _label(text: str) -> str:
    return printable(text).replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _cell(text: str) -> str:
    plain = printable(text)
    return f"'{plain}" if plain.startswith(_FORMULA) else plain
