"""Requirements and targets of the user's own, from the command line to the exit status."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

Cli = Callable[..., subprocess.CompletedProcess[str]]
Read = Callable[[Path], dict[str, Any]]


def test_a_run_that_misses_exits_1_and_says_the_figure_the_limit_and_the_margin(
    call: Cli, keywords: list[str], tmp_path: Path, read_result: Read
) -> None:
    words = [
        *keywords,
        "--allow-short",
        "--require",
        "p90<=60min",
        "--require",
        "samples_per_second:min=1e12",
        "--out",
        tmp_path / "out",
    ]
    done = call(*words)
    assert done.returncode == 1, done.stderr
    result = read_result(tmp_path / "out")
    assert result["status"] == "valid"
    fast, slow = result["requirements"]
    assert (fast["requirement"], fast["limit"], fast["unit"], fast["passed"]) == ("p90<=60min", 3.6e12, "ns", True)
    assert fast["margin"] == pytest.approx(3.6e12 - result["performance"]["latency_ns"]["p90"])
    assert slow["passed"] is False
    assert [reason["what"] for reason in result["reasons"]] == ["samples_per_second:min=1e12 is missed (required)"]
    rows = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert any(row.startswith("required p90<=60min: ") and " passed by " in row for row in rows)
    assert any(row.startswith("required samples_per_second:min=1e12: ") and " MISSED by " in row for row in rows)
    assert "VALID, but MISSED: samples_per_second" in rows
    assert call("show", tmp_path / "out").returncode == 1


@pytest.mark.parametrize(
    ("require", "said"),
    [
        ("top1", "--require top1 compares with nothing. The shell takes"),
        ("topp1>=0.75", "unknown figure 'topp1'; did you mean 'top1'"),
        ("p90_ms<=5", "unknown figure 'p90_ms'; did you mean 'p90'"),
        ("p90<=5", "must be a time such as 5ms"),
        ("top1>=0.75", "top1 is not measured by --mode performance, but by --mode accuracy or submission"),
    ],
)
def test_a_mistake_exits_2_before_anything_runs(
    require: str, said: str, call: Cli, keywords: list[str], tmp_path: Path
) -> None:
    done = call(*keywords, "--require", require, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("metric", ["topp1", "p90_ms"])
def test_a_target_that_nothing_answers_is_no_longer_ignored(
    metric: str, call: Cli, keywords: list[str], tmp_path: Path
) -> None:
    config = tmp_path / "own.yaml"
    config.write_text(yaml.safe_dump({"inherits": "kws", "targets": [{"metric": metric, "value": 0.75}]}))
    done = call("--task", config, *keywords[2:], "--out", tmp_path / "out")
    assert done.returncode == 2
    assert f"unknown metric '{metric}'; did you mean '{metric.removesuffix('_ms').replace('pp', 'p')}'" in done.stderr


def test_a_target_in_a_file_of_the_users_own_decides_with_any_model_and_data(
    call: Cli, keywords: list[str], tmp_path: Path, read_result: Read
) -> None:
    config = tmp_path / "own.yaml"
    own = {"inherits": "kws", "targets": [{"metric": "top1", "value": 0.85}], "require": ["peak_rss_bytes<=1TB"]}
    config.write_text(yaml.safe_dump(own))
    words = ["--task", config, *keywords[2:]]
    done = call(*words, "--mode", "submission", "--out", tmp_path / "out")
    assert done.returncode == 1, done.stderr
    top = read_result(tmp_path / "out")
    assert [(one["run"], one["requirement"], one["passed"]) for one in top["requirements"]] == [
        ("1-performance-cpu", "peak_rss_bytes<=1TB", True),
        ("1-performance-cpu", "top1>=0.85", None),
        ("2-accuracy-cpu", "peak_rss_bytes<=1TB", True),
        ("2-accuracy-cpu", "top1>=0.85", False),
    ]
    assert top["accuracy"] == {"top1": {"value": 0.8, "target": 0.85, "passed": False}}
    assert top["accuracy_card"]["remarks"][0] == "subset of 40: not comparable with the full set of 1,000"
    assert [reason["what"] for reason in top["reasons"]] == [
        "2-accuracy-cpu: top1>=0.85 is missed (target: your config)"
    ]
    assert "TARGET MISSED: top1" in done.stdout
    done = call("score", tmp_path / "out")
    assert done.returncode == 1
    assert "top1>=0.85 (target: your config): 0.8, MISSED by 0.05" in done.stdout


def test_one_run_of_a_sweep_that_misses_decides_for_all(
    call: Cli, keywords: list[str], tmp_path: Path, read_result: Read
) -> None:
    words = ["--mode", "accuracy", "--backend", "cpu", "--backend", "null", "--require", "top1>=75%"]
    done = call(*keywords, *words, "--out", tmp_path / "out")
    assert done.returncode == 1, done.stderr
    top = read_result(tmp_path / "out")
    assert [verdict["passed"] for verdict in top["requirements"]] == [True, False]
    assert top["accuracy"]["top1"]["value"] == 0.8
    assert top["exit_status"] == 1
    assert call("show", tmp_path / "out").returncode == 1


def test_score_takes_requirements_of_its_own(call: Cli, keywords: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "out"
    assert call(*keywords, "--mode", "accuracy", "--require", "top1>=0.75", "--out", folder).returncode == 0
    assert call("score", folder, "--require", "top1>=0.8").returncode == 0
    done = call("score", folder, "--require", "top1>0.8", "--card", "--json")
    assert done.returncode == 1
    assert [one["passed"] for one in json.loads(done.stdout)["requirements"]] == [True, False]
    done = call("score", folder, "--require", "p90<=5ms")
    assert done.returncode == 2
    assert "score computes metrics, and p90 is a figure of the run" in done.stderr


def test_a_search_is_judged_by_its_peak(call: Cli, keywords: list[str], tmp_path: Path, read_result: Read) -> None:
    words = [*keywords, "--scenario", "Server", "--mode", "find-peak", "--set", "load.find_peak_budget_s=1"]
    words += ["--allow-short", "--require", "target_qps>=1e9", "--require", "p99<=60min"]
    done = call(*words, "--out", tmp_path / "out")
    assert done.returncode == 1, done.stderr
    top = read_result(tmp_path / "out")
    assert top["requirements"][0]["passed"] is False
    assert all(run["requirements"] == [] for run in top["runs"])
    assert any("target_qps>=1e9" in reason["what"] for reason in top["reasons"])
    assert "required  target_qps>=1e9" in done.stdout


def test_a_run_too_short_for_its_percentiles_misses_them_and_nothing_else(
    call: Cli, keywords: list[str], tmp_path: Path, read_result: Read
) -> None:
    words = [*keywords, "--require", "p90<=60min", "--require", "peak_rss_bytes<=1TB"]
    assert call(*words, "--out", tmp_path / "out").returncode == 1
    timed, size = read_result(tmp_path / "out")["requirements"]
    assert (timed["value"], timed["passed"], size["passed"]) == (None, False, True)
    assert timed["why"].endswith("run longer, or give --allow-short")
