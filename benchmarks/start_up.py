"""From the command to the first query with a warm cache, and what a run takes of memory above a bare interpreter.

Both are held against a bare interpreter. Time until the first query: against a process that does nothing but load the same
model and run it, until its first answer; a run starts two processes and reads data besides, so at most 10 times as long,
calibration, parity and warm-up apart. `--help`: against one that does nothing, at most 8 times as long. Memory: 60 MB
above the process with the model, without the samples themselves and what LoadGen takes for its queries.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.rows import Row, ratio, render
from benchmarks.side_by_side import Subject, median, subjects

_ROUNDS = 7
_FIRST_QUERY_TARGET = 10.0
_HELP_TARGET = 8.0
_BARE = """
import sys, time
import numpy as np
from ai_edge_litert.interpreter import Interpreter
interpreter = Interpreter(model_path=sys.argv[1], num_threads=1)
interpreter.allocate_tensors()
first = None
for _ in range(20):
    for tensor in interpreter.get_input_details():
        interpreter.set_tensor(tensor["index"], np.zeros(tensor["shape"], tensor["dtype"]))
    interpreter.invoke()
    for tensor in interpreter.get_output_details():
        interpreter.get_tensor(tensor["index"])
    first = first or time.time()
print(first, next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:")))
"""


def measure(rounds: int = _ROUNDS) -> list[Row]:
    """Medians of some rounds; the bare process and the run take turns."""
    nothing = [sys.executable, "-P", "-c", ""]
    pairs = [(_took_s(["./run.sh", "--help"]), _took_s(nothing)) for _ in range(rounds)]
    rows = [ratio("--help against a bare interpreter's start, s", pairs, _HELP_TARGET)]
    for subject in subjects():
        if subject.task in ("kws", "mobilenet_edgetpu"):
            rows += _measure(subject, rounds)
    return rows


def _measure(subject: Subject, rounds: int) -> list[Row]:
    _run(subject)
    found, bare = [], []
    for _ in range(rounds):
        bare.append(_bare(subject.model))
        found.append(_run(subject))
    seconds = [_seconds(*one) for one in found]
    _, *apart = (median(column) for column in zip(*seconds, strict=True))
    bare_mb = median([megabytes for _, megabytes in bare])
    pairs = [(own_s, bare_s) for (own_s, *_), (bare_s, _) in zip(seconds, bare, strict=True)]
    memory = [result["memory"] for _, result in found]
    peak, running = (
        median([one[name] / 1e6 for one in memory]) for name in ("peak_rss_bytes", "running_peak_rss_bytes")
    )
    own = median([(one["running_peak_rss_bytes"] - _needed(one)) / 1e6 for one in memory])
    names = ("in all", "calibration", "parity", "warm-up")
    told = ", ".join(f"{name} {value:.2f} s" for name, value in zip(names, apart, strict=True))
    beside = f"{running:.0f} MB while queries ran, {peak:.0f} MB with the calibration, {bare_mb:.0f} MB bare"
    first = ratio(
        f"{subject.name}, first query against a bare interpreter's first answer, s", pairs, _FIRST_QUERY_TARGET
    )
    return [
        dataclasses.replace(first, beside=f"{first.beside}; {told}"),
        Row(
            f"{subject.name}, memory above bare, samples and LoadGen's queries apart",
            own - bare_mb,
            "MB",
            60,
            beside=beside,
        ),
        Row(f"{subject.name}, peak memory above bare", peak - bare_mb, "MB"),
    ]


def _seconds(began: float, result: dict[str, Any]) -> tuple[float, ...]:
    """Until the first query: the harness's own, in all, calibration, parity, warm-up."""
    found = result["calibration"]
    whole = found["first_query_at"] - began
    measured = found["calibration_s"], found["parity_s"], found["warm_up"]["time_s"]
    return whole - sum(measured), whole, *measured


def _needed(memory: dict[str, Any]) -> int:
    """What is not the harness's to save."""
    parts = memory["parts"]
    return int(parts["samples_bytes"] + parts["loadgen_bytes"])


def _took_s(words: Sequence[str]) -> float:
    began = time.monotonic()
    subprocess.run(words, check=True, capture_output=True)
    return time.monotonic() - began


def _run(subject: Subject) -> tuple[float, dict[str, Any]]:
    """When the command was given, in seconds since the epoch, and the result."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["./run.sh", "--task", subject.task, "--model", subject.model, *subject.options, "--threads", "1"]
        words += ["--preset", "rapid", "--set", "load.min_duration_ms=500", "--out", f"{folder}/run"]
        began = time.time()
        subprocess.run(words, check=False, capture_output=True)
        result: dict[str, Any] = json.loads((Path(folder) / "run" / "result.json").read_text(encoding="utf-8"))
        return began, result


def _bare(model: str) -> tuple[float, float]:
    """Seconds until the first answer, and the most memory in MB."""
    words = [sys.executable, "-P", "-c", _BARE, model]
    began = time.time()
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    first, peak_kib = map(float, done.stdout.split()[-2:])
    return first - began, peak_kib * 1024 / 1e6


if __name__ == "__main__":
    print(render(measure()))
