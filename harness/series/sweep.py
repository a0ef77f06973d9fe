"""One row for each backend and model of a sweep, with the speed-up against the first."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from harness.results.figures import Headline, Performance, RowLatency, SweepRow
from harness.results.record import SeriesRun, Status
from harness.statistics.change import welch

_ALPHA = 0.01
"""What an interval may miss on each side."""
_RANK: dict[Status, int] = {"valid": 0, "invalid": 1, "failed": 2, "started": 3}


def sweep_rows(runs: Sequence[SeriesRun]) -> tuple[SweepRow, ...] | None:
    """The rows of a sweep; None where all runs are of one backend and one model, or of several benchmarks or scenarios.

    Args:
        runs: In order. Repeats and both runs of a submission make one row.

    Returns:
        Rows with the medians of repeats, and how many times the first row's speed each has.
    """
    groups: dict[tuple[str, str], list[SeriesRun]] = {}
    for run in runs:
        groups.setdefault((run.backend_asked, run.model_asked), []).append(run)
    # The runs of a suite are no sweep: no speed-up is between a benchmark and another.
    if len(groups) < 2 or len({(run.result.task, run.result.scenario) for run in runs}) > 1:
        return None
    rows = [_row(backend, group) for (backend, _), group in groups.items()]
    first, *others = groups.values()
    headlines = [None, *(_headline(first, group) for group in others)]
    return tuple(
        replace(row, speed_up=_speed_up(rows[0], row), headline=headline)
        for row, headline in zip(rows, headlines, strict=True)
    )


def _headline(first: Sequence[SeriesRun], group: Sequence[SeriesRun]) -> Headline | None:
    """By LoadGen's figure of the scenario, which may be no median."""
    figure, ours = _judged(group)
    _, theirs = _judged(first)
    if not ours or not theirs:
        return None
    rates = figure == "samples_per_second"
    if len(ours) < 2 or len(theirs) < 2:
        mine, other = statistics.median(ours), statistics.median(theirs)
        return Headline(figure, mine / other if rates else other / mine, None, None, None)
    change = welch(theirs, ours, _ALPHA) if rates else welch(ours, theirs, _ALPHA)
    told = "quicker" if change.low > 1 else "slower" if change.high < 1 else "not told apart"
    return Headline(figure, change.ratio, change.low, change.high, told)  # type: ignore[arg-type]


def _judged(group: Sequence[SeriesRun]) -> tuple[str, list[float]]:
    """The name of the figure, and its value in each timed run."""
    timed = [run.result.performance for run in group if run.result.performance and not run.result.compliance]
    if group[0].result.scenario in ("Offline", "Server"):
        return "samples_per_second", [one.samples_per_second for one in timed if one.samples_per_second > 0]
    values = [one.latency_ns.at(one.target_percentile) for one in timed]
    name = f"p{100 * timed[0].target_percentile:g}" if timed else ""
    return name, [value for value in values if value]


def _row(backend: str, group: Sequence[SeriesRun]) -> SweepRow:
    results = [run.result for run in group]
    # A run under a compliance test vouches for a speed, and is none of its own.
    timed = [result.performance for result in results if result.performance and not result.compliance]
    scored = next((result.accuracy for result in results if result.accuracy), None)
    last = results[-1]
    opened = last.backend.opened
    peak_bytes = max((result.memory.peak_rss_bytes or 0 for result in results), default=0)
    return SweepRow(
        backend=backend,
        model=last.model.name,
        scenario=last.scenario,
        status=worst(result.status for result in results),
        why=tuple(f"{run.directory}: {reason.what}" for run in group for reason in run.result.reasons),
        engine=opened.engine if opened else None,
        delegate=opened.delegate if opened else None,
        nodes=opened.nodes if opened else None,
        delegated_nodes=opened.delegated_nodes if opened else None,
        partitions=opened.partitions if opened else None,
        parity_passed=last.parity.comparison.passed if last.parity else None,
        latency_ns=_latency(timed) if timed and last.scenario != "Offline" else None,
        samples_per_second=statistics.median(one.samples_per_second for one in timed) if timed else None,
        accuracy={name: metric.value for name, metric in scored.items()} if scored else None,
        peak_rss_bytes=peak_bytes or None,
        model_bytes=_size(last.model.path),
    )


def _latency(timed: Sequence[Performance]) -> RowLatency:
    latencies = [one.latency_ns for one in timed]
    return RowLatency(statistics.median(one.p50 for one in latencies), statistics.median(one.p90 for one in latencies))


def worst(statuses: Iterable[Status]) -> Status:
    """The worst of some statuses; `failed` of none."""
    return max(statuses, key=_RANK.__getitem__, default="failed")


def _speed_up(first: SweepRow, row: SweepRow) -> float | None:
    if row.scenario in ("Offline", "Server"):
        ours, theirs = row.samples_per_second, first.samples_per_second
        return ours / theirs if ours and theirs else None
    ours, theirs = (each.latency_ns.p50 if each.latency_ns else None for each in (row, first))
    return theirs / ours if ours and theirs else None


def _size(path: str) -> int | None:
    with contextlib.suppress(OSError):
        return Path(path).stat().st_size
    return None
