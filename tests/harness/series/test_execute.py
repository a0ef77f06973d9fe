"""Several runs in one: their order, their directories, the result on top."""

from __future__ import annotations

import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.messages.calibration import EngineChoice
from harness.report.screen import Screen
from harness.results.record import Result
from harness.run import execute as run_execute
from harness.series import execute
from harness.series.journal import read_journal
from harness.spec.schema import Spec

Cli = Callable[..., subprocess.CompletedProcess[str]]
Read = Callable[[Path], dict[str, Any]]


def test_repeats_report_their_median_and_spread(
    call: Cli, keywords: list[str], tmp_path: Path, read_result: Read
) -> None:
    done = call(*keywords, "--repeat", "3", "--out", tmp_path / "three")
    assert done.returncode == 0, done.stderr
    top = read_result(tmp_path / "three")
    assert [run["directory"] for run in top["runs"]] == [f"{number}-performance-cpu" for number in (1, 2, 3)]
    # load.warm_up_s is 0.
    assert [run["calibration"]["warm_up"] for run in top["runs"]] == [None] * 3
    p90 = [run["performance"]["latency_ns"]["p90"] for run in top["runs"]]
    spread = top["spread"]["p90_ns"]
    assert (spread["median"], spread["min"], spread["max"]) == (statistics.median(p90), min(p90), max(p90))
    assert spread["low"] < statistics.geometric_mean(p90) < spread["high"]
    assert "median p90 " in done.stdout
    for number in (1, 2, 3):
        assert f"{number}-performance-cpu\nbenchmark" in done.stdout
    assert done.stdout == f"{call('show', tmp_path / 'three').stdout}\n{tmp_path / 'three'}\n"
    done = call("score", tmp_path / "three")
    assert done.returncode == 2
    assert "is a series without an accuracy run" in done.stderr


def test_offline_repeats_and_sweeps_show_no_latency_since_one_query_is_the_whole_run(
    call: Cli, keywords: list[str], tmp_path: Path, read_result: Read
) -> None:
    words = [*keywords, "--scenario", "Offline"]
    done = call(*words, "--repeat", "2", "--out", tmp_path / "two")
    assert done.returncode == 0, done.stderr
    assert set(read_result(tmp_path / "two")["spread"]) == {"samples_per_second"}
    assert "\nmedian " in done.stdout
    assert not re.search(r"p[59]0", done.stdout)
    done = call(*words, "--backend", "cpu", "--backend", "null", "--out", tmp_path / "sweep")
    assert done.returncode == 0, done.stderr
    assert [row["latency_ns"] for row in read_result(tmp_path / "sweep")["sweep"]] == [None, None]
    assert "speed-up" in done.stdout
    assert not re.search(r"p[59]0", done.stdout)
    assert done.stdout == f"{call('show', tmp_path / 'sweep').stdout}\n{tmp_path / 'sweep'}\n"


def test_score_of_a_series_scores_its_one_accuracy_run_or_names_those_to_choose_from(
    call: Cli, keywords: list[str], tmp_path: Path
) -> None:
    done = call(*keywords, "--mode", "submission", "--out", tmp_path / "both")
    # Keyword spotting as the tests run it is short, and no submission.
    assert done.returncode == 1, done.stderr
    assert done.stdout == f"{call('show', tmp_path / 'both').stdout}\n{tmp_path / 'both'}\n"
    done = call("score", tmp_path / "both")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[:3] == ["top1", "80.00", "%"]
    done = call(*keywords, "--mode", "accuracy", "--repeat", "2", "--out", tmp_path / "two")
    assert done.returncode == 0, done.stderr
    done = call("score", tmp_path / "two")
    assert done.returncode == 2
    for name in ("1-accuracy-cpu", "2-accuracy-cpu"):
        assert str(tmp_path / "two" / name) in done.stderr


def test_the_accuracy_run_of_a_submission_answers_with_the_engine_of_its_performance_run(
    call: Cli, keywords: list[str], tmp_path: Path, read_result: Read, monkeypatch: pytest.MonkeyPatch
) -> None:

    def quicker_compiled(spec: Spec, folder: Path, screen: Screen) -> Result:
        result = run_execute.execute(spec, folder, screen)
        if spec.load.mode == "accuracy" or result.calibration is None:
            return result
        chosen = EngineChoice("CompiledModel", "clearly quicker", 0.0)
        return replace(result, calibration=replace(result.calibration, engines=chosen))

    monkeypatch.setattr(execute, "execute", quicker_compiled)
    done = call(*keywords, "--mode", "submission", "--out", tmp_path / "both")
    assert done.returncode == 1, done.stderr
    assert read_result(tmp_path / "both" / "2-accuracy-cpu")["backend"]["engine"] == "CompiledModel"
    done = call(*keywords, "--mode", "accuracy", "--out", tmp_path / "alone")
    assert "a performance run may answer with CompiledModel" in " ".join(done.stdout.split())


def test_a_run_that_the_calibration_spoilt_runs_once_more_and_both_are_kept(
    call: Cli, keywords: list[str], tmp_path: Path, read_result: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int | None] = []

    def spoilt(spec: Spec, folder: Path, screen: Screen) -> Result:
        asked.append(spec.load.expected_latency_ns)
        result = run_execute.execute(spec, folder, screen)
        if folder.name.endswith("-again") or result.performance is None:
            return result
        latency = replace(result.performance.latency_ns, mean=2000.0)
        too_short = replace(result.performance, duration_s=1e-5, latency_ns=latency)
        return replace(result, status="invalid", performance=too_short)

    monkeypatch.setattr(execute, "execute", spoilt)
    words = [*keywords, "--set", "load.expected_latency_ns=null", "--set", "load.min_duration_ms=1"]
    done = call(*words, "--retry", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    top = read_result(tmp_path / "out")
    assert [(run["directory"], run.get("again")) for run in top["runs"]] == [
        ("1-performance-cpu", "1-performance-cpu-again"),
        ("1-performance-cpu-again", None),
    ]
    assert [asked[0], asked[1] is None, top["status"]] == [None, False, "valid"]
    assert "1-performance-cpu, in whose place 1-performance-cpu-again counts" in done.stdout
    assert call("show", tmp_path / "out").stdout.splitlines()[0] in done.stdout


def test_a_sweep_with_a_run_that_failed_is_shown_again_with_the_runs_exit_status(
    call: Cli, keywords: list[str], tmp_path: Path, read_result: Read
) -> None:
    done = call(*keywords, "--backend", "cpu", "--backend", "external:/nowhere.so", "--out", tmp_path / "sweep")
    assert done.returncode == 2
    assert "FAILED: " in done.stdout
    again = call("show", tmp_path / "sweep")
    assert (again.returncode, again.stderr) == (2, "")
    assert done.stdout == f"{again.stdout}\n{tmp_path / 'sweep'}\n"
    top = read_result(tmp_path / "sweep")
    (reason,) = top["runs"][1]["reasons"]
    assert reason["figure"] == ""
    assert done.stdout.count(reason["what"]) == 1
    assert top["reasons"][-1]["what"] == f"2-performance-external: {reason['what']}" == top["sweep"][1]["why"][0]


def test_json_of_a_series_that_broke_off_is_its_result_and_says_why(
    call: Cli, keywords: list[str], tmp_path: Path, read_result: Read
) -> None:
    model = tmp_path / "broken.tflite"
    model.write_bytes(b"\x1c\0\0\0TFL3" + bytes(5000))
    words = [str(model) if word.endswith(".tflite") else word for word in keywords]
    done = call(*words, "--repeat", "2", "--json", "--out", tmp_path / "two")
    assert done.returncode == 2
    top = json.loads(done.stdout)
    assert top == read_result(tmp_path / "two")
    assert top["status"] == "failed"
    run, _, why = top["reasons"][-1]["what"].partition(": ")
    assert run == "1-performance-cpu"
    assert why in done.stderr
    again = call("show", tmp_path / "two", "--json")
    assert (again.returncode, json.loads(again.stdout)) == (3, top)


def test_a_sweep_runs_every_model_on_every_backend(
    call: Cli, keywords: list[str], keyword_model: Path, tmp_path: Path, read_result: Read
) -> None:
    twin = tmp_path / "twin.tflite"
    twin.write_bytes(keyword_model.read_bytes())
    done = call(*keywords, "--model", twin, "--backend", "cpu", "--backend", "null", "--out", tmp_path / "sweep")
    assert done.returncode == 0, done.stderr
    runs = read_result(tmp_path / "sweep")["runs"]
    assert [run["directory"] for run in runs] == [
        "1-performance-cpu",
        "2-performance-cpu",
        "3-performance-null",
        "4-performance-null",
    ]
    assert [run["model"]["name"] for run in runs] == ["keywords", "twin"] * 2
    assert [run["backend"]["engine"] for run in runs] == ["Interpreter"] * 2 + ["none"] * 2


def test_a_series_is_as_bad_as_its_worst_run(call: Cli, keywords: list[str], tmp_path: Path, read_result: Read) -> None:
    # Two queries, where a minute is asked for.
    slow = ["load.expected_latency_ns=60000000000", "load.min_duration_ms=60000", "load.min_query_count=1"]
    words = [word for setting in slow for word in ("--set", setting)]
    done = call(*keywords, *words, "--mode", "submission", "--out", tmp_path / "both")
    assert done.returncode == 1
    top = read_result(tmp_path / "both")
    assert top["status"] == "invalid"
    assert [run["status"] for run in top["runs"]] == ["invalid", "valid"]
    assert top["reasons"][0]["what"].startswith("1-performance-cpu: the minimum duration was not met")
    assert [said.partition(": ") for said in top["warnings"]] == [
        (run["directory"], ": ", said) for run in top["runs"] for said in run["warnings"]
    ]
    assert call("show", tmp_path / "both").returncode == 1


def test_a_mistake_in_any_run_of_a_series_is_found_before_the_first_starts(
    call: Cli, keywords: list[str], tmp_path: Path
) -> None:
    done = call(*keywords, "--model", "/nowhere.tflite", "--out", tmp_path / "sweep")
    assert done.returncode == 2
    assert "no model file at /nowhere.tflite" in done.stderr
    assert not (tmp_path / "sweep").exists()


@pytest.mark.parametrize("kilobytes", [128, 152, 176])
def test_a_disk_that_fills_within_a_series_is_a_failed_series(
    kilobytes: int, call: Cli, keywords: list[str], mount: Callable[[str], Path], read_result: Read
) -> None:
    out = mount(f"size={kilobytes}k") / "both"
    done = call(*keywords, "--mode", "submission", "--out", out)
    assert "Traceback" not in done.stderr
    top = read_result(out) if (out / "result.json").exists() else {"status": None}
    if done.returncode == 0:
        assert top["status"] == "valid"
    else:
        assert done.returncode in (2, 3)
        assert top["status"] in (None, "failed")


def test_a_series_that_is_killed_keeps_what_it_had_and_its_journal_says_where_it_was(
    keywords: list[str], tmp_path: Path, read_result: Read
) -> None:
    out = tmp_path / "killed"
    words = [sys.executable, "-P", "-m", "harness", *map(str, keywords), "--repeat", "50", "--out", str(out)]
    command = subprocess.Popen(words, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not (out / "2-performance-cpu" / "spec.yaml").exists():
            assert command.poll() is None
            time.sleep(0.05)
    finally:
        os.killpg(command.pid, signal.SIGKILL)
        command.wait()
    top = read_result(out)
    assert top["status"] == "started"
    assert top["runs"][0]["status"] == "valid"
    steps = [(line.what, line.run, line.status) for line in read_journal(out) if line.what != "planned"]
    first = [("began", "1-performance-cpu", ""), ("ended", "1-performance-cpu", "valid")]
    assert steps[:3] == [*first, ("began", "2-performance-cpu", "")]
    assert len({line.identity for line in read_journal(out)}) == 1
    assert len([line for line in read_journal(out) if line.what == "planned"]) == 50
