"""From the command to the first query with a warm cache, and what a run takes of memory above a bare interpreter.

Targets: 0.8 s of the harness's own, calibration, parity and warm-up apart; 60 MB above a process that does nothing but load the
same model and run it, without the samples themselves and what LoadGen takes for its queries; `--help` in 0.2 s.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.rows import Row, render
from benchmarks.side_by_side import Subject, median, subjects

_ROUNDS = 7
_BARE = """
import sys
import numpy as np
from ai_edge_litert.interpreter import Interpreter
interpreter = Interpreter(model_path=sys.argv[1], num_threads=1)
interpreter.allocate_tensors()
for _ in range(20):
    for tensor in interpreter.get_input_details():
        interpreter.set_tensor(tensor["index"], np.zeros(tensor["shape"], tensor["dtype"]))
    interpreter.invoke()
    for tensor in interpreter.get_output_details():
        interpreter.get_tensor(tensor["index"])
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:")))
"""


def measure(rounds: int = _ROUNDS) -> list[Row]:
    """Medians of some rounds; the bare process and the run take turns."""
    rows = [Row("--help", median([_help_s() for _ in range(rounds)]), "s", 0.2)]
    for subject in subjects():
        if subject.task in ("kws", "mobilenet_edgetpu"):
            rows += _measure(subject, rounds)
    return rows


def _measure(subject: Subject, rounds: int) -> list[Row]:
    _run(subject)
    found, bare = [], []
    for _ in range(rounds):
        bare.append(_bare_mb(subject.model))
        found.append(_run(subject))
    seconds = [_seconds(*one) for one in found]
    harness, *apart = (median(column) for column in zip(*seconds, strict=True))
    memory = [result["memory"] for _, result in found]
    peak, running = (
        median([one[name] / 1e6 for one in memory]) for name in ("peak_rss_bytes", "running_peak_rss_bytes")
    )
    own = median([(one["running_peak_rss_bytes"] - _needed(one)) / 1e6 for one in memory])
    names = ("in all", "calibration", "parity", "warm-up")
    told = ", ".join(f"{name} {value:.2f} s" for name, value in zip(names, apart, strict=True))
    beside = f"{running:.0f} MB while queries ran, {peak:.0f} MB with the calibration, {median(bare):.0f} MB bare"
    return [
        Row(f"{subject.name}, first query", harness, "s", 0.8, beside=told),
        Row(
            f"{subject.name}, memory above bare, samples and LoadGen's queries apart",
            own - median(bare),
            "MB",
            60,
            beside=beside,
        ),
        Row(f"{subject.name}, peak memory above bare", peak - median(bare), "MB"),
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


def _help_s() -> float:
    began = time.monotonic()
    subprocess.run(["./run.sh", "--help"], check=True, capture_output=True)
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


def _bare_mb(model: str) -> float:
    words = [sys.executable, "-P", "-c", _BARE, model]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    return float(done.stdout) * 1024 / 1e6


if __name__ == "__main__":
    print(render(measure()))
