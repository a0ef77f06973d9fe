"""Variants of a model as a person reads them: a line a variant, since they are more than fit side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.report.accuracy import metric
from harness.report.table import Column, table_lines
from harness.side_by_side.drop import Lost
from harness.side_by_side.record import ComparedBackend, ComparedRow, ModelComparison
from harness.side_by_side.report import versus_text
from harness.units import bytes_text, duration

_NAMED = 3
_WIDTH = 170


def render_variants(found: ModelComparison, lost: Sequence[Lost]) -> str:
    """For a terminal: a table a backend, and below it what was refused."""
    samples = f", {found.samples:,} samples" if found.samples is not None else ""
    lines = [f"{found.kind} on {found.dataset}{samples}"]
    for each in found.backends:
        lines += ["", *_table(found, each, [one for one in lost if one.backend_asked == each.backend_asked])]
        lines += [f"{model}: not scored: {why}" for model, why in each.failures.items()]
        lines += [f"{row.name}: {row.refusal.kind}: {row.refusal.why}" for row in each.bench.rows if row.refusal]
    lines += ["", *(_changed(one) for one in lost if one.changed is not None and one.changed.count)]
    return "\n".join(
        [
            *lines,
            f"in brackets 95 % intervals; times in turns, by bench's clock on {found.fed} (docs/any-model.md)",
            found.directory,
        ]
    )


def missed(found: Sequence[Lost]) -> str:
    """What a gate has to say against the variants; "" where all passed or nothing was asked."""
    return "; ".join(
        f"{one.model}{_behind(one)} lost {_share(one)} of {one.metric}, more than --max-drop {100 * (one.allowed or 0):g}%"
        if one.drop is not None
        else f"what {one.model}{_behind(one)} lost of {one.metric} is not known, or the original scores 0: --max-drop unmet"
        for one in found
        if one.passed is False
    )


def _table(found: ModelComparison, each: ComparedBackend, lost: Sequence[Lost]) -> list[str]:
    rows = {row.name: row for row in each.rows}
    metric_name = lost[0].metric if lost else ""
    latency = rows.get("latency, median")
    columns = [
        Column(each.backend_asked, wrap=True),
        Column(metric_name, "right", wrap=True),
        Column("lost", "right"),
        Column("changed", "right"),
        Column("latency, median", "right"),
        Column("against the original", "right", wrap=True),
        Column("size", "right"),
        Column("memory", "right"),
        Column("in delegate", "right"),
    ]
    if any(one.passed is not None for one in lost):
        columns.append(Column("gate"))
    lines = []
    for place, model in enumerate(found.models):
        one = lost[place - 1] if place else None
        ratio = versus_text(latency, latency.versus[place - 1]) if latency and place else ""
        line = [
            model,
            _score(rows.get(metric_name), metric_name, place),
            _share(one) if one else "",
            f"{one.changed.count:,}" if one and one.changed else "",
            _text(latency, place, lambda value: duration(value)),
            ratio,
            _text(rows.get("size"), place, lambda value: bytes_text(round(value))),
            _text(rows.get("memory overall"), place, lambda value: bytes_text(round(value))),
            _text(rows.get("ops in the delegate"), place, lambda value: f"{value:.0%}"),
        ]
        if len(columns) > len(line):
            line.append("" if one is None else "passed" if one.passed else "MISSED")
        lines.append(line)
    return table_lines(lines, columns, width=_WIDTH)


def _score(row: ComparedRow | None, name: str, place: int) -> str:
    if row is None or (value := row.figures[place].value) is None:
        return "-"
    low, high = row.figures[place].low, row.figures[place].high
    between = "" if low is None or high is None else f" ({metric(name, low)}..{metric(name, high)})"
    return f"{metric(name, value)}{between}"


def _text(row: ComparedRow | None, place: int, said: Callable[[float], str]) -> str:
    value = row.figures[place].value if row else None
    return "-" if value is None else said(value)


def _changed(one: Lost) -> str:
    if one.changed is None:
        return ""
    more = ", ..." if one.changed.count > _NAMED else ""
    return (
        f"{one.model}{_behind(one)}: {one.changed.count:,} of {one.changed.of:,} samples have {one.changed.means} "
        f"({', '.join(one.changed.first[:_NAMED])}{more})"
    )


def _behind(one: Lost) -> str:
    return "" if one.backend_asked == "cpu" else f" on {one.backend_asked}"


def _share(one: Lost) -> str:
    return "-" if one.drop is None else "nothing" if one.drop <= 0 else f"{one.drop:.2%}"
