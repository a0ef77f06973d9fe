"""Ten minutes at full rate on keyword spotting, or as many hours as you say: do memory, descriptors and speed stay flat?

    .venv/bin/python -m benchmarks.soak             10 minutes each of SingleStream and Offline
    .venv/bin/python -m benchmarks.soak 60          a minute each
    .venv/bin/python -m benchmarks.soak 600 Offline
    .venv/bin/python -m benchmarks.soak 86400 Server    24 hours, at a rate whose queries LoadGen can hold

The memory of the run's processes is read once a second from outside (`VmRSS`). LoadGen makes its queries before the first of
them, and while it asks it keeps each sample's latency, 8 bytes, for its percentiles. That is taken off: what is left must not
grow after the first tenth of the time. Descriptors are counted with it, and what each hour had is said where there are several.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.rows import Row, render
from benchmarks.side_by_side import Subject, harness, median, subjects
from harness.machine.memory import sizes_of

_SECONDS = 600.0
_SCENARIOS = ("SingleStream", "Offline")
_SETTLED = 0.1
"""Share of the run after which the memory is held against the end."""
_END = 20
"""Readings whose median counts, at either place."""
_FLAT_MB = 10.0
_SLOWER = 2.2
"""Times the median latency: LoadGen makes more queries than it expects to ask, at some 330 bytes each."""
_MOST_QUERIES = 5_000_000
"""Of Server, which LoadGen makes before the first of them."""
_HOUR_S = 3600.0
_LATENCY_BYTES = 8
"""LoadGen's logger: one int64 a sample."""


_BUILT_IN = Subject("keyword spotting (stand-in)", "kws", "standin", ("--dataset", "builtin"))


@dataclass(frozen=True, slots=True)
class _Reading:
    at: float
    """Seconds since the epoch."""
    rss: int
    """Bytes of all processes."""
    descriptors: int
    """Open in all processes, the command among them."""


def measure(seconds: float = _SECONDS, scenarios: Sequence[str] = _SCENARIOS) -> list[Row]:
    """One run of each scenario."""
    # Without the zoo the built-in one, on built-in data.
    subject = next((each for each in subjects() if each.task == "kws"), _BUILT_IN)
    return [row for scenario in scenarios for row in _soak(subject, scenario, seconds)]


def _expected(subject: Subject, scenario: str, seconds: float) -> str:
    """From a short run, and not too fast: LoadGen would take many gigabytes for queries that it never asks."""
    asked = "Offline" if scenario == "Server" else scenario
    figures = harness(subject, "--scenario", asked, "--preset", "rapid", "--set", "load.min_duration_ms=3000")[
        "performance"
    ]
    if scenario == "Server":
        return f"load.target_qps={min(figures['samples_per_second'] / 4, _MOST_QUERIES / seconds):.3f}"
    if scenario == "Offline":
        return f"load.target_qps={figures['samples_per_second']:.0f}"
    return f"load.expected_latency_ns={_SLOWER * figures['latency_ns']['p50']:.0f}"


def _soak(subject: Subject, scenario: str, seconds: float) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        words = [
            sys.executable,
            "-P",
            "-m",
            "harness",
            "--task",
            subject.task,
            "--model",
            subject.model,
            *subject.options,
        ]
        words += ["--scenario", scenario, "--preset", "rapid", "--set", f"load.min_duration_ms={seconds * 1e3:.0f}"]
        words += ["--set", _expected(subject, scenario, seconds), "--out", f"{folder}/run"]
        with (Path(folder) / "said").open("w", encoding="utf-8") as said:
            process = subprocess.Popen(words, stdout=said, stderr=said)
            readings = _watch(process)
        if process.returncode not in (0, 1):
            raise SystemExit((Path(folder) / "said").read_text(encoding="utf-8"))
        result = json.loads((Path(folder) / "run" / "result.json").read_text(encoding="utf-8"))
    return _rows(f"{subject.name}, {scenario}", readings, result)


def _watch(process: subprocess.Popen[bytes]) -> list[_Reading]:
    """Reads once a second until the run has ended."""
    readings = []
    while process.poll() is None:
        pids = [child for worker in _children(process.pid) for child in (worker, *_children(worker))]
        rss = sum(sizes_of(Path(f"/proc/{pid}")).get("VmRSS", 0) for pid in pids)
        readings.append(_Reading(time.time(), rss, sum(map(_descriptors, [process.pid, *pids]))))
        time.sleep(1)
    return readings


def _rows(name: str, readings: list[_Reading], result: dict[str, Any]) -> list[Row]:
    figures = result["performance"]
    began = result["calibration"]["first_query_at"]
    ended = began + figures["duration_s"]
    running = [reading for reading in readings if began < reading.at < ended]
    settled = [reading for reading in running if reading.at >= began + _SETTLED * figures["duration_s"]]
    if len(settled) < 2 * _END:
        raise SystemExit(f"{name}: only {len(settled)} readings: let it run for a minute at least")
    first, last = settled[:_END], settled[-_END:]
    span = median([one.at for one in last]) - median([one.at for one in first])
    grown = median([one.rss for one in last]) - median([one.rss for one in first])
    asked = figures["sample_count"] * span / figures["duration_s"]
    of_loadgen = asked * _LATENCY_BYTES
    end_mb = median([one.rss for one in last]) / 1e6
    hours = span / _HOUR_S
    open_at_ends = [median([one.descriptors for one in end]) for end in (first, last)]
    drift = result["machine"]["during"]["latency_drift"]
    beside = (
        f"{figures['duration_s']:.0f} s, {figures['sample_count']:,} samples, {end_mb:,.0f} MB "
        f"at the end; grown {grown / 1e6:.1f} MB in {span:.0f} s, in which LoadGen kept {of_loadgen / 1e6:.1f} MB of "
        "latencies"
    )
    return [
        Row(f"{name}, memory grown beyond LoadGen's own", (grown - of_loadgen) / 1e6, "MB", _FLAT_MB, beside=beside),
        Row(f"{name}, memory grown a sample", grown / asked, "bytes"),
        Row(f"{name}, memory grown an hour", (grown - of_loadgen) / 1e6 / hours, "MB", beside=_hour_by_hour(settled)),
        Row(
            f"{name}, descriptors grown",
            open_at_ends[1] - open_at_ends[0],
            "",
            0.0,
            beside=f"{open_at_ends[0]:.0f} to {open_at_ends[1]:.0f} in {span:.0f} s",
        ),
        *([] if drift is None else [Row(f"{name}, latency of the last tenth against the first", 100 * drift, "%")]),
    ]


def _hour_by_hour(readings: Sequence[_Reading]) -> str:
    """The memory of each hour, LoadGen's own with it."""
    began = readings[0].at
    hours: dict[int, list[int]] = {}
    for one in readings:
        hours.setdefault(int((one.at - began) // _HOUR_S), []).append(one.rss)
    return ", ".join(f"hour {number + 1}: {median(found) / 1e6:,.1f} MB" for number, found in hours.items())


def _descriptors(pid: int) -> int:
    try:
        return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return 0


def _children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    except OSError:
        return []


if __name__ == "__main__":
    asked_s = float(sys.argv[1]) if sys.argv[1:] else _SECONDS
    print(render(measure(asked_s, sys.argv[2:] or _SCENARIOS)))
