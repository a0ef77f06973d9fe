"""`bench` against `litert-benchmark`, which comes with the runtime, and against a bare invoke.

    python -m benchmarks.any_model

The two commands take turns, each a process of its own, behind the same engine with one thread: the medians of their runs may
differ by 1 % for models of a millisecond and more. What bench's clock has beyond the bare invoke is measured call by call on a
small model: at most 2 us. From the command to its end, with one run, bench may take half a second more than the
other, in which it hashes the file, allocates the model a second time for its costs, and packs it.
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.rows import Row, ratio, render
from benchmarks.side_by_side import zoo
from harness.bench.probe import Probe
from harness.config.backend import BackendSection
from harness.config.invocation import Invocation
from harness.messages.bench import OpenForBench
from harness.model.subject import Subject
from harness.zoo.files.official import cache_dir, hash_file

_MODELS = (
    "models/mediapipe/face_detection_short_range.tflite",
    "models/mediapipe/face_landmark.tflite",
    "models/mlperf_tiny/ic_pretrainedResnet_large_float.tflite",
    "models/coral/mobilenet_v2_1.0_224_quant.tflite",
)
_SMALL = "models/mlperf_tiny/kws_ref_model_int8.tflite"
_ROUNDS = 9
_ROUND_S = 0.5
_CALLS = 20_000
_SAME, _MOST_US, _MOST_S = 1.01, 2.0, 0.5
_THEIRS = """
import json, sys
from ai_edge_litert.tools import benchmark_litert_model as tool
tool.round = lambda value, _: value  # it rounds to 10 us
sys.argv = ["litert-benchmark", "--model", sys.argv[1], "--num_runs", sys.argv[2], "--warmup_runs", sys.argv[3]]
print(json.dumps(tool.run_benchmark(tool.parse_args())["latency"]))
"""


def measure(rounds: int = _ROUNDS) -> list[Row]:
    """Both commands, and the calls alone."""
    rows = [_against_theirs(zoo() / name, rounds) for name in _MODELS if (zoo() / name).is_file()]
    if (small := zoo() / _SMALL).is_file():
        rows += [_above_bare(small), _start(small, rounds)]
    return rows


def _against_theirs(model: Path, rounds: int) -> Row:
    runs = max(20, round(_ROUND_S / (_theirs(model, 5) * 1e-3)))
    pairs = []
    for number in range(rounds):
        sides: list[Callable[[], float]] = [lambda: _ours(model, runs), lambda: _theirs(model, runs)]
        order = (0, 1) if number % 2 else (1, 0)
        found = {side: sides[side]() for side in order}
        pairs.append((found[0], found[1]))
    return ratio(f"{model.stem}: median ms of bench against litert-benchmark's", pairs, _SAME)


def _ours(model: Path, runs: int) -> float:
    words = ["--backend", "cpu:engine=CompiledModel", "--num_runs", str(runs), "--min_secs=0", "--warmup_runs=5"]
    done = _run([sys.executable, "-P", "-m", "harness", "bench", str(model), *words, "--warmup_min_secs=0", "--json"])
    return float(json.loads(done)["rows"][0]["found"]["latency"]["median"]) * 1e-6


def _theirs(model: Path, runs: int) -> float:
    done = _run([sys.executable, "-P", "-c", _THEIRS, str(model), str(runs), "5"])
    return float(json.loads(done.splitlines()[-1])["median_ms"])


def _above_bare(model: Path) -> Row:
    section, invocation = BackendSection().model_dump(mode="json"), Invocation().model_dump(mode="json")
    subject = Subject(model, hash_file(model).sha256, model.stem, "file", section, invocation, 1, cache_dir())
    probe = Probe(OpenForBench(subject, 0))
    interpreter: Any = probe._backend._interpreter  # type: ignore[attr-defined]
    ours, bare, now = probe._stages.run, interpreter._interpreter.Invoke, time.perf_counter_ns
    # Whoever holds the interpreter's own call would keep ours from running.
    del bare
    times: tuple[list[int], list[int]] = ([], [])
    gc.disable()
    for _ in range(_CALLS):
        start = now()
        ours()
        times[0].append(now() - start)
        call = interpreter._interpreter.Invoke
        start = now()
        call()
        times[1].append(now() - start)
        del call
    gc.enable()
    took, alone = (statistics.median(each) / 1000 for each in times)
    return Row("bench's run above the bare invoke", took - alone, "us", _MOST_US, beside=f"{took:.3f} : {alone:.3f} us")


def _start(model: Path, rounds: int) -> Row:
    few = ["--num_runs=1", "--min_secs=0", "--warmup_min_secs=0"]
    bench = [sys.executable, "-P", "-m", "harness", "bench", str(model), *few]
    tool = [sys.executable, "-P", "-c", _THEIRS, str(model), "1", "1"]
    pairs = [(_took_s(bench), _took_s(tool)) for _ in range(rounds)]
    more = statistics.median(ours - theirs for ours, theirs in pairs)
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    return Row("bench's start above litert-benchmark's", more, "s", _MOST_S, beside=f"{ours:.2f} : {theirs:.2f} s")


def _took_s(command: list[str]) -> float:
    began = time.perf_counter()
    _run(command)
    return time.perf_counter() - began


def _run(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ).stdout


if __name__ == "__main__":
    print(render(measure()))
