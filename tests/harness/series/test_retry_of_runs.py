"""--retry, on runs that really are INVALID: what the calibration saw is no longer so when LoadGen asks."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., subprocess.CompletedProcess[str]]
Read = Callable[[Path], dict[str, Any]]

MOODY = """
import itertools, time
from pathlib import Path
from backends.cpu import CpuBackend
from harness.worker import pool_timing, timing

class Clock:
    now_ns = 0
    sleep = staticmethod(time.sleep)

    def perf_counter_ns(self):
        return self.now_ns

clock = timing.time = pool_timing.time = Clock()
numbers = itertools.count()

class Backend(CpuBackend):
    def invoke(self, inputs):
        # A worker's directory is its run's, and the log is there from the moment at which LoadGen begins.
        if Path("mlperf_log_detail.txt").exists():
            number, again = next(numbers), Path.cwd().name.endswith("-again")
            time.sleep({sleeps})
        clock.now_ns += int(1e9 * {calibrated})
        return super().invoke(inputs)
"""
"""A backend that the calibration sees by a clock of its own, and LoadGen by another. What it sleeps is so long that nothing
else a machine does counts beside it, and where the first run says how many queries the second has, so long that these last: a
machine that is busy in the first alone may make them a third of what they should be."""

CAUSES: dict[str, tuple[list[str], dict[str, object], str]] = {
    "a stream whose expected latency is too high": (
        ["--scenario", "SingleStream", "--set", "load.min_duration_ms=3000", "--set", "load.min_query_count=8"],
        {"calibrated": 10, "sleeps": "0.015 if again else 0.01"},
        "a query took less than the calibration saw",
    ),
    "Offline, which is through before its time": (
        [
            *("--scenario", "Offline", "--instances", "1"),
            *("--set", "load.min_duration_ms=1000", "--set", "load.min_query_count=8"),
        ],
        {"calibrated": 10, "sleeps": "0.1 if again else 0.03"},
        "more samples were answered than the calibration saw",
    ),
    "Server, whose load is too high for the bound": (
        [
            *("--scenario", "Server", "--instances", "1"),
            *("--set", "load.min_duration_ms=200", "--set", "load.server_target_latency_ms=3000"),
        ],
        {"calibrated": 0.0005, "sleeps": "0 if again or number else 4"},
        "the load was too high for the bound",
    ),
    "Server, with too few queries to prove its tail": (
        [
            *("--scenario", "Server", "--instances", "8", "--set", "load.server_target_percentile=0.9"),
            *("--set", "load.min_duration_ms=200", "--set", "load.min_query_count=64"),
            *("--set", "load.server_target_latency_ms=2000", "--set", "load.target_qps=40"),
        ],
        # Each keeps but one of the instances.
        {"calibrated": 0.0005, "sleeps": "0 if again or number > 2 else 3"},
        "too few queries prove the tail",
    ),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_a_run_that_is_invalid_for_what_the_calibration_found_is_valid_when_it_is_made_again(
    cause: str,
    call: Cli,
    keyword_model: Path,
    keyword_data: Path,
    plug_in: Callable[[str, str], dict[str, str]],
    tmp_path: Path,
    read_result: Read,
) -> None:
    words, times, why = CAUSES[cause]
    asked = ["--task", "kws", "--model", keyword_model, "--dataset", keyword_data, "--threads", "1", "--retry"]
    asked += ["--set", "load.warm_up_s=0", "--set", "backend.workers=threads"]
    env = plug_in("moody", MOODY.format(**times))
    done = call(*asked, *words, "--backend", "moody", "--out", tmp_path / "run", env=env)
    assert f"1-performance-moody is INVALID: {why}" in done.stderr
    assert done.returncode == 0, done.stderr
    top = read_result(tmp_path / "run")
    assert [run["status"] for run in top["runs"]] == ["invalid", "valid"]
    assert top["runs"][0]["again"] == "1-performance-moody-again"
    assert top["status"] == "valid"
