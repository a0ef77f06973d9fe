"""How long stand-ins take to make, and their latency against files that a converter made of the same architecture.

Targets: all stand-ins in 30 s, MobileBERT float in 15 s, each under 1 GB of memory; latency within 10 %. The files of a
converter come from the folder that TFLITE_LOADGEN_ZOO names; a pair whose file is not there is left out, with a line.
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
from benchmarks.side_by_side import median, zoo
from harness.zoo.standins import STANDINS, standin_path

_ROUNDS = 9
_ROUND_SECONDS = 0.4
"""For each of the two models in turn."""
_FEWEST_CALLS = 5
_PAIRS = (
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
    print(
        f"\n{'1 thread, medians of ' + str(_ROUNDS) + ' rounds':42}{'ours ms':>9}{'theirs':>9}{'ratio':>8}   lowest, highest"
    )
    for name, file in _PAIRS:
        theirs = zoo() / "models" / file
        if not theirs.is_file():
            print(f"{name}: {theirs.name} is not in {theirs.parent}")
            continue
        ours_ms, theirs_ms, ratios = _compared(standin_path(name, cache).path, theirs)
        print(
            f"{name:42}{ours_ms:9.3f}{theirs_ms:9.3f}{median(ratios):8.3f}   {min(ratios):.3f}, {max(ratios):.3f}",
            end="",
        )
        print(f"   {theirs.name}")


def _compared(ours: Path, theirs: Path) -> tuple[float, float, list[float]]:
    """Medians of both in ms, and for each round the ratio of its medians; the two take turns at going first."""
    pair = [CpuBackend(path, threads=1) for path in (ours, theirs)]
    inputs = [[_noise(spec) for spec in backend.inputs] for backend in pair]
    for backend, values in zip(pair, inputs, strict=True):
        _median_ms(backend, values)
    rounds: list[tuple[float, float]] = []
    for number in range(_ROUNDS):
        measured = {index: _median_ms(pair[index], inputs[index]) for index in ((0, 1) if number % 2 else (1, 0))}
        rounds.append((measured[0], measured[1]))
    for backend in pair:
        backend.close()
    first, second = zip(*rounds, strict=True)
    return median(first), median(second), [mine / other for mine, other in rounds]


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
    limits = np.iinfo(spec.dtype)
    return rng.integers(limits.min, limits.max, spec.shape, endpoint=True).astype(spec.dtype)


if __name__ == "__main__":
    main()
