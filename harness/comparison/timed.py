"""Figures of timed runs held against each other, by the spread between runs."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from harness.comparison.asked import ComparisonRequest
from harness.comparison.record import ComparedFigure, Standing
from harness.comparison.sides import ComparedRun, Side, times_of
from harness.results.queries.query_times import KeptTimes
from harness.statistics.change import Change, welch
from harness.units import Unit

_BLOCKS = 10
_LEAST_IN_A_BLOCK = 20
_PERCENTILES = {"p50": 50.0, "p90": 90.0, "p99": 99.0}
UNITS: Mapping[str, Unit] = {
    "p50": "ns",
    "p90": "ns",
    "p99": "ns",
    "throughput": "samples/s",
    "memory": "bytes",
    "size": "bytes",
}
MORE_IS_BETTER = frozenset({"throughput"})


def figures_of(run: ComparedRun) -> dict[str, float]:
    """The figures of a timed run by name: LoadGen's own, and the memory."""
    result, found = run.result, dict[str, float]()
    if (figures := result.performance) is not None:
        if result.scenario != "Offline":
            latency = figures.latency_ns
            found |= {"p50": latency.p50, "p90": latency.p90, "p99": latency.p99}
        found["throughput"] = figures.samples_per_second
    if result.memory.peak_rss_bytes:
        found["memory"] = float(result.memory.peak_rss_bytes)
    return {name: value for name, value in found.items() if value > 0}


def timed_figures(base: Side, new: Side, asked: ComparisonRequest, notes: list[str]) -> Iterator[ComparedFigure]:
    """The figures that both have; what keeps them from being told apart goes into the notes."""
    if not base.timed or not new.timed:
        return
    sides = [[figures_of(run) for run in side.timed] for side in (base, new)]
    several = all(len(side) > 1 for side in sides)
    blocks = [] if several else [_blocks(side.timed[0], notes) for side in (base, new)]
    if not several:
        counts = " and ".join(_counted(len(side)) for side in sides)
        notes.append(
            f"{counts}: what differs from run to run is not known, so no difference is told apart. Make several of each "
            "(--repeat 5), or compare --live"
        )
    for name in sides[0][0]:
        if not all(name in figures for side in sides for figures in side):
            continue
        values = [[figures[name] for figures in side] for side in sides]
        medians = [statistics.median(side) for side in values]
        if several:
            change = welch(values[0], values[1], asked.alpha)
            method = (
                f"spread of {len(values[0])} and {len(values[1])} runs (Welch, on the logarithms); base and new are medians, "
                "the change is of geometric means"
            )
            yield _ratio(name, medians, change, method, asked)
        elif all(name in each for each in blocks):
            change = welch(blocks[0][name], blocks[1][name], asked.alpha)
            yield _unsure(name, medians, change, f"spread of {_BLOCKS} blocks of one run each, not of runs", asked)
        else:
            yield _unsure(name, medians, None, "one run: no spread", asked)


def _counted(runs: int) -> str:
    return f"{runs} run{'' if runs == 1 else 's'}"


def _blocks(run: ComparedRun, notes: list[str]) -> dict[str, list[float]]:
    """Figures of parts of one run, one after the other."""
    kept, why = times_of(run)
    if why:
        notes.append(why)
    if kept is None or len(kept.latency_ns) < _BLOCKS * _LEAST_IN_A_BLOCK or run.result.performance is None:
        return {}
    parts = np.array_split(np.arange(len(kept.latency_ns)), _BLOCKS)
    found = {
        name: [float(max(1, np.percentile(kept.latency_ns[part], percent))) for part in parts]
        for name, percent in _PERCENTILES.items()
    }
    return found | {"throughput": [_rate(kept, part[0], part[-1]) for part in parts]}


def _rate(kept: KeptTimes, first: int, last: int) -> float:
    began = kept.ended_ns[first - 1] if first else 0
    return float((last - first + 1) * 1e9 / max(1, kept.ended_ns[last] - began))


def _worse(name: str) -> Callable[[float], float]:
    """How much worse a change is."""
    return (lambda change: -change) if name in MORE_IS_BETTER else (lambda change: change)


def _ratio(
    name: str, medians: Sequence[float], change: Change, method: str, asked: ComparisonRequest
) -> ComparedFigure:
    low, high, worse = change.low - 1, change.high - 1, _worse(name)
    limit = asked.limits.get(name)
    least_worse = min(worse(low), worse(high))
    standing: Standing = "not told apart"
    if low == high == 0:
        standing = "the same"
    elif low > 0 or high < 0:
        standing = "worse" if least_worse > 0 else "better"
    regressed = None if limit is None else least_worse > limit
    return ComparedFigure(
        name,
        UNITS[name],
        medians[0],
        medians[1],
        change.ratio - 1,
        low,
        high,
        method,
        standing,
        change.effect if np.isfinite(change.effect) else None,
        limit,
        regressed,
    )


def _unsure(
    name: str, medians: Sequence[float], change: Change | None, method: str, asked: ComparisonRequest
) -> ComparedFigure:
    """Of one run each: never told apart."""
    limit = asked.limits.get(name)
    return ComparedFigure(
        name,
        UNITS[name],
        medians[0],
        medians[1],
        medians[1] / medians[0] - 1,
        None if change is None else change.low - 1,
        None if change is None else change.high - 1,
        method,
        "the same" if medians[0] == medians[1] and name == "memory" else "not told apart",
        None,
        limit,
        None if limit is None else False,
    )
