"""How long stand-ins take to make, and their latency against files that a converter made of the same architecture.

Targets: all stand-ins in 30 s, MobileBERT float in 15 s, each under 1 GB of memory; latency within 10 %. TensorFlow's
converter makes a twin of each on the first run (some minutes, then they are cached: `benchmarks.converted_twins`), where
TensorFlow is installed. Published files come from the folder that TFLITE_LOADGEN_ZOO names. What is not there is left out,
with a line.
"""

from __future__ import annotations

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
from benchmarks.side_by_side import median, zoo
from harness.zoo.standins import STANDINS, standin_path

_ROUNDS = 21
_ROUND_SECONDS = 0.15
"""For each of the two models in turn: short, so that what else the machine does falls on both alike."""
_FEWEST_CALLS = 2
_PUBLISHED = (
    # The target is for the first two. The last one is the same graph in uint8, for which XNNPACK has other kernels: it shows
    # how far an int8 stand-in is from a uint8 file on this machine.
    ("deeplabv3_int8", "mlperf_mobile/deeplabv3_mnv2_ade20k_int8.tflite"),
    ("mobilenet_v2_int8", "coral/tf2_mobilenet_v2_1.0_224_ptq.tflite"),
    ("mobilenet_v2_int8", "coral/mobilenet_v2_1.0_224_quant.tflite"),
)

_BUILD = """
import json, sys, time
from pathlib import Path
begin = time.monotonic()
from harness.zoo.standins import standin_path
path = standin_path(sys.argv[1], Path(sys.argv[2])).path
seconds = time.monotonic() - begin
# This process's own high-water mark: getrusage would count the parent's from before the exec.
lines = Path("/proc/self/status").read_text().splitlines()
peak_kib = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
print(json.dumps({"seconds": seconds, "peak_mb": peak_kib * 1024 / 1e6, "size_mb": path.stat().st_size / 1e6}))
"""


def main() -> None:
    """Prints a line a stand-in, then a line a pair."""
    with tempfile.TemporaryDirectory() as folder:
        _print_builds(Path(folder))
        _print_latencies(Path(folder))


def _print_builds(cache: Path) -> None:
    """Every stand-in in a process of its own, from nothing; then all of them again, from the cache."""
    print(f"{'stand-in':42}{'seconds':>9}{'peak MB':>9}{'file MB':>9}")
    total, most = 0.0, 0.0
    for name in STANDINS:
        made = _build(name, cache)
        total, most = total + made["seconds"], max(most, made["peak_mb"])
        print(f"{name:42}{made['seconds']:9.2f}{made['peak_mb']:9.0f}{made['size_mb']:9.1f}")
    print(f"{f'all {len(STANDINS)}, one after the other':42}{total:9.2f}{most:9.0f}   targets 30 s, 1000 MB")
    begin = time.monotonic()
    for name in STANDINS:
        standin_path(name, cache)
    print(f"{'all from the cache':42}{time.monotonic() - begin:9.3f}")


def _build(name: str, cache: Path) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-P", "-c", _BUILD, name, str(cache)], capture_output=True, text=True, check=True
    )
    made: dict[str, float] = json.loads(done.stdout)
    return made


def _print_latencies(cache: Path) -> None:
    converted_twins.make_twins()
    print(
        f"\n1 thread, {_ROUNDS} rounds in turns: medians, quartiles of the ratio, share of output values that are the same"
    )
    print(f"{'stand-in':30}{'ours ms':>9}{'theirs':>9}{'ratio':>8}   {'quartiles':14}{'same':>8}  theirs")
    for name in converted_twins.TWINS:
        twin = converted_twins.twin_path(name)
        if twin is None:
            print(f"{name}: its twin needs TensorFlow's converter: {converted_twins.INSTALL}")
        else:
            _print_pair(name, standin_path(name, cache).path, twin, same_function=name.endswith("float32"))
    for name, file in _PUBLISHED:
        theirs = zoo() / "models" / file
        if theirs.is_file():
            _print_pair(name, standin_path(name, cache).path, theirs, same_function=False)
        else:
            print(f"{name}: {theirs.name} is not in {theirs.parent}")


def _print_pair(name: str, ours: Path, theirs: Path, *, same_function: bool) -> None:
    pair = [CpuBackend(path, threads=1) for path in (ours, theirs)]
    ours_ms, theirs_ms = _compared(pair)
    same = f"{_agreement(pair):.2%}" if same_function else "-"
    for backend in pair:
        backend.close()
    low, middle, high = np.quantile(np.divide(ours_ms, theirs_ms), (0.25, 0.5, 0.75))
    print(
        f"{name:30}{median(ours_ms):9.3f}{median(theirs_ms):9.3f}{middle:8.3f}   {low:.3f}, {high:.3f}"
        f"{same:>9}  {theirs.name}",
        flush=True,
    )


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


if __name__ == "__main__":
    main()
