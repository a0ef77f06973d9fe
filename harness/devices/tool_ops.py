"""What TFLite's benchmark_model tells of single ops with `--enable_op_profiling`, read from its tables in run order.

Of LRT tflite/profiling/profile_summary_formatter.cc and its statistics calculator: a table has the columns that its head names,
parted by tabs (older releases have `[start]` too), in milliseconds with three digits. The same rows by time follow it, and are
not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_REGULAR = "Operator-wise Profiling Info for Regular Benchmark Runs:"
_TITLE = re.compile(r"(Primary graph|Subgraph \d+|Delegate internal)\b.*:\s*$")
_FEW = 3
"""Columns: fewer are no row."""


@dataclass(frozen=True, slots=True)
class ToolOp:
    """An op, or an operator within a delegate, as the tool tells of it. Times are in ns, told in whole microseconds."""

    graph: str
    """`Primary graph`, `Subgraph 1`, or `Delegate internal`: what a delegate tells of its own, which lies within the others."""
    order: int
    """Its place in the table, from 0."""
    type: str
    name: str
    """Of its output, mostly."""
    first_ns: float | None
    avg_ns: float
    share: float | None
    """Of its table, 0 to 1."""


def read_ops(text: str) -> tuple[ToolOp, ...]:
    """All of them in run order; none where the tool tells none, since it was built without."""
    _, found, regular = text.partition(_REGULAR)
    return tuple(_ops(regular)) if found else ()


def _ops(text: str) -> Iterator[ToolOp]:
    graph, told, names, order = "Primary graph", set[str](), list[str](), 0
    for line in text.splitlines():
        if title := _TITLE.search(line):
            graph, names = title[1], []
            continue
        cells = [cell.strip() for cell in line.split("\t")][1:]
        if "[node type]" in cells:
            # The second table of a graph has the same rows by time.
            names, order = ([] if graph in told else [cell.strip("[]").strip() for cell in cells]), 0
            told.add(graph)
        elif len(cells) < _FEW:
            names = []
        elif len(cells) == len(names):
            row = dict(zip(names, cells, strict=True))
            average = _number(row.get("avg ms"))
            if average is None:
                continue
            first, share = _number(row.get("first")), _number(row.get("%", "").rstrip("%"))
            yield ToolOp(
                graph,
                order,
                row["node type"],
                row.get("Name", ""),
                None if first is None else first * 1e6,
                average * 1e6,
                None if share is None else share / 100,
            )
            order += 1


def _number(text: str | None) -> float | None:
    return float(text) if text and re.fullmatch(r"[0-9]{1,18}(\.[0-9]{1,18})?", text) else None
