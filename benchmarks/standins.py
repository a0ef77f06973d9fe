"""How long stand-ins take to make, and their latency against files that a converter made of the same architecture.

    .venv/bin/python -m benchmarks standins

The making is held against numpy drawing, hashing and writing as many bytes of noise, in a process of its own. Targets: all
stand-ins in 6 times that, MobileBERT float in 5 times, each under 1 GB of memory; latency within 10 %. TensorFlow's converter
makes a twin of each on the first run (some minutes, then they are cached: `benchmarks.converted_twins`), where TensorFlow is
installed. Published files come from the folder that TFLITE_LOADGEN_ZOO names. What is not there is left out, with a line.
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

import numpy as np

from backends.base import TensorSpec
from backends.cpu import CpuBackend
from benchmarks import converted_twins
from benchmarks.rows import Row, ratio
from benchmarks.side_by_side import median, zoo
from harness.zoo.standins.library import STANDINS, standin_path

_Told = dict[str, dict[str, float]]
_ROUNDS = 21
_ROUND_SECONDS = 0.15
"""For each of the two models in turn: short, so that what else the machine does falls on both alike."""
_FEWEST_CALLS = 2
_WITHIN = 1.1
_PUBLISHED = (
    ("deeplabv3_int8", "mlperf_mobile/deeplabv3_mnv2_ade20k_int8.tflite", _WITHIN),
    ("mobilenet_v2_int8", "coral/tf2_mobilenet_v2_1.0_224_ptq.tflite", _WITHIN),
    # The same graph in uint8, for which XNNPACK has other kernels: it shows how far an int8 stand-in is from a uint8 file here.
    ("mobilenet_v2_int8", "coral/mobilenet_v2_1.0_224_quant.tflite", None),
)

_NOISE = """
import hashlib, json, sys, time
from pathlib import Path
begin = time.monotonic()
import numpy as np
data = np.random.default_rng(0).standard_normal(int(sys.argv[1]) // 4, np.float32).tobytes()
hashlib.sha256(data).hexdigest()
Path(sys.argv[2]).write_bytes(data)
print(json.dumps({"seconds": time.monotonic() - begin}))
"""
_BUILD = """
import json, sys, time
from pathlib import Path
begin = time.monotonic()
from harness.zoo.standins.library import standin_path
path = standin_path(sys.argv[1], Path(sys.argv[2])).path
seconds = time.monotonic() - begin
# This process's own high-water mark: getrusage would count the parent's from before the exec.
lines = Path("/proc/self/status").read_text().splitlines()
peak_kib = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
print(json.dumps({"seconds": seconds, "peak_mb": peak_kib * 1024 / 1e6, "size_mb": path.stat().st_size / 1e6}))
"""


def measure() -> list[Row]:
    """The making, then a row a pair."""
    with tempfile.TemporaryDirectory() as folder:
        return [*_builds(Path(folder)), *_latencies(Path(folder))]


def _builds(cache: Path) -> list[Row]:
    """Every stand-in in a process of its own, from nothing; then all of them again, from the cache."""
    made = {name: _build(name, cache) for name in STANDINS}
    noise = {name: _python(_NOISE, str(int(one["size_mb"] * 1e6)), str(cache / "noise")) for name, one in made.items()}
    begin = time.monotonic()
    for name in STANDINS:
        standin_path(name, cache)
    cached_s = time.monotonic() - begin
    every = _against_noise(f"all {len(STANDINS)} stand-ins made, one after the other", list(STANDINS), made, noise, 6.0)
    longest = max(made, key=lambda name: made[name]["seconds"])
    largest = max(made, key=lambda name: made[name]["peak_mb"])
    return [
        dataclasses.replace(every, beside=f"{every.beside}; the longest, {longest}, {made[longest]['seconds']:.1f} s"),
        _against_noise("MobileBERT float made", ["mobilebert_float32"], made, noise, 5.0),
        Row("the most memory that one takes", made[largest]["peak_mb"], "MB", 1000.0, beside=largest),
        Row("all from the cache", cached_s, "s"),
    ]


def _against_noise(what: str, names: Sequence[str], made: _Told, noise: _Told, target: float) -> Row:
    seconds = tuple(sum(each[name]["seconds"] for name in names) for each in (made, noise))
    return ratio(f"{what} against as much noise, s", [(seconds[0], seconds[1])], target)


def _build(name: str, cache: Path) -> dict[str, float]:
    return _python(_BUILD, name, str(cache))


def _python(code: str, *words: str) -> dict[str, float]:
    """What a process of its own tells as JSON."""
    done = subprocess.run([sys.executable, "-P", "-c", code, *words], capture_output=True, text=True, check=True)
    told: dict[str, float] = json.loads(done.stdout)
    return told


def _latencies(cache: Path) -> list[Row]:
    """One thread, in turns."""
    converted_twins.make_twins()
    rows = []
    for name in converted_twins.TWINS:
        twin = converted_twins.twin_path(name)
        if twin is None:
            print(f"{name}: its twin needs TensorFlow's converter: {converted_twins.INSTALL}", file=sys.stderr)
        else:
            rows.append(_pair(name, standin_path(name, cache).path, twin, same_function=name.endswith("float32")))
    for name, file, target in _PUBLISHED:
        theirs = zoo() / "models" / file
        if theirs.is_file():
            rows.append(_pair(name, standin_path(name, cache).path, theirs, same_function=False, target=target))
        else:
            print(f"{name}: {theirs.name} is not in {theirs.parent}", file=sys.stderr)
    return rows


def _pair(name: str, ours: Path, theirs: Path, *, same_function: bool, target: float | None = _WITHIN) -> Row:
    pair = [CpuBackend(path, threads=1) for path in (ours, theirs)]
    row = ratio(f"{name} : {theirs.name}, ms", zip(*_compared(pair), strict=True), target)
    if same_function:
        row = dataclasses.replace(row, beside=f"{row.beside}; {_agreement(pair):.2%} of the output values are the same")
    for backend in pair:
        backend.close()
    return row


def _agreement(pair: Sequence[CpuBackend]) -> float:
    """The share of output values in which both agree to a thousandth of the output's largest."""
    ours, theirs = (
        {spec.name: values for spec, values in zip(backend.outputs, _answers(backend), strict=True)} for backend in pair
    )
    agreed = [np.abs(ours[name] - theirs[name]) <= np.abs(ours[name]).max() / 1000 for name in ours]
    return float(np.concatenate([values.ravel() for values in agreed]).mean())


def _answers(backend: CpuBackend) -> list[Any]:
    return backend.invoke([_noise(spec) for spec in backend.inputs])


def _compared(pair: Sequence[CpuBackend]) -> list[list[float]]:
    """For each of the two the median in ms of every round; they take turns at going first."""
    inputs = [[_noise(spec) for spec in backend.inputs] for backend in pair]
    for backend, values in zip(pair, inputs, strict=True):
        _median_ms(backend, values)
    medians: list[list[float]] = [[], []]
    for number in range(_ROUNDS):
        for side in (0, 1) if number % 2 else (1, 0):
            medians[side].append(_median_ms(pair[side], inputs[side]))
    return medians


def _median_ms(backend: CpuBackend, inputs: Sequence[Any]) -> float:
    times: list[float] = []
    end = time.perf_counter() + _ROUND_SECONDS
    while time.perf_counter() < end or len(times) < _FEWEST_CALLS:
        begin = time.perf_counter()
        backend.invoke(inputs)
        times.append((time.perf_counter() - begin) * 1e3)
    return median(times)


def _noise(spec: TensorSpec) -> Any:
    rng = np.random.default_rng(0)
    if spec.dtype.kind == "f":
        return rng.uniform(-1, 1, spec.shape).astype(spec.dtype)
    if spec.dtype == np.int32:
        return rng.integers(0, 2, spec.shape, np.int32)  # token ids, mask and segments alike
    limits = np.iinfo(spec.dtype)
    return rng.integers(limits.min, limits.max, spec.shape, endpoint=True).astype(spec.dtype)
