"""A planned series as JSON, for another machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.config.files import find_benchmark
from harness.errors import ConfigError
from harness.series.plan import Series, plan_series
from harness.series.plan_file import plan_from_json, plan_to_json


def _planned(model: Path, data: Path, cache: Path, *fields: tuple[str, Any], **asked: Any) -> Series:
    given = [("model.use", str(model)), ("dataset.use", str(data)), *fields]
    options: dict[str, Any] = {"models": [], "backends": [], "repeat": 1} | asked
    return plan_series(find_benchmark("kws"), given, cache_dir=cache, **options)


def test_every_kind_of_series_is_the_same_again(keyword_model: Path, keyword_data: Path, tmp_path: Path) -> None:
    rested = [("load.mode", "submission"), ("load.cooldown_s", 7)]
    searched = [("load.scenario", "Server"), ("load.mode", "find-peak")]
    for fields, asked in (
        ([], {}),
        (rested, {"backends": ["cpu", "cpu:xnnpack=false"], "retry": True}),
        ([], {"repeat": 3}),
        (searched, {}),
    ):
        series = _planned(keyword_model, keyword_data, tmp_path, *fields, models=[str(keyword_model)], **asked)
        sent = json.loads(json.dumps(plan_to_json(series)))
        again = plan_from_json(sent)
        assert again == series
        # Repeats of a run share its spec.
        assert len(sent["specs"]) == len({id(run.spec) for run in series.runs})


@pytest.mark.parametrize("value", [{}, [], {"mode": "performance"}, None, "plan"])
def test_what_is_no_plan_is_refused(value: object) -> None:
    with pytest.raises(ConfigError, match="no plan of a series"):
        plan_from_json(value)


def test_a_run_without_its_spec_is_refused(keyword_model: Path, keyword_data: Path, tmp_path: Path) -> None:
    sent = plan_to_json(_planned(keyword_model, keyword_data, tmp_path))
    with pytest.raises(ConfigError, match="no plan of a series"):
        plan_from_json(sent | {"specs": []})
    with pytest.raises(ConfigError, match="no plan of a series"):
        plan_from_json(sent | {"specs": [{}]})
