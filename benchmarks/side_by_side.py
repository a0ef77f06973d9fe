"""What the measurements share: a run of the harness, and a bare loop over the same interpreter."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from backends.base import Array, TensorSpec

_BARE_LOOP = """
import json, sys, time
from pathlib import Path
from backends.cpu import CpuBackend
from benchmarks.side_by_side import noise
model, seconds, threads = Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
backend = CpuBackend(model, threads=threads)
interpreter = backend._interpreter
samples = [[noise(spec, seed) for spec in backend.inputs] for seed in range(16)]
inputs, outputs = backend._input_indexes, backend._output_indexes
now, times = time.perf_counter_ns, []
first = begin = now()
end = begin + int(seconds * 1e9)
while begin < end or len(times) < 70:
    for index, array in zip(inputs, samples[len(times) % 16]):
        interpreter.set_tensor(index, array)
    interpreter.invoke()
    for index in outputs:
        interpreter.get_tensor(index)
    done = now()
    times.append(done - begin)
    begin = done
rate = len(times) / ((begin - first) * 1e-9)
times.sort()
print(json.dumps({"p50": times[len(times) // 2], "p90": times[len(times) * 9 // 10], "count": len(times), "per_second": rate}))
"""


class _Limits(NamedTuple):
    min: int
    max: int


_IDS = _Limits(0, 1)


@dataclass(frozen=True, slots=True)
class Subject:
    """A model with its data, as options of the harness."""

    name: str
    task: str
    model: str
    options: tuple[str, ...] = ()


def zoo() -> Path:
    """Where real models lie, by the same variable as in the tests."""
    return Path(os.environ.get("TFLITE_LOADGEN_ZOO", "../shared/zoo")).resolve()


def subjects() -> list[Subject]:
    """The models measured: those of the zoo that are there, and the MobileBERT stand-in, which always is."""
    place = zoo()
    kws = place / "models/mlperf_tiny/kws_ref_model_int8.tflite"
    picture = place / "models/mlperf_mobile/mobilenet_edgetpu_224_1.0_uint8.tflite"
    found = []
    if kws.is_file():
        found.append(Subject("keyword spotting", "kws", str(kws), ("--dataset", str(place / "datasets/kws01"))))
    if picture.is_file():
        data = ("--dataset", str(place / "datasets/imagenet_sample"))
        found.append(Subject("MobileNetEdgeTPU uint8", "mobilenet_edgetpu", str(picture), data))
    found.append(Subject("MobileBERT stand-in int8", "mobilebert", "mobilebert_int8"))
    return found


def harness(subject: Subject, *options: str, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """One run through the command line, `environment` added to this process's; its result."""
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-P", "-m", "harness", "--task", subject.task, "--model", subject.model, "--json"]
        words += [*subject.options, "--out", f"{folder}/run", *options]
        env = os.environ | dict(environment or {})
        done = subprocess.run(words, capture_output=True, text=True, check=False, env=env)
        if done.returncode not in (0, 1):
            raise SystemExit(f"{subject.name}: {done.stderr.strip()}")
        result: dict[str, Any] = json.loads(done.stdout)
        return result


def bare_loop(model: str, seconds: float, threads: int = 1) -> dict[str, float]:
    """set_tensor, invoke, get_tensor in a process of its own; p50 and p90 in ns, count, per_second."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", _BARE_LOOP, model, str(seconds), str(threads)],
        capture_output=True,
        text=True,
        check=True,
    )
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def noise(spec: TensorSpec, seed: int) -> Array:
    """A sample for one input: bytes of any value, small numbers where they are looked up in a table."""
    rng = np.random.default_rng(seed)
    if spec.dtype.kind == "f":
        return rng.standard_normal(spec.shape).astype(spec.dtype)
    limits = np.iinfo(spec.dtype) if spec.dtype.itemsize < 4 else _IDS
    return rng.integers(limits.min, limits.max, spec.shape, endpoint=True).astype(spec.dtype)


def median(values: Sequence[float]) -> float:
    """Of the rounds."""
    return statistics.median(values)
