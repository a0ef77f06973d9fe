"""The harness alone: the null backend answers at once, what remains is ours and LoadGen's.

Each round is held against LoadGen alone, run just before it: a SUT that only completes. Targets: at most 1.5 times that in
SingleStream, at p50 and in all a query, and twice that in Offline a sample, which does not grow with the workers.
"""

from __future__ import annotations

from benchmarks.loadgen_floor import floor
from benchmarks.rows import Row, ratio, render
from benchmarks.side_by_side import Subject, harness, median, subjects

_MANY = 16
_QUERIES = 300_000
_STREAM_TARGET = 1.5
_OFFLINE_TARGET = 2.0


def measure(rounds: int = 5, seconds: float = 1) -> list[Row]:
    """Medians of some rounds."""
    subject: Subject = subjects()[0]
    p50, whole, offline, grown = [], [], [], []
    for _ in range(rounds):
        alone = floor("SingleStream", _QUERIES)
        one = harness(
            subject, "--backend", "null", "--preset", "rapid", "--set", f"load.min_duration_ms={seconds * 1e3:.0f}"
        )
        p50.append((one["performance"]["latency_ns"]["p50"] / 1e3, alone["p50_us"]))
        whole.append((1e6 / one["performance"]["samples_per_second"], alone["each_us"]))
        alone_us = floor("Offline", _QUERIES)["each_us"]
        few, many = (_offline_us(subject, instances) for instances in (2, _MANY))
        offline.append((few, alone_us))
        grown.append((many, few))
    rows = []
    for figure, pairs, target in (
        ("SingleStream p50", p50, _STREAM_TARGET),
        ("SingleStream in all a query", whole, _STREAM_TARGET),
        ("Offline a sample, 2 workers", offline, _OFFLINE_TARGET),
    ):
        ours, theirs = (median(side) for side in zip(*pairs, strict=True))
        rows.append(Row(f"LoadGen alone, {figure.partition(',')[0]}", theirs, "us"))
        rows.append(Row(f"null backend, {figure}", ours, "us"))
        rows.append(ratio(f"null backend, {figure} against LoadGen alone, us", pairs, target))
    return [
        *rows,
        ratio(f"null backend, Offline a sample, {_MANY} workers against 2", grown, 1.1),
    ]


def _offline_us(subject: Subject, instances: int) -> float:
    words = ["--backend", "null", "--scenario", "Offline", "--instances", str(instances)]
    one = harness(subject, *words, "--set", "load.min_query_count=1000000")
    return 1e6 / float(one["performance"]["samples_per_second"])


if __name__ == "__main__":
    print(render(measure()))
