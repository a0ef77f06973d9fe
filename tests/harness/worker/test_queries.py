"""How much LoadGen will ask for, and whether that fits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.serving.loadgen import RunSettings
from harness.worker.queries import loadgen_bytes, longest_pause_s


@pytest.mark.parametrize("scenario", ["SingleStream", "MultiStream", "Server", "Offline"])
def test_the_memory_that_loadgen_needs_is_known_for_every_scenario(scenario: str) -> None:
    assert 100 <= loadgen_bytes(scenario) <= 1000


def test_a_query_of_eight_slow_samples_is_no_hang() -> None:
    one = RunSettings(
        scenario="SingleStream",
        accuracy=False,
        performance_sample_count=1,
        total_sample_count=1,
        min_query_count=1,
        min_duration_ms=1,
        max_duration_ms=None,
        target_percentile=0.9,
        samples_per_query=8,
        expected_latency_ns=1_000,
        target_qps=0.5,
        server_target_latency_ns=None,
        seeds=None,
        enable_trace=False,
    )
    pauses_s = {
        scenario: longest_pause_s(replace(one, scenario=scenario), 100_000_000_000)
        for scenario in ("SingleStream", "MultiStream", "Server", "Offline")
    }
    assert pauses_s == {"SingleStream": 0, "MultiStream": 800, "Server": 40, "Offline": 0}
