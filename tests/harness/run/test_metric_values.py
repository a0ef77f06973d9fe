"""What a task of a package's own may call a score."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from accuracy.errors import MetricUnusable
from accuracy.metric.score import Score
from harness.run.metric_values import metric_values
from tasks.base import MetricKind, Task

TASK = cast("Task", SimpleNamespace(headline="near"))


def test_numbers_of_any_kind_become_a_results_own() -> None:
    given: Mapping[str, Any] = {"near": np.float32(0.5), "error": np.int64(3), "all": True}
    found, said = metric_values(TASK, given)
    assert found == {"near": 0.5, "error": 3.0, "all": 1.0}
    assert {type(value) for value in found.values()} == {float}
    assert said == []


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), pytest.param(10**400, id="beyond float64")])
def test_what_is_no_finite_number_is_left_out_and_said(value: float) -> None:
    for given in ({"near": value, "error": 1.0}, Score({"near": value, "error": 1.0}, "rows", 4)):
        found, said = metric_values(TASK, cast("Mapping[str, float]", given))
        assert dict(found) == {"error": 1.0}
        (one,) = said
        assert one.startswith("near came out as ")
        assert one.endswith("which is no figure: it is left out, and what is asked of it is missed")


def test_a_score_without_the_headline_says_what_it_has() -> None:
    assert metric_values(TASK, {"nearr": 0.5})[1] == [
        "the score has no near, which is the task's headline: it has nearr"
    ]
    assert metric_values(TASK, {})[1] == ["the score has no near, which is the task's headline: it has nothing"]
    noted = Score({"error": 0.5}, "rows", 4, notes=("nothing is near",))
    assert metric_values(TASK, noted) == (noted, [])


def test_a_share_of_more_than_all_is_said() -> None:
    kinds = [MetricKind("near"), MetricKind("far", lower_is_better=True), MetricKind("error", "count")]
    found, said = metric_values(TASK, {"near": 75.0, "far": 3.0, "error": 9.0}, kinds)
    assert found["near"] == 75
    assert said == [
        "near is 75, but counts in fractions of 1: 75 % is 0.75 (the task's metric_kinds say what it counts in)"
    ]
    assert metric_values(TASK, {"near": 1.0000000001}, kinds)[1] == []


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (None, "is None, but must be its metrics by name"),
        (0.75, "is 0.75, but must be its metrics by name"),
        ({"near": "good"}, "the metric 'near' of the task SimpleNamespace is 'good', but must be a number"),
        ({"near": None}, "is None, but must be a number"),
        ({"near": 1j}, "is 1j, but must be a number"),
        ({"near": np.zeros(2)}, "but must be a number"),
        ({3: 0.5}, "the metric 3 of the task"),
    ],
)
def test_what_is_no_score_is_refused_with_the_task_and_the_value(given: Any, why: str) -> None:
    with pytest.raises(MetricUnusable, match=re.escape(why)):
        metric_values(TASK, given)
