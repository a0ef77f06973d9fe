"""One row for each backend and model of a sweep, side by side, with the speed-up against the first."""

from __future__ import annotations

from collections.abc import Sequence

from harness.report.table import Column, table_lines
from harness.results.figures import SweepRow
from harness.units import number

_WIDTH = 160


def render_sweep(rows: Sequence[SweepRow]) -> str:
    """The table for a terminal; why a row is as it is stands with its runs."""
    metrics = list(dict.fromkeys(name for row in rows for name in row.accuracy or {}))[:1]
    streams = any(row.scenario != "Offline" for row in rows)
    latencies = ["p50 ms", "p90 ms"] if streams else []
    figures = [*latencies, "samples/s", *metrics, "nodes", "memory MB", "size MB", "speed-up"]
    columns = [Column(name, "left", wrap=True) for name in ("backend", "model", "status")]
    columns += [Column(name, "right", wrap=True) for name in figures]
    return "\n".join(table_lines([_cells(row, metrics, streams=streams) for row in rows], columns, width=_WIDTH))


def _cells(row: SweepRow, metrics: Sequence[str], *, streams: bool) -> list[str]:
    latency = row.latency_ns
    latencies = ([latency.p50, latency.p90] if latency else [None, None]) if streams else []
    return [
        row.backend,
        row.model,
        row.status,
        *(_number(each, 1e-6, 3) for each in latencies),
        _number(row.samples_per_second, 1, 1),
        *(_number((row.accuracy or {}).get(name), 1, 4) for name in metrics),
        "-" if row.nodes is None else f"{row.delegated_nodes}/{row.nodes}",
        _number(row.peak_rss_bytes, 1e-6, 0),
        _number(row.model_bytes, 1e-6, 1),
        _speed(row),
    ]


def _speed(row: SweepRow) -> str:
    """By LoadGen's figure of the scenario where that is known, with how sure it is; else as older results have it."""
    if (headline := row.headline) is None:
        return "-" if row.speed_up is None else f"{number(row.speed_up, 2)}x"
    by = "" if headline.figure == "samples_per_second" else f" by {headline.figure}"
    text = f"{number(headline.ratio, 2)}x{by}"
    if headline.low is None or headline.high is None:
        return f"{text}, one run: not told apart"
    apart = ", not told apart" if headline.standing == "not told apart" else ""
    return f"{text} ({number(headline.low, 2)}..{number(headline.high, 2)}){apart}"


def _number(value: float | None, factor: float, decimals: int) -> str:
    return "-" if value is None else number(value * factor, decimals)
