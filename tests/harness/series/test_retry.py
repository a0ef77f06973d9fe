"""What is told otherwise to a run that was INVALID, and what never is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from harness.results.figures import Latency, Performance
from harness.results.record import Result
from harness.results.subject import LoadGenSettings
from harness.series.retry import corrected
from harness.spec.schema import Load, Spec


def load(scenario: Any, **fields: Any) -> Load:
    given: dict[str, Any] = {
        "scenario": scenario,
        "mode": "performance",
        "preset": "rules",
        "round": None,
        "seeds": None,
        "performance_sample_count": 8,
        "min_query_count": 64,
        "min_duration_ms": 60_000,
        "max_duration_ms": None,
        "target_percentile": 0.99 if scenario == "Server" else 0.9,
        "samples_per_query": 1,
        "expected_latency_ns": None,
        "target_qps": None,
        "server_target_latency_ns": None,
        "enable_trace": False,
    }
    return Load(**given | fields)


FIGURES = Performance(
    latency_ns=Latency(mean=1000.0, p50=900.0, p90=1200.0, p95=1300.0, p99=1500.0, p99_9=2000.0, min=800.0, max=3000.0),
    samples_per_second=500.0,
    queries_per_second=500.0,
    query_count=1000,
    sample_count=1000,
    duration_s=40.0,
    early_stopping_latency_ns=None,
    target_percentile=0.9,
    scheduled_samples_per_second=None,
    overlatency_query_count=None,
    derived=(),
    server=None,
)


class Found:
    """Of a result, what is looked at."""

    def __init__(self, scenario: str, status: str = "invalid", **figures: Any) -> None:
        self.status, self.performance = status, replace(FIGURES, **figures)
        self.loadgen = LoadGenSettings(scenario, "PerformanceOnly", 8, 60_000, 64, 200.0, 10**7)


def change(asked: Load, found: Found) -> Any:
    spec = Spec.model_construct(load=asked)
    better = corrected(spec, cast("Result", found))
    if better is None:
        return None
    new = better.spec.load.model_dump()
    return {name: value for name, value in new.items() if value != asked.model_dump()[name]}


@pytest.mark.parametrize("scenario", ["SingleStream", "MultiStream"])
def test_a_stream_that_ran_out_of_queries_expects_half_of_what_was_measured(scenario: str) -> None:
    assert change(load(scenario), Found(scenario)) == {"expected_latency_ns": 500}


def test_offline_expects_more_than_was_measured() -> None:
    assert change(load("Offline"), Found("Offline")) == {"target_qps": 600.0}


def test_server_asks_for_less_where_answers_were_late_and_more_often_where_too_few_prove_it() -> None:
    late = Found("Server", overlatency_query_count=11, duration_s=60.0)
    assert change(load("Server"), late) == {"target_qps": 160.0}
    early = Found("Server", overlatency_query_count=10, duration_s=60.0)
    assert change(load("Server"), early) == {"min_query_count": 2000}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (load("SingleStream"), Found("SingleStream", status="valid")),
        (load("SingleStream"), Found("SingleStream", duration_s=60.0)),
        (load("SingleStream", expected_latency_ns=9), Found("SingleStream")),
        (load("Offline", target_qps=1.0), Found("Offline")),
        (load("SingleStream", max_duration_ms=40_000), Found("SingleStream")),
        (load("Server", max_duration_ms=40_000), Found("Server", overlatency_query_count=900)),
        (load("Server", target_qps=200.0), Found("Server", overlatency_query_count=900)),
    ],
)
def test_what_is_valid_or_the_users_own_stays_as_it_is(asked: Load, found: Found) -> None:
    assert change(asked, found) is None
