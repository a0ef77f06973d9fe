"""A fleet as a person reads it: one table, one comparison."""

from __future__ import annotations

from harness.comparison.report import render as render_comparison
from harness.fleet.record import FleetResult, FleetRow
from harness.report.table import Column, table_lines
from harness.units import number

_WIDTH = 150


def render_fleet(result: FleetResult) -> str:
    """The table, why devices are not valid, and how they compare."""
    metrics = list(dict.fromkeys(name for row in result.rows for name in row.accuracy or {}))[:1]
    columns = [Column(name, wrap=True) for name in ("device", "machine", "backend", "status")]
    names = ["p50 ms", "p90 ms", "mean ms", "samples/s", *metrics, "times the first"]
    columns += [Column(name, "right") for name in names]
    lines = table_lines([_cells(row, metrics) for row in result.rows], columns, width=_WIDTH)
    lines += [f"{row.device} ({row.target}): {row.why}" for row in result.rows if row.why]
    if tools := [row.device for row in result.rows if row.measured_by == "benchmark_model"]:
        lines.append(
            f"{', '.join(tools)}: by TFLite's benchmark_model, not LoadGen: no result by MLPerf's rules, and not held "
            "against the others"
        )
    if result.comparison is not None:
        lines += ["", render_comparison(result.comparison)]
    if result.not_compared:
        lines += ["", f"compared: {result.not_compared}"]
    return "\n".join(lines)


def _cells(row: FleetRow, metrics: list[str]) -> list[str]:
    return [
        row.device,
        row.machine or "-",
        row.backend or "-",
        row.status,
        *(_number(each, 1e-6, 3) for each in (row.p50_ns, row.p90_ns, row.mean_ns)),
        _number(row.samples_per_second, 1, 1),
        *(_number((row.accuracy or {}).get(name), 1, 4) for name in metrics),
        _number(row.times_first, 1, 2),
    ]


def _number(value: float | None, factor: float, decimals: int) -> str:
    return "-" if value is None else number(value * factor, decimals)
