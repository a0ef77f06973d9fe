"""Instances pinned to cores of their own against instances that the system places: two runs of the harness in turns.

    .venv/bin/python -m benchmarks placement

SingleStream by p50 and p90, Offline by samples per second, Server by p50 and p99 at a load that is the same for both. A ratio
under 1 (Offline: over 1) is a gain of pinning. What `backend.placement: auto` does rests on these figures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.rows import Row, ratio
from benchmarks.side_by_side import Subject, harness, subjects

_ROUNDS = 7
_SECONDS = 2
_TASKS = ("kws", "mobilenet_edgetpu")

_Figure = Callable[[Mapping[str, Any]], float]


def measure() -> list[Row]:
    """Rows without targets: they are there to decide by."""
    rows: list[Row] = []
    for subject in (one for one in subjects() if one.task in _TASKS):
        look = harness(subject, "--scenario", "Offline", "--preset", "rapid")
        rate = look["calibration"]["samples_per_second"]
        rows += _rows(subject, "SingleStream", {"p50": _latency("p50"), "p90": _latency("p90")})
        count = ("--set", f"load.min_query_count={int(rate * _SECONDS)}")
        rows += _rows(subject, "Offline", {"samples/s": _rate}, *count)
        load = ("--set", f"load.target_qps={rate / 3:.0f}", "--set", "load.server_target_latency_ms=1000")
        rows += _rows(subject, "Server", {"p50": _latency("p50"), "p99": _latency("p99")}, *load)
    return rows


def _rows(subject: Subject, scenario: str, figures: Mapping[str, _Figure], *options: str) -> list[Row]:
    common = ("--scenario", scenario, "--preset", "rapid", "--set", f"load.min_duration_ms={_SECONDS * 1000}", *options)
    pairs: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = []
    for number in range(_ROUNDS):
        found = {
            placement: harness(subject, *common, "--set", f"backend.placement={placement}")["performance"]
            for placement in (("cores", "none") if number % 2 else ("none", "cores"))
        }
        pairs.append((found["cores"], found["none"]))
    return [
        ratio(f"{subject.name}, {scenario} {name}, pinned : not", [(of(one), of(other)) for one, other in pairs], None)
        for name, of in figures.items()
    ]


def _latency(name: str) -> _Figure:
    return lambda performance: float(performance["latency_ns"][name])


def _rate(performance: Mapping[str, Any]) -> float:
    return float(performance["samples_per_second"])
