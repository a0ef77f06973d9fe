"""The queries of a run, thinned to what a picture can show: 1,000,000 of them make the same few hundred points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.results.queries.query_times import KeptTimes
from harness.results.queries.tail import fence_of

Ns = npt.NDArray[np.int64]
_BARS = 48
_STEPS = 200
_SPANS = 120
_MOST_OUTLIERS = 200
_MARKED_PERCENTILES = (50.0, 90.0, 95.0, 99.0, 99.9)


@dataclass(frozen=True, slots=True)
class Bar:
    """Queries whose latency lies between two."""

    low_ns: float
    high_ns: float
    count: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """What happened in a stretch of the run."""

    at_s: float
    """Its middle, since the first query began."""
    queries: int
    per_second: float
    low_ns: float | None
    """None where no query ended in it."""
    median_ns: float | None
    high_ns: float | None


@dataclass(frozen=True, slots=True)
class Outlier:
    """A query that took far longer than most."""

    at_s: float
    latency_ns: int


@dataclass(frozen=True, slots=True)
class Thinned:
    """What charts are drawn of."""

    bars: tuple[Bar, ...]
    """All queries: the last bar holds all that is beyond the others."""
    steps: tuple[tuple[float, float], ...]
    """(share of the queries, the latency that they took at most, in ns), ascending."""
    percentiles: tuple[tuple[float, float], ...]
    """(percentile, ns)."""
    spans: tuple[Stretch, ...]
    fence_ns: float
    """What takes longer lies outside."""
    outliers: tuple[Outlier, ...]
    """The slowest of them, in the order of time."""
    outlier_count: int
    queries: int


def thinned(times: KeptTimes) -> Thinned | None:
    """What charts are drawn of; None of a run without queries.

    Args:
        times: As the run kept them. Times of ends that go back are taken as they are, in their order of time.
    """
    latency = times.latency_ns
    if not len(latency):
        return None
    ended = np.maximum.accumulate(times.ended_ns)
    fence = fence_of(latency)
    outside = np.flatnonzero(latency > fence)
    shown = np.sort(outside[np.argsort(-latency[outside], kind="stable")[:_MOST_OUTLIERS]])
    shares = np.unique(np.concatenate([np.linspace(0, 1, _STEPS), 1 - np.logspace(-1, -4, 40)]))
    ordered = np.sort(latency)
    # The smallest latency that so many queries did not exceed, as LoadGen has it.
    places = np.clip(np.ceil(shares * len(ordered)).astype(int) - 1, 0, len(ordered) - 1)
    marked = [(each, float(ordered[_place(each, len(ordered))])) for each in _MARKED_PERCENTILES]
    return Thinned(
        _bars(ordered, fence),
        tuple(zip(shares.tolist(), ordered[places].astype(float).tolist(), strict=True)),
        tuple(marked),
        _spans(latency, ended),
        fence,
        tuple(Outlier(float(ended[at]) / 1e9, int(latency[at])) for at in shown),
        len(outside),
        len(latency),
    )


def _place(percentile: float, count: int) -> int:
    return min(count - 1, max(0, int(np.ceil(percentile / 100 * count)) - 1))


def _bars(ordered: Ns, fence: float) -> tuple[Bar, ...]:
    """Bars are alike as far as most queries reach; one more holds the tail, so that it flattens nothing."""
    low, high = float(ordered[0]), float(ordered[_place(99.5, len(ordered))])
    high = min(high, max(fence, float(ordered[_place(95, len(ordered))])))
    if high <= low:
        high = low + max(1.0, 0.01 * low)
    counts, edges = np.histogram(ordered, _BARS, (low, high))
    bars = [Bar(float(edges[at]), float(edges[at + 1]), int(count)) for at, count in enumerate(counts)]
    beyond = len(ordered) - int(counts.sum())
    return (*bars, *([Bar(high, float(ordered[-1]), beyond)] if beyond else []))


def _spans(latency: Ns, ended: Ns) -> tuple[Stretch, ...]:
    total_s = float(ended[-1]) / 1e9
    if total_s <= 0:
        return ()
    count = max(1, min(_SPANS, len(latency) // 4))
    width = total_s / count
    cuts = np.searchsorted(ended, np.arange(1, count) * (width * 1e9), side="right")
    spans = []
    for place, part in enumerate(np.split(latency, cuts)):
        middle = (place + 0.5) * width
        figures = (float(part.min()), float(np.median(part)), float(part.max())) if len(part) else (None, None, None)
        spans.append(Stretch(middle, len(part), len(part) / width, *figures))
    return tuple(spans)
