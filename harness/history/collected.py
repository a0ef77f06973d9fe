"""Entries of the history, made of results."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from harness.history.entry import HistoryEntry
from harness.results.files import folder_of_run
from harness.results.record import Result, SeriesResult


def entries_of(folder: Path, result: Result | SeriesResult, written_s: float) -> Iterator[HistoryEntry]:
    """The runs of a result that came to an end, those of a series each by itself.

    Args:
        folder: The result's directory.
        result: What it holds.
        written_s: When it was written, in seconds since 1970.
    """
    if isinstance(result, Result):
        if result.status in ("valid", "invalid"):
            yield _entry(folder, result, written_s)
        return
    for run in result.runs:
        if run.result.status in ("valid", "invalid"):
            yield _entry(folder_of_run(folder, run.directory), run.result, written_s)


def _entry(folder: Path, result: Result, written_s: float) -> HistoryEntry:
    figures, system, card = result.performance, result.system, result.accuracy_card
    timed = figures if figures is not None and result.scenario != "Offline" else None
    began = result.calibration.first_query_at if result.calibration else None
    return HistoryEntry(
        path=str(folder),
        at_s=began or written_s,
        written_s=written_s,
        task=result.task,
        scenario=result.scenario,
        mode=result.mode,
        preset=result.preset,
        status=result.status,
        model=result.model.name,
        model_sha256=result.model.sha256,
        data=result.dataset.name,
        backend=_backend(result),
        machine=f"{system.cpu or system.machine}, {system.usable_cpus} CPUs, {_gigabytes(system.memory_bytes)}",
        platform=system.platform,
        versions=json.dumps(dict(sorted(_versions(result).items()))),
        host=system.host or "",
        labels=json.dumps(dict(sorted(result.labels.items())), ensure_ascii=False),
        p50=timed.latency_ns.p50 if timed else None,
        p90=timed.latency_ns.p90 if timed else None,
        p99=timed.latency_ns.p99 if timed else None,
        samples_per_second=figures.samples_per_second if figures else None,
        peak_rss_bytes=result.memory.peak_rss_bytes,
        accuracy=card.value if card else None,
    )


def _versions(result: Result) -> dict[str, str]:
    """Of packages, and of the program that made it, where it says so."""
    made_by = result.made_by
    if made_by is None:
        return dict(result.system.versions)
    commit = f" {made_by.commit}" if made_by.commit else ""
    return {**result.system.versions, "tflite-loadgen": f"{made_by.version}{commit}"}


def _backend(result: Result) -> str:
    options = result.backend.opened.options if result.backend.opened else {}
    said = ",".join(f"{name}={value}" for name, value in sorted(options.items()))
    threads = f" x{result.backend.answering.threads}" if result.backend.answering else ""
    return f"{result.backend.name}{f':{said}' if said else ''}{threads}"


def _gigabytes(size: int | None) -> str:
    return f"{size / 2**30:.0f} GiB" if size else "memory unknown"
