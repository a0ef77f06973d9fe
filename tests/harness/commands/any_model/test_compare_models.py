"""The verb `compare-models`, as a user meets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Call = Callable[..., Any]
FEW = ["--num_runs=3", "--min_secs=0", "--max_secs=2", "--warmup_min_secs=0"]


def test_models_of_a_task_stand_side_by_side_with_what_one_has_over_the_other(
    keyword_model: Path, flexible_keyword_model: Path, keyword_data: Path, call: Call, tmp_path: Path
) -> None:
    words = ["--task=kws", "--dataset", keyword_data, "--out", tmp_path / "both", *FEW, "--json"]
    done = call("compare-models", keyword_model, flexible_keyword_model, *words, "--format", "csv=figures.csv")
    assert done.returncode == 0, done.stderr
    assert "kws/flexible/cpu,top1," in (tmp_path / "figures.csv").read_text(encoding="utf-8")
    found = json.loads(done.stdout)
    assert found["models"] == ["keywords", "flexible"]
    (behind,) = found["backends"]
    rows = {row["name"]: row for row in behind["rows"]}
    top1 = rows["top1"]
    assert top1["figures"][0]["value"] == top1["figures"][1]["value"] > 0.5
    assert top1["versus"][0]["difference"] == 0
    assert top1["versus"][0]["low"] < 0 < top1["versus"][0]["high"]
    assert rows["latency, median"]["versus"][0]["ratio"] > 0
    for name in ("memory overall", "size", "size after gzip", "multiply-adds", "ops"):
        assert all(figure["value"] > 0 for figure in rows[name]["figures"]), name
    assert rows["ops"]["figures"][0]["value"] == rows["ops"]["figures"][1]["value"] + 1
    for name in ("top1", "latency, median", "latency, p90", "latency, p99", "memory overall", "load"):
        (versus,) = rows[name]["versus"]
        over = versus["difference"] if versus["ratio"] is None else versus["ratio"]
        for each, value in [*((each, each["value"]) for each in rows[name]["figures"]), (versus, over)]:
            if each["low"] is None:
                # Of a machine that is so busy that eight rounds did not fit.
                assert "rounds, and 8 are needed" in each["method"], name
            else:
                assert each["low"] <= value <= each["high"], name
    for name in ("size", "multiply-adds", "ops"):
        assert {each["method"] for each in rows[name]["figures"]} == {"exact"}, name
    # The runs that were scored are there, and the clock was around the task's own data.
    assert (tmp_path / "both" / "1-accuracy-cpu" / "result.json").is_file()
    assert behind["bench"]["rows"][0]["found"]["latency"]["runs"] >= 3


def test_one_model_or_an_unknown_one_is_refused_before_anything_runs(
    keyword_model: Path, keyword_data: Path, call: Call, tmp_path: Path
) -> None:
    done = call("compare-models", keyword_model, "--task", "kws")
    assert done.returncode == 2
    assert "takes two models or more" in done.stderr
    done = call("compare-models", keyword_model, "/nowhere.tflite", "--task=kws", "--dataset", keyword_data)
    assert done.returncode == 2
    assert "no model file at /nowhere.tflite" in done.stderr
    assert not (tmp_path / "results").exists()


def test_any_model_is_compared_by_its_error_to_a_reference_in_the_errors_own_units(
    keyword_model: Path, flexible_keyword_model: Path, call: Call, tmp_path: Path
) -> None:
    words = ["--task=tensors", "--reference-model", keyword_model, "--openings=1", "--out", tmp_path / "both", *FEW]
    done = call("compare-models", keyword_model, flexible_keyword_model, *words, "--json")
    assert done.returncode == 0, done.stderr
    (behind,) = json.loads(done.stdout)["backends"]
    rows = {row["name"]: row for row in behind["rows"]}
    assert (rows["mean_error"]["unit"], rows["snr_db"]["unit"], rows["equal_share"]["unit"]) == ("count", "dB", "share")
    assert (rows["mean_error"]["lower_is_better"], rows["snr_db"]["lower_is_better"]) == (True, False)
    # The two answer alike.
    assert rows["mean_error"]["versus"][0]["method"] == "the same on every sample"
    assert rows["load"]["versus"][0]["method"] == "no interval: opened once, and 6 are needed"
