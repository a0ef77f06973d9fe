"""One row for each backend and model of a sweep, side by side, with the speed-up against the first."""

from __future__ import annotations

import contextlib
import io
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

Run = Mapping[str, Any]


def sweep_rows(runs: Sequence[Run]) -> list[dict[str, Any]] | None:
    """The rows of a sweep; None where all runs are of one backend and one model.

    Args:
        runs: Results with `directory`, `backend_asked` and `model_asked`, as the options named them. Repeats and both runs of a
            submission make one row.

    Returns:
        Rows with latency_ns (p50, p90; medians of repeats; None in Offline, whose one query is the whole run),
        samples_per_second, accuracy, coverage, memory, model size and
        `speed_up`: how many times the first row's speed (Offline and Server: samples per second; streams: p50).
    """
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run["backend_asked"], run["model_asked"]), []).append(run)
    if len(groups) < 2:
        return None
    rows = [_row(backend, group) for (backend, _), group in groups.items()]
    for row in rows:
        row["speed_up"] = _speed_up(rows[0], row)
    return rows


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


def _row(backend: str, group: Sequence[Run]) -> dict[str, Any]:
    timed = [run for run in group if run["performance"]]
    scored = next((run["accuracy"] for run in group if run["accuracy"]), None)
    last, facts = group[-1], group[-1]["backend"]
    worst = max((run["status"] for run in group), key=["valid", "invalid", "failed"].index)
    return {
        "backend": backend,
        "model": last["model"]["name"],
        "scenario": last["scenario"],
        "status": worst,
        "why": [f"{run['directory']}: {reason['what']}" for run in group for reason in run["reasons"]],
        "engine": facts.get("engine"),
        "delegate": facts.get("delegate"),
        "nodes": facts.get("nodes"),
        "delegated_nodes": facts.get("delegated_nodes"),
        "partitions": facts.get("partitions"),
        "parity_passed": (last["parity"] or {}).get("passed"),
        "latency_ns": {
            name: statistics.median(run["performance"]["latency_ns"][name] for run in timed) for name in ("p50", "p90")
        }
        if timed and last["scenario"] != "Offline"
        else None,
        "samples_per_second": statistics.median(run["performance"]["samples_per_second"] for run in timed)
        if timed
        else None,
        "accuracy": {name: metric["value"] for name, metric in scored.items()} if scored else None,
        "peak_rss_bytes": max((run["memory"]["peak_rss_bytes"] or 0 for run in group), default=0) or None,
        "model_bytes": _size(last["model"]["path"]),
    }


def _speed_up(first: Mapping[str, Any], row: Mapping[str, Any]) -> float | None:
    if row["scenario"] in ("Offline", "Server"):
        ours, theirs = row["samples_per_second"], first["samples_per_second"]
        return ours / theirs if ours and theirs else None
    ours, theirs = (each["latency_ns"] and each["latency_ns"]["p50"] for each in (row, first))
    return theirs / ours if ours and theirs else None


def _size(path: str) -> int | None:
    with contextlib.suppress(OSError):
        return Path(path).stat().st_size
    return None


def _number(value: float | None, factor: float, digits: int) -> str:
    return "-" if value is None else f"{value * factor:,.{digits}f}"
