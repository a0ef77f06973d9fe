"""One row for each backend and model of a sweep, side by side, with the speed-up against the first."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table


def render_sweep(rows: Sequence[Mapping[str, Any]]) -> str:
    """The table for a terminal; why a row is as it is stands with its runs."""
    metrics = list(dict.fromkeys(name for row in rows for name in row["accuracy"] or {}))[:1]
    percentiles = [] if all(row["scenario"] == "Offline" for row in rows) else ["p50", "p90"]
    table = Table(box=None, padding=(0, 2, 0, 0))
    latencies = [f"{name} ms" for name in percentiles]
    figures = [*latencies, "samples/s", *metrics, "nodes", "memory MB", "size MB", "speed-up"]
    for number, name in enumerate(["backend", "model", "status", *figures]):
        table.add_column(name, justify="left" if number < 3 else "right", overflow="fold")
    for row in rows:
        latency = row["latency_ns"] or {}
        table.add_row(
            row["backend"],
            row["model"],
            row["status"],
            *(_number(latency.get(name), 1e-6, 3) for name in percentiles),
            _number(row["samples_per_second"], 1, 1),
            *(_number((row["accuracy"] or {}).get(name), 1, 4) for name in metrics),
            "-" if row["nodes"] is None else f"{row['delegated_nodes']}/{row['nodes']}",
            _number(row["peak_rss_bytes"], 1e-6, 0),
            _number(row["model_bytes"], 1e-6, 1),
            "-" if row["speed_up"] is None else f"{row['speed_up']:.2f}x",
        )
    screen = io.StringIO()
    Console(file=screen, width=160, highlight=False, force_terminal=False, markup=False).print(table)
    return "\n".join(line.rstrip() for line in screen.getvalue().splitlines())


def _number(value: float | None, factor: float, digits: int) -> str:
    return "-" if value is None else f"{value * factor:,.{digits}f}"
