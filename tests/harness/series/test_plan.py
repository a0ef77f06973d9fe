"""Which runs a command plans, in which order, each resolved beforehand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.config.files import find_benchmark, load_benchmark
from harness.errors import ConfigError
from harness.series.plan import Series, of_submission, plan_series, planned_rest
from harness.series.rest import PlannedRest
from harness.spec.resolve import load_of
from harness.spec.rules_in_force import chosen_rules

Plan = Callable[..., Series]


@pytest.fixture
def plan(keyword_model: Path, keyword_data: Path, tmp_path: Path) -> Plan:
    """What is planned for keyword spotting, with fields of the config set."""

    def planned(
        *fields: tuple[str, Any], backends: tuple[str, ...] = (), models: tuple[str, ...] = (), repeat: int = 1
    ) -> Series:
        given = [("model.use", str(keyword_model)), ("dataset.use", str(keyword_data)), *fields]
        return plan_series(
            find_benchmark("kws"), given, models=models, backends=backends, repeat=repeat, cache_dir=tmp_path
        )

    return planned


def test_repeats_share_one_spec_and_have_directories_of_their_own(plan: Plan) -> None:
    runs = plan(repeat=2).runs
    assert [run.name for run in runs] == ["1-performance-cpu", "2-performance-cpu"]
    assert runs[0].spec is runs[1].spec


def test_a_sweep_runs_every_backend_with_every_model(plan: Plan, keyword_model: Path) -> None:
    models = (str(keyword_model), f"{keyword_model.parent}/./{keyword_model.name}")
    runs = plan(backends=("cpu:xnnpack=false", "null"), models=models).runs
    assert [(run.backend_asked, run.model_asked) for run in runs] == [
        (backend, model) for backend in ("cpu:xnnpack=false", "null") for model in models
    ]
    assert [run.spec.backend.name for run in runs] == ["cpu", "cpu", "null", "null"]
    assert runs[0].spec.backend.options == {"xnnpack": False}


def test_a_submission_is_a_performance_and_an_accuracy_run_of_the_file_as_it_is(plan: Plan) -> None:
    runs = plan(("load.mode", "submission")).runs
    assert [run.spec.load.mode for run in runs] == ["performance", "accuracy"]
    assert {run.spec.backend.complete_shapes for run in runs} == {False}


@pytest.mark.parametrize(("benchmark", "traced"), [("mobilebert", True), ("kws", False)])
def test_a_submission_keeps_the_trace_where_trees_of_its_suite_hold_it_and_nobody_says_otherwise(
    benchmark: str, traced: bool
) -> None:
    own = load_benchmark(find_benchmark(benchmark))
    assert (("load.enable_trace", True) in of_submission(own)) == traced
    without = load_benchmark(find_benchmark(benchmark), [("load.enable_trace", False)])
    assert ("load.enable_trace", True) not in of_submission(without)


def test_the_machine_rests_before_each_performance_run_of_a_submission_but_the_first(plan: Plan) -> None:
    submission = (("load.mode", "submission"), ("load.cooldown_s", "1m"))
    rests = [run.rest for run in plan(*submission, backends=("cpu", "null"), repeat=2).runs]
    assert rests == [None, *[PlannedRest(0.0, 60.0)] * 3, *[None] * 4]
    assert [run.rest for run in plan(("load.mode", "submission"), repeat=2).runs] == [None] * 4


@pytest.mark.parametrize("mode", ["performance", "accuracy"])
def test_a_rest_is_refused_where_nothing_rests(plan: Plan, mode: str) -> None:
    with pytest.raises(
        ConfigError, match=rf"--cooldown .* rest between the runs of a submission: mode {mode} has none"
    ):
        plan(("load.mode", mode), ("load.cooldown_s", 60))


@pytest.mark.parametrize("mode", ["accuracy", "find-peak"])
def test_a_second_try_is_refused_where_nothing_is_calibrated_for_it(
    mode: str, keyword_model: Path, keyword_data: Path, tmp_path: Path
) -> None:
    given = [("model.use", str(keyword_model)), ("dataset.use", str(keyword_data)), ("load.mode", mode)]
    given += [("load.scenario", "Server")]
    with pytest.raises(ConfigError, match=f"--retry .*: mode {mode} has nothing for it"):
        plan_series(find_benchmark("kws"), given, models=(), backends=(), repeat=1, cache_dir=tmp_path, retry=True)


def test_a_round_of_mobile_says_how_long_and_longer_between_repeats(plan: Plan) -> None:
    spec = plan().runs[0].spec
    benchmark = load_benchmark(find_benchmark("mobilebert"))
    mobile = spec.model_copy(update={"load": load_of(benchmark, chosen_rules(benchmark))})
    assert planned_rest(mobile, None) == PlannedRest(300.0)
    assert planned_rest(mobile, 0.0, repeats=True) == PlannedRest(600.0, 0.0)


def test_a_search_for_the_peak_begins_with_one_run_of_server(plan: Plan) -> None:
    series = plan(("load.mode", "find-peak"), ("load.scenario", "Server"))
    assert (len(series.runs), series.peak is None) == (1, False)
    with pytest.raises(ConfigError, match="SingleStream has nothing to find"):
        plan(("load.mode", "find-peak"))
    with pytest.raises(ConfigError, match="one model on one backend, once"):
        plan(("load.mode", "find-peak"), ("load.scenario", "Server"), repeat=2)
