"""What each op took on a device, in tables for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from harness.devices.tool_ops import ToolOp
from harness.report.table import Column, table_lines
from harness.units import duration

_SLOWEST = 10


def op_tables(model: str, ops: Sequence[ToolOp], views: Sequence[str]) -> Iterator[str]:
    """A table for each graph and view.

    Args:
        model: For the heads.
        ops: As the tool told of them.
        views: Of `VIEWS`.
    """
    for graph in dict.fromkeys(op.graph for op in ops):
        of_graph = [op for op in ops if op.graph == graph]
        for view in views:
            yield from ("", f"{model}, {graph.lower()}: {VIEWS[view][0]}")
            yield from VIEWS[view][1](of_graph)


def _by_type(ops: Sequence[ToolOp]) -> list[str]:
    whole = sum(op.avg_ns for op in ops)
    kinds: dict[str, list[float]] = {}
    for op in ops:
        kinds.setdefault(op.type, []).append(op.avg_ns)
    rows = [
        [kind, str(len(times)), duration(sum(times)), _share(sum(times), whole)]
        for kind, times in sorted(kinds.items(), key=lambda item: -sum(item[1]))
    ]
    return _table(("node type", "count", "time", "share"), rows)


def _of_ops(ops: Sequence[ToolOp], whole: float) -> list[str]:
    rows = [[op.type, str(op.order), duration(op.avg_ns), _share(op.avg_ns, whole), op.name] for op in ops]
    return _table(("node type", "order", "time", "share", "name"), rows)


def _slowest(ops: Sequence[ToolOp]) -> list[str]:
    return _of_ops(sorted(ops, key=lambda op: -op.avg_ns)[:_SLOWEST], sum(op.avg_ns for op in ops))


def _in_order(ops: Sequence[ToolOp]) -> list[str]:
    return _of_ops(ops, sum(op.avg_ns for op in ops))


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.1%}" if whole else "-"


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    columns = [Column(name, "left" if name in ("node type", "name") else "right", wrap=True) for name in names]
    return table_lines(rows, columns, width=150)


VIEWS: Mapping[str, tuple[str, Callable[[Sequence[ToolOp]], list[str]]]] = {
    "type": ("by node type", _by_type),
    "slowest": (f"the {_SLOWEST} slowest", _slowest),
    "order": ("in run order", _in_order),
}
"""Name -> what its table shows, and how it is made."""
