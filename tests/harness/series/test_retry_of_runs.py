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
import time
from pathlib import Path
from backends.cpu import CpuBackend

class Backend(CpuBackend):
    asked = 0

    def invoke(self, inputs):
        # A worker's directory is its run's, and the log is there from the moment at which LoadGen begins.
        began, again = Path("mlperf_log_detail.txt").exists(), Path.cwd().name.endswith("-again")
        self.asked += began
        time.sleep({pause})
        return super().invoke(inputs)
"""
"""A backend that is slower or quicker for a while."""

QUICKER = "0.001 if began else 0.05"
STUCK = "{seconds} if began and not again and self.asked == 1 else 0"
CAUSES = {
    "a stream whose expected latency is too high": (
        ["--scenario", "SingleStream", "--set", "load.min_duration_ms=1000", "--set", "load.min_query_count=64"],
        QUICKER,
        "a query took less than the calibration saw",
    ),
    "Offline, which is through before its time": (
        [
            *("--scenario", "Offline", "--instances", "1"),
            *("--set", "load.min_duration_ms=1000", "--set", "load.min_query_count=64"),
        ],
        QUICKER,
        "more samples were answered than the calibration saw",
    ),
    "Server, whose load is too high for the bound": (
        [
            *("--scenario", "Server", "--instances", "1"),
            *("--set", "load.min_duration_ms=200", "--set", "load.server_target_latency_ms=1000"),
        ],
        STUCK.format(seconds=1.5),
        "the load was too high for the bound",
    ),
    "Server, with too few queries to prove its tail": (
        [
            *("--scenario", "Server", "--instances", "1", "--set", "load.server_target_percentile=0.9"),
            *("--set", "load.min_duration_ms=200", "--set", "load.min_query_count=64"),
            *("--set", "load.server_target_latency_ms=2000", "--set", "load.target_qps=40"),
        ],
        STUCK.format(seconds=2.05),
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
    words, pause, why = CAUSES[cause]
    asked = ["--task", "kws", "--model", keyword_model, "--dataset", keyword_data, "--threads", "1", "--retry"]
    asked += ["--set", "load.warm_up_s=0", "--set", "backend.workers=threads"]
    env = plug_in("moody", MOODY.format(pause=pause))
    done = call(*asked, *words, "--backend", "moody", "--out", tmp_path / "run", env=env)
    assert f"1-performance-moody is INVALID: {why}" in done.stderr
    assert done.returncode == 0, done.stderr
    top = read_result(tmp_path / "run")
    assert [run["status"] for run in top["runs"]] == ["invalid", "valid"]
    assert top["runs"][0]["again"] == "1-performance-moody-again"
    assert top["status"] == "valid"
