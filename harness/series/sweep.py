"""One row for each backend and model of a sweep, with the speed-up against the first."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

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
