from __future__ import annotations

import numpy as np
import pytest

from harness.cli import main
from harness.report.sustained import render_sustained, sustained
from harness.results.queries.query_times import KeptTimes


def of_minutes(*latency_ms: float, seen: int | None = None) -> KeptTimes:
    """A query every tenth of a second, whose latency is the minute's."""
    latency = np.repeat((np.array(latency_ms) * 1e6).astype(np.int64), 600)
    ended = np.arange(1, len(latency) + 1, dtype=np.int64) * 100_000_000 - 1
    return KeptTimes(latency, ended, len(latency) if seen is None else seen)


def test_the_last_minute_is_held_against_the_first() -> None:
    found = sustained(of_minutes(10, 11, 12.5))
    assert [minute.p50_ns for minute in found.minutes] == [10e6, 11e6, 12.5e6]
    assert [minute.queries for minute in found.minutes] == [600, 600, 600]
    assert found.p50_change == pytest.approx(0.25)
    assert found.busy_share == pytest.approx(0.8)


def test_a_machine_that_keeps_its_speed_may_work_all_the_time() -> None:
    assert sustained(of_minutes(10, 9)).busy_share == 1.0


def test_one_minute_or_no_query_is_held_against_nothing() -> None:
    empty = KeptTimes(np.empty(0, np.int64), np.empty(0, np.int64), 0)
    for times in (of_minutes(10), empty):
        found = sustained(times)
        assert found.p50_change is None
        assert "fewer than two minutes" in render_sustained(found, None)


def test_queries_that_were_not_kept_are_said() -> None:
    assert "5,000 queries are not in the table" in render_sustained(sustained(of_minutes(10, 10, seen=6200)), None)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--minutes", "0"],
        ["--minutes", "x"],
        ["--minutes", "5", "--of", "r"],
        ["--minutes", "5", "--mode", "accuracy"],
        ["--minutes", "5", "--scenario", "Offline"],
        ["--minutes", "5", "--repeat", "2"],
        ["--minutes", "5", "--backend", "cpu", "--backend", "gpu"],
        ["--minutes", "5", "--set", "load.min_duration_ms=5"],
        ["--of", "nothing"],
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_runs(words: list[str]) -> None:
    assert main(["sustained", *words]) == 2
