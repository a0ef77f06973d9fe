"""Figures of many runs."""

from __future__ import annotations

import statistics

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.bench.times import RunTimes


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=200))
def test_the_figures_are_those_of_benchmark_model(times: list[int]) -> None:
    runs = RunTimes()
    for each in times:
        runs.note(each)
    found, ordered = runs.latency(), sorted(times)
    assert found.runs == len(times)
    assert (found.min, found.max) == (ordered[0], ordered[-1])
    assert abs(found.mean - statistics.fmean(times)) <= 1e-9 * found.max
    assert abs(found.std - statistics.pstdev(times)) <= 1e-6 * found.max
    for percent, value in ((5, found.p5), (50, found.median), (90, found.p90), (95, found.p95), (99, found.p99)):
        assert value == ordered[len(times) * percent // 100]
    assert list(runs.since(1)) == times[1:]
    assert runs.nbytes == 8 * len(times)
