"""`bench` against `litert-benchmark`, which comes with the runtime, and against a bare invoke.

    python -m benchmarks.any_model

The two take turns of a fifth of a second, each in a process of its own, behind the same engine with one thread: the medians
of their runs may differ by 1 % for models of a millisecond and more. What bench's clock has beyond the bare invoke is measured
call by call on a small model: at most 2 us. From the command to its end, with one run, bench may take half a second more than
the other, in which it hashes the file, allocates the model a second time for its costs, and packs it. Its two processes begin
at the same time; their CPU time together is what it takes where only one CPU is free, and is told of a busy machine too. Of the
time by the clock the quickest start of either counts: what else the machine does is in the others. `diff` adds at most a tenth
to the time that its models take.
"""

from __future__ import annotations

import gc
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.rows import Row, ratio, render
from benchmarks.side_by_side import zoo
from harness.bench.probe import Probe
from harness.bench.session import ROUND_S, BenchCase, Contestant, Settings
from harness.config.backend import BackendSection
from harness.config.invocation import Invocation
from harness.difference.child import difference
from harness.difference.record import AskedDifference
from harness.messages.bench import OpenForBench, Pace, Ran, Ready, Run
from harness.model.comparison import Tolerance
from harness.model.subject import Subject
from harness.turns.process import MeasuringProcess
from harness.zoo.files.official import cache_dir, hash_file

_MODELS = (
    "models/mediapipe/face_detection_short_range.tflite",
    "models/mediapipe/face_landmark.tflite",
    "models/mlperf_tiny/ic_pretrainedResnet_large_float.tflite",
    "models/coral/mobilenet_v2_1.0_224_quant.tflite",
)
_SMALL = "models/mlperf_tiny/kws_ref_model_int8.tflite"
_ROUNDS = 25
_STARTS = 9
_SECONDS = 300.0
"""Longer than anything here takes."""
_CALLS = 20_000
_SAME, _MOST_US, _MOST_S, _MOST_ADDED = 1.01, 2.0, 0.5, 0.1


def measure(rounds: int = _ROUNDS) -> list[Row]:
    """Both commands, and the calls alone."""
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[1])
    rows = [_against_theirs(zoo() / name, rounds) for name in _MODELS if (zoo() / name).is_file()]
    rows += [_difference(zoo() / name, _STARTS) for name in _MODELS[:2] if (zoo() / name).is_file()]
    if (small := zoo() / _SMALL).is_file():
        rows += [_above_bare(small), *_start(small, _STARTS)]
    return rows


class _Theirs:
    """Their side of the turns."""

    def __init__(self, model: Path) -> None:
        """Nothing is started yet."""
        self.process = MeasuringProcess("benchmarks.litert_probe", str(model), purpose="bench")

    def open(self) -> None:
        """Starts it."""
        self.process.open(Ready, _SECONDS)

    def round(self, timeout_s: float) -> float:
        """Runs a second of one round."""
        return 1e9 / self.process.ask(Run(Pace(1, ROUND_S, _SECONDS)), Ran, timeout_s).median_ns


def _against_theirs(model: Path, rounds: int) -> Row:
    case = BenchCase(_subject(model, {"engine": "CompiledModel"}), "cpu:engine=CompiledModel")
    ours, theirs = Contestant(case, Settings()), _Theirs(model)
    try:
        ours.open()
        theirs.open()
        speeds = [[each.round(_SECONDS) for each in (ours, theirs)] for _ in range(rounds)]
    finally:
        ours.process.close()
        theirs.process.close()
    pairs = [(1e3 / mine, 1e3 / other) for mine, other in speeds]
    return ratio(f"{model.stem}: median ms of bench against litert-benchmark's", pairs, _SAME)


def _subject(model: Path, options: Mapping[str, str]) -> Subject:
    section, invocation = BackendSection(options=dict(options)), Invocation()
    return Subject(
        model,
        hash_file(model).sha256,
        model.stem,
        "file",
        section.model_dump(mode="json"),
        invocation.model_dump(mode="json"),
        1,
        cache_dir(),
    )


def _above_bare(model: Path) -> Row:
    probe = Probe(OpenForBench(_subject(model, {}), 0))
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


def _difference(model: Path, rounds: int) -> Row:
    subject = _subject(model, {})
    asked = AskedDifference(subject, subject, 50, {}, bisect=False, tolerance=Tolerance())
    found = [difference(asked, lambda _: None) for _ in range(rounds)]
    best = min(found, key=lambda each: each.seconds / each.invoke_seconds)
    added = best.seconds / best.invoke_seconds - 1
    beside = f"{best.seconds:.3f} : {best.invoke_seconds:.3f} s, the best of {rounds}"
    return Row(f"{model.stem}: what diff adds to the time of its invokes", added, "", _MOST_ADDED, beside=beside)


def _start(model: Path, rounds: int) -> list[Row]:
    few = ["--num_runs=1", "--min_secs=0", "--warmup_min_secs=0"]
    bench = [sys.executable, "-P", "-m", "harness", "bench", str(model), *few]
    tool = [
        str(Path(sys.executable).with_name("litert-benchmark")),
        "--model",
        str(model),
        "--num_runs=1",
        "--warmup_runs=1",
    ]
    pairs = [(_took(bench), _took(tool)) for _ in range(rounds)]
    by_clock = [min(each[side][0] for each in pairs) for side in range(2)]
    of_cpu = [statistics.median(each[side][1] for each in pairs) for side in range(2)]
    return [
        Row(
            f"bench's start above litert-benchmark's, {what}",
            ours - theirs,
            "s",
            _MOST_S,
            beside=f"{ours:.2f} : {theirs:.2f} s",
        )
        for what, (ours, theirs) in (
            ("CPU of both its processes", of_cpu),
            (f"by the clock, the quickest of {rounds}", by_clock),
        )
    ]


def _took(command: list[str]) -> tuple[float, float]:
    """Seconds, and seconds of CPU."""
    before, began = os.times(), time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ)
    took, after = time.perf_counter() - began, os.times()
    return took, after.children_user + after.children_system - before.children_user - before.children_system


if __name__ == "__main__":
    print(render(measure()))
