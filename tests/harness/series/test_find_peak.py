"""Mode find-peak with the real LoadGen."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.json_records import from_json
from harness.report.series import render_series
from harness.results.own_directory import alone_in
from harness.results.record import SeriesResult
from harness.series import find_peak

Cli = Callable[..., subprocess.CompletedProcess[str]]
Read = Callable[[Path], dict[str, Any]]


@pytest.fixture
def search(keyword_model: Path, keyword_data: Path) -> list[str]:
    """The words of a search of short runs, --out and the bound apart."""
    fields = {"load.min_duration_ms": 50, "load.min_query_count": 500, "load.target_qps": 2000, "backend.instances": 1}
    words = ["--task", "kws", "--model", str(keyword_model), "--dataset", str(keyword_data), "--threads", "1"]
    words += ["--scenario", "Server", "--mode", "find-peak"]
    return [*words, *(word for field, value in fields.items() for word in ("--set", f"{field}={value}"))]


def test_a_search_raises_the_load_while_it_holds_and_shows_the_run_that_counts(
    call: Cli, search: list[str], tmp_path: Path, read_result: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Ended by the number of runs, since no budget in seconds holds so many on every machine.
    monkeypatch.setattr(find_peak, "_MOST_RUNS", 3)
    # A bound that even a busy machine holds at any load that half a second can bring.
    fields = ["--set", "load.server_target_latency_ms=30000", "--set", "load.find_peak_budget_s=3600"]
    out = tmp_path / "peak"
    done = call(*search, *fields, "--out", out)
    assert done.returncode == 0, done.stderr
    top = read_result(out)
    peak, runs = top["peak"], top["runs"]
    assert (top["status"], top["mode"], top["scenario"], top["reasons"]) == ("valid", "find-peak", "Server", [])
    assert len(runs) == 3
    asked = [run["loadgen"]["server_target_qps"] for run in runs]
    assert asked == sorted(asked)
    for run in runs:
        assert read_result(out / run["directory"])["performance"] == run["performance"]
        assert run["loadgen"]["server_target_latency_ns"] == 30_000_000_000
    assert [run["directory"] for run in runs[:2]] == ["1-find-peak-2000", f"2-find-peak-{asked[1]:.6g}"]
    assert peak["target_qps"] == peak["highest_valid_qps"] == asked[-1]
    assert top["performance"] == runs[-1]["performance"]
    assert (peak["lowest_broken_qps"], peak["bound_from"]) == (None, "config")
    assert "the peak may be higher" in done.stdout
    assert done.stdout == f"{call('show', out).stdout}\n{out}\n"


def test_a_bound_that_no_load_holds_is_invalid_and_says_how_low_it_went(
    call: Cli, search: list[str], tmp_path: Path, read_result: Read
) -> None:
    fields = ["--set", "load.server_target_latency_ms=0.0001", "--set", "load.min_query_count=20"]
    done = call(*search, *fields, "--json", "--out", tmp_path / "none")
    assert done.returncode == 1, done.stderr
    top = json.loads(done.stdout)
    assert top == read_result(tmp_path / "none")
    assert (top["status"], top["performance"], top["peak"]["target_qps"]) == ("invalid", None, None)
    assert top["peak"]["lowest_tried_qps"] == 40
    assert top["reasons"][0]["what"] == "no load holds the bound, down to 40 queries/s"
    assert re.fullmatch(r"\d+ loads tried in \d+ of [\d.]+ s", top["reasons"][0]["figure"])
    assert top["exit_status"] == done.returncode == 1
    again = call("show", tmp_path / "none")
    assert again.returncode == 1
    assert "because: no load holds the bound" in again.stdout
    disturbed = [{"what": "other work", "figure": figure, "fix": "stop it"} for figure in ("10 %", "20 %")]
    shown = render_series(from_json(SeriesResult, top | {"unstable": disturbed}))
    assert "  unstable: other work (10 %; 20 %)\n  fix: stop it" in shown


def test_a_measured_bound_and_the_shape_of_the_pool_are_those_of_the_first_run(
    call: Cli, search: list[str], tmp_path: Path, read_result: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(find_peak, "_MOST_RUNS", 2)
    fields = [
        f"--set={field}" for field in ("load.target_qps=null", "backend.instances=auto", "load.find_peak_budget_s=3600")
    ]
    done = call(*search, *fields, "--out", tmp_path / "peak")
    assert done.returncode in (0, 1), done.stderr
    top = read_result(tmp_path / "peak")
    assert top["runs"][0]["directory"] == "1-find-peak-estimate"
    assert top["peak"]["bound_from"] == "measured"
    assert top["peak"]["queueing"]["peak_qps"] > 0
    first, _ = top["runs"]
    assert first["loadgen"]["server_target_latency_ns"] >= 10 * first["calibration"]["service_time_ns"]
    for run in top["runs"]:
        assert run["loadgen"]["server_target_latency_ns"] == top["peak"]["bound_ns"]
        assert run["backend"]["instances"] == top["peak"]["queueing"]["servers"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--scenario", "SingleStream"], "SingleStream has nothing to find"),
        (["--scenario", "Offline"], "Offline has nothing to find"),
        (["--backend", "cpu", "--backend", "null"], "one model on one backend"),
        (["--repeat", "2"], "one model on one backend"),
        (["--set", "load.find_peak_budget_s=0"], "load.find_peak_budget_s"),
        (["--set", "load.find_peak_budget_s=0.01"], "no room for one run that counts"),
        (["--set", "load.find_peak_tolerance=2"], "load.find_peak_tolerance"),
    ],
)
def test_a_search_that_cannot_be_is_refused_before_anything_runs(
    words: list[str], said: str, call: Cli, search: list[str], tmp_path: Path, complaint: Any
) -> None:
    done = call(*search, *words, "--out", tmp_path / "peak")
    assert done.returncode == 2
    assert said in complaint(done)
    assert not (tmp_path / "peak").exists()


def test_a_search_that_is_interrupted_keeps_its_runs_and_says_failed(
    start: Callable[..., Any], search: list[str], tmp_path: Path, read_result: Read, eventually: Callable[..., None]
) -> None:
    out = tmp_path / "peak"
    process = start(*search, "--set", "load.server_target_latency_ms=30000", "--out", out)
    eventually(lambda: len(list(out.glob("2-*"))) == 1, "the second run has begun")
    process.send_signal(signal.SIGINT)
    assert process.wait(600) == 130
    top = read_result(out)
    assert top["status"] == "failed"
    assert top["performance"] is None
    assert top["runs"][0]["status"] == "valid"


def test_a_directory_in_which_another_command_is_at_work_is_left_alone(
    call: Cli, search: list[str], keywords: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    for words in (search, [*keywords, "--repeat", "2"]):
        with alone_in(out):
            done = call(*words, "--out", out)
        assert done.returncode == 2
        assert f"another command is at work in {out}: wait until it has ended, or give another --out" in done.stderr
        assert list(out.iterdir()) == []
