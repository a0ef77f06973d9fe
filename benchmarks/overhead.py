"""The harness alone: the null backend answers at once, what remains is ours and LoadGen's.

LoadGen without a model stands beside it. Targets: SingleStream p50 <= 3 us and <= 4 us in all a query; Offline <= 1 us a
sample, which does not grow with the workers.
"""

from __future__ import annotations

from benchmarks.loadgen_floor import floor
from benchmarks.rows import Row, ratio, render
from benchmarks.side_by_side import Subject, harness, median, subjects

_MANY = 16
_QUERIES = 300_000


def measure(rounds: int = 5, seconds: float = 1) -> list[Row]:
    """Medians of some rounds."""
    subject: Subject = subjects()[0]
    p50, whole, offline, grown = [], [], [], []
    floors = []
    for _ in range(rounds):
        floors.append(floor("SingleStream", _QUERIES) | {"offline_us": floor("Offline", _QUERIES)["each_us"]})
        one = harness(
            subject, "--backend", "null", "--preset", "rapid", "--set", f"load.min_duration_ms={seconds * 1e3:.0f}"
        )
        p50.append(one["performance"]["latency_ns"]["p50"] / 1e3)
        whole.append(1e6 / one["performance"]["samples_per_second"])
        few, many = (_offline_us(subject, instances) for instances in (2, _MANY))
        offline.append(few)
        grown.append((many, few))
    bare, in_all, alone = (median([one[name] for one in floors]) for name in ("p50_us", "each_us", "offline_us"))
    return [
        Row("LoadGen alone (a SUT that only completes), SingleStream p50", bare, "us"),
        Row("LoadGen alone, SingleStream in all a query", in_all, "us"),
        Row("LoadGen alone, Offline a sample, all completed in one call", alone, "us"),
        Row("null backend, SingleStream p50", median(p50), "us", 3),
        Row("null backend, SingleStream in all a query", median(whole), "us", 4),
        Row("null backend, Offline a sample, 2 workers", median(offline), "us", 1),
        ratio(f"null backend, Offline a sample, {_MANY} workers against 2", grown, 1.1),
    ]


def _offline_us(subject: Subject, instances: int) -> float:
    words = ["--backend", "null", "--scenario", "Offline", "--instances", str(instances)]
    one = harness(subject, *words, "--set", "load.min_query_count=1000000")
    return 1e6 / float(one["performance"]["samples_per_second"])


if __name__ == "__main__":
    print(render(measure()))
