"""What each microsecond is that a query of SingleStream takes beyond the kernels, on keyword spotting (zoo).

LoadGen's share comes from its own log of a run that only completes; the rest are the very pieces of the timed path, called by
themselves many times over. They do not have to add up: caches are warm in a loop of one piece, and cold after a model. The last
rows are the same run with the timed path in Python (`native`), and what a harness in Python could reach at the least.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from backends.cpu import CpuBackend
from backends.litert.tensor_memory import as_bytes, lasting_views
from benchmarks.loadgen_floor import floor
from benchmarks.native import native_loop
from benchmarks.rows import Row, render
from benchmarks.side_by_side import Subject, harness, median, noise, subjects
from native import SWITCH
from tasks.outputs.label_answers import BestLabel

_TIMES = 20_000
_SAME = ("--set", "backend.options.engine=Interpreter", "--threads", "1", "--preset", "rapid")


def measure(rounds: int = 5, seconds: float = 2) -> list[Row]:
    """Medians of some rounds; empty where the zoo has no keyword spotting."""
    subject = next((one for one in subjects() if one.task == "kws"), None)
    if subject is None:
        return []
    taken = [_round(subject, seconds) for _ in range(rounds)]
    return [Row(name, median([one[name] for one in taken]), "us") for name in taken[0]]


def _round(subject: Subject, seconds: float) -> dict[str, float]:
    length = ("--set", f"load.min_duration_ms={round(seconds * 1000)}")
    ours_us, python_us = (
        harness(subject, *_SAME, *length, environment={SWITCH: switch})["performance"]["latency_ns"]["p50"] / 1e3
        for switch in ("on", "off")
    )
    native = native_loop(subject.model, seconds, inside=True)
    words = [sys.executable, "-P", "-m", "benchmarks.microseconds", subject.model]
    pieces: dict[str, float] = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    loop_us = pieces.pop("loop")
    rows = {"LoadGen: a callback into Python, a completion": floor("SingleStream", 300_000)["p50_us"]}
    if native is None:
        return rows | pieces
    native_us = native["p50"] / 1e3
    rows |= {
        "the model: a native loop": native_us,
        "the copy in, Invoke called as Python calls it": loop_us - native_us,
    } | pieces
    found = sum(rows.values())
    least_us = floor("SingleStream", 60_000, subject.model)["p50_us"]
    return rows | {
        "no piece of its own": ours_us - found,
        "SingleStream p50": ours_us,
        "the same with the timed path in Python": python_us,
        "the same of a SUT in Python that only runs the model and completes": least_us,
    }


def _pieces(model: Path) -> dict[str, float]:
    """Each in us a call, but `loop`: the p50 of a run of the model with its copy in and the view of its answer."""
    backend = CpuBackend(model, threads=1)
    views = lasting_views(backend._interpreter, [*backend._input_indexes, *backend._output_indexes])
    if views is None:
        raise SystemExit(f"{model} has tensors that move")
    answers = views[1:]
    rows: list[tuple[Any, ...]] = [(noise(backend.inputs[0], seed),) for seed in range(16)]
    best = BestLabel(answers[0].size, 0, "float32").answerer()
    pieces = {"the best label": _each_us(lambda: best(answers))}
    run = backend.raw_runner()
    if run is None:
        raise SystemExit(f"{model} has tensors that move")
    return pieces | {"loop": _loop_us(run, [tuple(map(as_bytes, row)) for row in rows])}


def _each_us(piece: Callable[[], object]) -> float:
    """Of a call, without the loop and the call itself."""

    def nothing() -> None:
        pass

    return median([_time_us(piece) - _time_us(nothing) for _ in range(7)])


def _time_us(piece: Callable[[], object]) -> float:
    now = time.perf_counter_ns
    start = now()
    for _ in range(_TIMES):
        piece()
    return (now() - start) / 1e3 / _TIMES


def _loop_us(run: Callable[[Any], object], rows: list[tuple[Any, ...]]) -> float:
    now, times = time.perf_counter_ns, []
    for number in range(_TIMES):
        start = now()
        run(rows[number % 16])
        times.append((now() - start) / 1e3)
    return median(times)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(_pieces(Path(sys.argv[1]))))
    else:
        print(render(measure()))
