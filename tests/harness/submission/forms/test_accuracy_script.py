"""accuracy.txt as MLCommons' scripts print it, and as the official checker reads it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from harness.errors import ConfigError
from harness.results.scores import Metric
from harness.submission.forms.accuracy_script import script_line
from harness.submission.forms.runs import SubmittedRun, collect
from harness.submission.tree.accuracy_text import parse_accuracy_text


@pytest.fixture(scope="module")
def run(series: Path) -> SubmittedRun:
    return collect([series / "accuracy"])[0]


def _scored(run: SubmittedRun, **scores: float) -> SubmittedRun:
    metrics = {name: Metric(value, None, None) for name, value in scores.items()}
    return replace(run, result=replace(run.result, accuracy=metrics))


def test_each_metric_is_printed_as_its_script_does(run: SubmittedRun) -> None:
    assert script_line(_scored(run, top1=18 / 24), "top1") == "accuracy=75.000%, good=18, total=24"
    assert script_line(_scored(run, coco_ap=0.5310349), "coco_ap") == "mAP=53.103%"
    line = script_line(_scored(run, f1=0.909, exact_match=0.831), "f1")
    assert line == '{"exact_match": 83.1, "f1": 90.9}'


@pytest.mark.parametrize(("metric", "value"), [("top1", 17 / 24), ("f1", 0.90876), ("coco_ap", 0.52866)])
def test_what_is_printed_is_read_again(metric: str, value: float, run: SubmittedRun) -> None:
    said = parse_accuracy_text(f"{script_line(_scored(run, **{metric: value}), metric)}\nhash={'0' * 64}\n")
    assert said.values[metric] == pytest.approx(Decimal(100 * value), abs=Decimal("0.0005"))
    assert said.hash_is_last


def test_a_score_that_was_not_made_is_refused(run: SubmittedRun) -> None:
    with pytest.raises(ConfigError, match="was not scored by f1: it has top1"):
        script_line(_scored(run, top1=0.5), "f1")
