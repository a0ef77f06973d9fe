from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.html_report.series_of_times import thinned
from harness.results.queries.query_times import KeptTimes


def kept(latency_ns: list[int], ended_ns: list[int] | None = None) -> KeptTimes:
    latency = np.array(latency_ns, np.int64)
    return KeptTimes(latency, np.cumsum(latency) if ended_ns is None else np.array(ended_ns, np.int64), len(latency))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 1 << 40), min_size=1, max_size=200))
def test_no_query_is_lost_or_counted_twice(latency: list[int]) -> None:
    found = thinned(kept(latency))
    assert found is not None
    assert sum(bar.count for bar in found.bars) == len(latency)
    assert sum(span.queries for span in found.spans) in (0, len(latency))
    assert found.steps[-1] == (1.0, float(max(latency)))


def test_percentiles_are_those_that_loadgen_would_give() -> None:
    found = thinned(kept(list(range(1, 101))))
    assert found is not None
    assert dict(found.percentiles) == {50: 50, 90: 90, 95: 95, 99: 99, 99.9: 100}


def test_a_run_without_queries_has_nothing_to_draw() -> None:
    assert thinned(kept([])) is None


def test_ends_that_go_back_are_put_in_order() -> None:
    found = thinned(kept([10] * 8, [0, 100, 50, 200, 150, 300, 250, 400]))
    assert found is not None
    assert sum(span.queries for span in found.spans) == 8


def test_what_lies_far_outside_is_marked_where_it_was() -> None:
    latency = [1000 + place % 7 for place in range(400)]
    latency[123] = 9000
    found = thinned(kept(latency))
    assert found is not None
    assert found.outlier_count == 1
    assert found.outliers[0].latency_ns == 9000
    assert found.outliers[0].at_s == pytest.approx(sum(latency[:124]) / 1e9)


def test_equal_latencies_have_no_outliers() -> None:
    found = thinned(kept([1000] * 50))
    assert found is not None
    assert found.outlier_count == 0


def test_a_million_queries_make_no_more_points_than_a_thousand() -> None:
    rng = np.random.default_rng(1)
    latency = rng.lognormal(11, 1, 1_000_000).astype(np.int64)
    found = thinned(KeptTimes(latency, np.cumsum(latency), len(latency)))
    assert found is not None
    assert len(found.bars) + len(found.steps) + len(found.spans) + len(found.outliers) < 700
    assert found.outlier_count > len(found.outliers)
