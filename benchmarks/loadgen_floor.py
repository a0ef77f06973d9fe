"""The floor: LoadGen with the least that a SUT in Python can do. What the harness adds is measured from here.

`python -m benchmarks.loadgen_floor SCENARIO COUNT` is the one LoadGen run of a process; `floor` starts it.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import mlperf_loadgen as lg

from harness import loadgen, results

_SAMPLES = 256


def floor(scenario: str, count: int) -> dict[str, float]:
    """A run without a model, from LoadGen's own log.

    Args:
        scenario: `SingleStream` or `Offline`.
        count: Queries, for Offline samples.

    Returns:
        `p50_us` of a query, and `each_us`: what a query (Offline: a sample) takes in all.
    """
    words = [sys.executable, "-P", "-m", "benchmarks.loadgen_floor", scenario, str(count)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    answer: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return answer


def main() -> int:
    """Drives LoadGen once and prints what its log says."""
    scenario, count = sys.argv[1], int(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        gc.disable()
        loadgen.drive(
            _settings(scenario, count),
            model="floor",
            issue=_one if scenario == "SingleStream" else _all,
            load=_nothing,
            unload=_nothing,
            folder=Path(folder),
        )
        detail = results.read_detail(Path(folder), accuracy=False)
        os.chdir("/")
    rate = detail["result_qps_with_loadgen_overhead" if scenario == "SingleStream" else "result_samples_per_second"]
    print(json.dumps({"p50_us": detail["result_50.00_percentile_latency_ns"] / 1e3, "each_us": 1e6 / rate}))
    return 0


def _settings(scenario: str, count: int) -> loadgen.Settings:
    return loadgen.Settings(
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


_RESPONSE: Any = lg.QuerySampleResponse(0, 0, 0)
_RESPONSES = [_RESPONSE]


def _one(query_ids: list[int], indices: list[int]) -> None:
    del indices
    _RESPONSE.id = query_ids[0]
    lg.QuerySamplesComplete(_RESPONSES)


def _all(query_ids: list[int], indices: list[int]) -> None:
    del indices
    lg.QuerySamplesComplete([lg.QuerySampleResponse(number, 0, 0) for number in query_ids])


def _nothing(indices: list[int]) -> None:
    del indices


if __name__ == "__main__":
    sys.exit(main())
