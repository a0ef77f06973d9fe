"""The headline of a sweep: LoadGen's figure of the scenario, with how sure it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from harness.report.sweep import render_sweep
from harness.results.figures import Headline
from harness.results.files import read_result
from harness.results.record import Result, SeriesRun
from harness.series.execute import top_of
from harness.series.sweep import sweep_rows

VERSION_1 = Path(__file__).parents[1] / "results" / "version_1"


@pytest.fixture
def result(tmp_path: Path) -> Result:
    (tmp_path / "result.json").write_bytes((VERSION_1 / "middle_single_stream.json").read_bytes())
    found = read_result(tmp_path)
    assert isinstance(found, Result)
    return found


def runs(result: Result, backend: str, p90s_ms: Sequence[float]) -> list[SeriesRun]:
    figures = result.performance
    assert figures is not None
    # The median never moves: it is not what SingleStream is judged by.
    timed = [replace(figures, latency_ns=replace(figures.latency_ns, p90=each * 1e6)) for each in p90s_ms]
    return [
        SeriesRun(
            directory=f"{number}-{backend}",
            backend_asked=backend,
            model_asked="m",
            result=replace(result, performance=each),
        )
        for number, each in enumerate(timed)
    ]


def headline(result: Result, first: Sequence[float], second: Sequence[float]) -> tuple[Headline, str]:
    rows = sweep_rows([*runs(result, "cpu", first), *runs(result, "gpu", second)])
    assert rows is not None
    assert rows[0].headline is None
    assert rows[1].headline is not None
    assert rows[1].speed_up == 1
    return rows[1].headline, " ".join(render_sweep(rows).split())


def test_the_headline_is_by_p90_and_told_apart_by_the_spread_of_repeats(result: Result) -> None:
    found, text = headline(result, [10, 10.1, 9.9], [5, 5.1, 4.9])
    assert (found.figure, found.standing, round(found.ratio, 1)) == ("p90", "quicker", 2.0)
    assert "not told apart" not in text


def test_repeats_that_overlap_and_single_runs_are_not_told_apart(result: Result) -> None:
    found, text = headline(result, [10, 14, 9], [9, 12, 10])
    assert found.standing == "not told apart"
    assert found.low is not None
    assert found.low < 1 < (found.high or 0)
    found, text = headline(result, [10], [9.8])
    assert (found.low, found.standing) == (None, None)
    assert "one run" in text


def test_the_spread_of_repeats_has_an_interval(result: Result) -> None:
    spread = top_of(runs(result, "cpu", [10, 10.1, 9.9])).spread
    assert spread is not None
    assert spread.p90_ns is not None
    assert spread.p90_ns.low is not None
    assert 9e6 < spread.p90_ns.low < 10e6 < (spread.p90_ns.high or 0) < 11e6


def test_runs_of_several_benchmarks_or_scenarios_are_no_sweep(result: Result) -> None:
    first, other = runs(result, "cpu", [10]), runs(result, "gpu", [5])
    for changed in (replace(other[0].result, task="mobilebert"), replace(other[0].result, scenario="Offline")):
        assert sweep_rows([*first, replace(other[0], result=changed)]) is None
