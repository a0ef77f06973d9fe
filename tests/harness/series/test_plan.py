"""Which runs a command plans, in which order, each resolved beforehand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.config.files import find_benchmark
from harness.errors import ConfigError
from harness.series.plan import Series, plan_series

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


def test_a_search_for_the_peak_begins_with_one_run_of_server(plan: Plan) -> None:
    series = plan(("load.mode", "find-peak"), ("load.scenario", "Server"))
    assert (len(series.runs), series.peak is None) == (1, False)
    with pytest.raises(ConfigError, match="SingleStream has nothing to find"):
        plan(("load.mode", "find-peak"))
    with pytest.raises(ConfigError, match="one model on one backend, once"):
        plan(("load.mode", "find-peak"), ("load.scenario", "Server"), repeat=2)
