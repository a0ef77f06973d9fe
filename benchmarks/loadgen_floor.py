"""The floor: LoadGen with the least that a SUT in Python can do. What the harness adds is measured from here.

`python -m benchmarks.loadgen_floor SCENARIO COUNT [MODEL]` is the one LoadGen run of a process; `floor` starts it.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from backends.cpu import CpuBackend
from benchmarks.side_by_side import noise
from harness.results.loadgen_log import read_detail
from harness.serving import loadgen
from harness.serving.responder import abandon

_SAMPLES = 256


def floor(scenario: str, count: int, model: str = "") -> dict[str, float]:
    """What LoadGen's own log says.

    Args:
        scenario: `SingleStream` or `Offline`.
        count: Queries, for Offline samples.
        model: SingleStream only: a TFLite file that is run once a query, its answer thrown away.

    Returns:
        `p50_us` of a query, and `each_us`: what a query (Offline: a sample) takes in all.
    """
    words = [sys.executable, "-P", "-m", "benchmarks.loadgen_floor", scenario, str(count), model]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    answer: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return answer


def main() -> int:
    """Drives LoadGen once and prints what its log says."""
    scenario, count, model = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    issue = _all if scenario == "Offline" else _running(model) if model else loadgen.floor()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        gc.collect()
        gc.freeze()
        gc.disable()
        loadgen.drive(
            _settings(scenario, count),
            model="floor",
            issue=issue,
            load=_nothing,
            unload=_nothing,
            folder=Path(folder),
        )
        detail = read_detail(Path(folder), accuracy=False)
        os.chdir("/")
    rate = detail["result_qps_with_loadgen_overhead" if scenario == "SingleStream" else "result_samples_per_second"]
    print(json.dumps({"p50_us": detail["result_50.00_percentile_latency_ns"] / 1e3, "each_us": 1e6 / rate}))
    return 0


def _settings(scenario: str, count: int) -> loadgen.RunSettings:
    return loadgen.RunSettings(
        scenario=scenario,
        accuracy=False,
        performance_sample_count=_SAMPLES,
        total_sample_count=_SAMPLES,
        min_query_count=count,
        min_duration_ms=0,
        max_duration_ms=None,
        target_percentile=0.9,
        samples_per_query=1,
        expected_latency_ns=1000,
        target_qps=1e6,
        server_target_latency_ns=None,
        seeds=None,
        enable_trace=False,
    )


def _running(model: str) -> loadgen.Issue:
    backend = CpuBackend(Path(model), threads=1)
    run, complete = backend.runner(), loadgen.floor()
    rows = [tuple(noise(spec, seed) for spec in backend.inputs) for seed in range(_SAMPLES)]

    def issue(query_ids: list[int], indices: list[int]) -> None:
        run(rows[indices[0]])
        complete(query_ids, indices)

    return issue


def _all(query_ids: list[int], indices: list[int]) -> None:
    del indices
    abandon(query_ids)


def _nothing(indices: list[int]) -> None:
    del indices


if __name__ == "__main__":
    sys.exit(main())
