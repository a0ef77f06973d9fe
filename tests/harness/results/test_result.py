"""result.json and the terminal: every field of the contract, and figures that are LoadGen's own."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from harness.json_records import from_json
from harness.report.accuracy import metric
from harness.report.run import render_run
from harness.results.queries.query_times import read_query_times
from harness.results.record import Result
from harness.results.verdict.warnings import too_short
from harness.units import duration, seconds

SCENARIOS = ("SingleStream", "MultiStream", "Server", "Offline")
Cli = Callable[..., subprocess.CompletedProcess[str]]
Read = Callable[[Path], dict[str, Any]]
Number = (int, float)
Text = (str,)
Maybe = (type(None),)

SYSTEM = {
    "machine": Text,
    "platform": Text,
    "cpu": (*Text, *Maybe),
    "cpus": int,
    "usable_cpus": int,
    "governor": (*Text, *Maybe),
    "load_average": list,
    "memory_bytes": int,
    "python": Text,
    "versions": dict,
}
STATE = {"at_s": Number, "load_average": list, "cpu_s": dict, "own_cpu_s": Number}
CONTRACT = {
    "schema_version": int,
    "status": Text,
    "reasons": list,
    "warnings": list,
    "unstable": list,
    "task": Text,
    "title": Text,
    "scenario": Text,
    "mode": Text,
    "preset": Text,
    "rules": Text,
    "rules_notes": list,
    "round": (*Text, *Maybe),
    "model": {"name": Text, "source": Text, "path": Text, "sha256": Text, "modified": (*Text, *Maybe)},
    "dataset": {"name": Text, "source": Text, "count": int},
    "options": dict,
    "backend": {
        "name": Text,
        "engine": Text,
        "delegate": (*Text, *Maybe),
        "options": dict,
        "nodes": (int, *Maybe),
        "delegated_nodes": (int, *Maybe),
        "partitions": (int, *Maybe),
        "threads": int,
        "instances": int,
        "placement": {"cpus_by_instance": (list, *Maybe), "harness_cpus": (list, *Maybe), "why": Text},
    },
    "loadgen": dict,
    "memory": {"peak_rss_bytes": int},
    "machine": {"before": STATE, "after": STATE, "during": {"duration_s": Number}},
    "system": SYSTEM,
    "calibration": dict,
}
PERFORMANCE = {
    "latency_ns": dict.fromkeys(("mean", "p50", "p90", "p95", "p99", "p99.9", "min", "max"), Number),
    "samples_per_second": Number,
    "queries_per_second": Number,
    "query_count": int,
    "sample_count": int,
    "duration_s": Number,
    "early_stopping_latency_ns": (int, *Maybe),
    "target_percentile": Number,
    "derived": list,
}


def check(found: Any, contract: Any, where: str = "result") -> None:
    if isinstance(contract, Mapping):
        for name, inner in contract.items():
            assert name in found, f"{where}.{name} is missing"
            check(found[name], inner, f"{where}.{name}")
    else:
        assert isinstance(found, contract), f"{where} is {found!r}"
        assert not isinstance(found, bool), f"{where} is {found!r}"


SETTINGS = {
    # Expected latencies are given, and too fast, a bound that any machine holds, and Offline has no duration to reach: no run
    # may be INVALID because the machine is busy, or quick.
    "SingleStream": ["load.min_duration_ms=200", "load.expected_latency_ns=1000"],
    "MultiStream": ["load.min_duration_ms=200", "load.expected_latency_ns=4000"],
    "Server": ["load.min_duration_ms=200", "load.target_qps=2000", "load.server_target_latency_ms=600000"],
    "Offline": ["load.min_duration_ms=0"],
    "accuracy": [],
}


def options(name: str) -> list[str]:
    """Words for a short run of that scenario, every instance and thread left to the harness."""
    mode = ["--mode", "accuracy"] if name == "accuracy" else ["--scenario", name]
    settings = [*SETTINGS[name], "load.min_query_count=700"]
    return ["--preset", "rapid", *mode, *(word for setting in settings for word in ("--set", setting))]


@pytest.fixture(scope="module")
def words(keyword_model: Path, keyword_data: Path) -> list[str]:
    return ["--task", "kws", "--model", str(keyword_model), "--dataset", str(keyword_data)]


@pytest.fixture(scope="module")
def runs(
    words: list[str],
    command: list[str],
    environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, tuple[Path, subprocess.CompletedProcess[str]]]:
    """One run of each scenario, and one for accuracy, all with --json."""
    folder = tmp_path_factory.mktemp("runs")
    found = {}
    for name in SETTINGS:
        done = subprocess.run(
            [*command, *words, *options(name), "--json", "--out", str(folder / name)],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        found[name] = folder / name, done
    return found


@pytest.mark.parametrize("name", [*SCENARIOS, "accuracy"])
def test_a_result_holds_every_field_of_the_contract(
    name: str, runs: Any, read_result: Read, keyword_model: Path, keyword_data: Path
) -> None:
    result = read_result(runs[name][0])
    check(result, CONTRACT)
    assert result["status"] == "valid"
    assert result["reasons"] == []
    timed = result["performance"]
    asked = timed and timed["sample_count" if name == "Offline" else "query_count"]
    others = [said for said in result["warnings"] if "has no effect in an accuracy run" not in said]
    assert others == (too_short(name, timed["duration_s"], asked) if timed else [])
    assert result["model"]["source"] == "file"
    assert result["model"]["path"] == str(keyword_model)
    assert result["model"]["sha256"] == hashlib.sha256(keyword_model.read_bytes()).hexdigest()
    assert result["dataset"] == result["dataset"] | {"name": "keywords", "source": "file", "count": 40}
    assert result["dataset"]["path"] == str(keyword_data)
    assert result["backend"] == result["backend"] | {"name": "cpu", "engine": "Interpreter", "nodes": 2}
    assert 1 <= result["backend"]["threads"] * result["backend"]["instances"] <= result["system"]["usable_cpus"]
    assert 10e6 < result["memory"]["peak_rss_bytes"] < result["system"]["memory_bytes"]
    if name == "accuracy":
        assert result["mode"] == "accuracy"
        assert result["performance"] is None
        assert result["accuracy"] == {"top1": {"value": 0.8, "target": 0.9, "passed": None}}
    else:
        assert result["scenario"] == name
        assert result["mode"] == "performance"
        assert result["accuracy"] is None
        check(result["performance"], PERFORMANCE)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_figures_are_those_of_loadgens_own_log(
    scenario: str, runs: Any, read_result: Read, read_detail: Read
) -> None:
    result, detail = read_result(runs[scenario][0]), read_detail(runs[scenario][0])
    figures = result["performance"]
    assert detail["result_validity"] == "VALID"
    per_query = scenario == "MultiStream"
    for name in ("50.00", "90.00", "95.00", "99.00", "99.90"):
        key = f"result_{name}_percentile_{'per_query_' if per_query else ''}latency_ns"
        assert figures["latency_ns"][f"p{float(name):g}"] == detail[key]
    for name in ("min", "max", "mean"):
        assert figures["latency_ns"][name] == detail[f"result_{name}_{'query_' if per_query else ''}latency_ns"]
    each = {"SingleStream": 1, "MultiStream": 8, "Server": 1}.get(scenario, detail["generated_samples_per_query"])
    assert figures["query_count"] == detail["result_query_count"]
    assert figures["sample_count"] == detail["result_query_count"] * each
    assert figures["sample_count"] >= 700
    ours = {"Offline": "result_samples_per_second", "Server": "result_completed_samples_per_sec"}
    if scenario in ours:
        assert figures["samples_per_second"] == detail[ours[scenario]]
        assert "samples_per_second" not in figures["derived"]
    else:
        assert "samples_per_second" in figures["derived"]
        assert figures["samples_per_second"] == pytest.approx(figures["sample_count"] / figures["duration_s"], rel=1e-6)
        # By the clock: the power log's stamps, to the millisecond, which lie before the first query and after the last.
        stamps = [datetime.strptime(detail[key], "%m-%d-%Y %H:%M:%S.%f") for key in ("power_begin", "power_end")]
        assert figures["duration_s"] <= (stamps[1] - stamps[0]).total_seconds() * 1.01 + 0.002
    assert figures["duration_s"] >= 0.19 or scenario == "Offline"
    early = {"SingleStream": "early_stopping_latency_ss", "MultiStream": "early_stopping_latency_ms"}.get(scenario)
    assert figures["early_stopping_latency_ns"] == (detail[early] if early else None)
    if scenario != "Offline":
        assert figures["target_percentile"] == detail["effective_target_latency_percentile"]


@pytest.mark.parametrize("name", [*SCENARIOS, "accuracy"])
def test_the_time_of_every_query_is_kept_and_agrees_with_loadgens_figures(
    name: str, runs: Any, read_result: Read
) -> None:
    kept = read_query_times(runs[name][0])
    if name in ("Offline", "accuracy"):
        assert kept is None
        return
    figures = read_result(runs[name][0])["performance"]
    assert kept is not None
    assert kept.all
    assert kept.seen == figures["query_count"]
    # LoadGen's clock starts before ours, and stops after it: of each query, so of the one in the middle. Ours counts in
    # steps of 1024 ns.
    p50 = figures["latency_ns"]["p50"]
    assert 0 < np.sort(kept.latency_ns)[(kept.seen - 1) // 2] < p50 + 1024
    # Server's asking thread may wait for a CPU between the two, for as long as the machine is busy.
    assert name == "Server" or np.median(kept.latency_ns) > 0.3 * p50
    # The duration that stands for LoadGen's rate counts one query more than it saw end.
    assert kept.latency_ns[-1] <= kept.ended_ns[-1] < figures["duration_s"] * 1.01e9 + 1_000_000


@pytest.mark.parametrize("name", [*SCENARIOS, "accuracy"])
def test_the_settings_in_the_result_are_those_in_loadgens_log(
    name: str, runs: Any, read_result: Read, read_detail: Read
) -> None:
    loadgen, detail = read_result(runs[name][0])["loadgen"], read_detail(runs[name][0])
    assert loadgen["min_duration_ms"] == detail["requested_min_duration_ms"]
    assert loadgen["min_query_count"] == detail["requested_min_query_count"] == 700
    assert loadgen["performance_sample_count"] == detail["effective_performance_sample_count"] == 40
    assert loadgen["scenario"] == detail["effective_scenario"]
    assert loadgen["mode"] == detail["effective_test_mode"]
    if name == "Server":
        assert loadgen["server_target_latency_ns"] == detail["requested_server_target_latency_ns"] == 600_000_000_000
        assert loadgen["server_target_qps"] == detail["requested_server_target_qps"] == 2000
    if name in ("SingleStream", "MultiStream"):
        key = f"{'single' if name == 'SingleStream' else 'multi'}_stream_expected_latency_ns"
        assert loadgen[key] == detail[f"requested_{key}"]


@pytest.mark.parametrize("name", ["SingleStream", "accuracy"])
def test_json_on_standard_output_is_the_result_and_nothing_else(name: str, runs: Any, read_result: Read) -> None:
    folder, done = runs[name]
    assert json.loads(done.stdout) == read_result(folder)
    assert done.stderr == ""


def test_score_recomputes_the_accuracy_exactly_from_the_directory_alone(
    runs: Any, call: Cli, read_result: Read
) -> None:
    folder, _ = runs["accuracy"]
    done = call("score", folder, "--json")
    assert done.returncode == 0
    assert done.stderr == ""
    assert json.loads(done.stdout) == {name: found["value"] for name, found in read_result(folder)["accuracy"].items()}
    assert call("score", folder).stdout.startswith("top1    80.00 % (")


@pytest.mark.parametrize("name", [*SCENARIOS, "accuracy"])
def test_show_tells_what_the_run_said(name: str, runs: Any, call: Cli, read_result: Read) -> None:
    folder, _ = runs[name]
    result = read_result(folder)
    done = call("show", folder)
    assert done.returncode == 0
    assert done.stderr == ""
    text = done.stdout
    assert "keywords (a file of yours)" in text
    assert "40 samples" in text
    if name == "accuracy":
        assert re.search(r"^top1 +80\.00 % \(95 % confidence: ", text, re.MULTILINE)
        assert re.search(r"^target +90\.00 % ", text, re.MULTILINE)
        assert "\nthe accuracy run is complete\n" in text
        return
    figures = result["performance"]
    rows = dict(line.split(None, 1) for line in text.splitlines() if len(line.split(None, 1)) == 2)
    if name != "Offline":
        for percentile in ("p50", "p90", "p99"):
            assert rows[percentile] == duration(figures["latency_ns"][percentile])
    if name in ("SingleStream", "MultiStream"):
        shown = re.search(r"^early stopping p(90|99)  +(\S+ \S+)$", text, re.MULTILINE)
        assert shown is not None
        assert shown.groups() == (
            f"{figures['target_percentile'] * 100:g}",
            duration(figures["early_stopping_latency_ns"]),
        )
    assert rows["queries"].startswith(f"{figures['query_count']:,}")
    assert rows["duration"] == seconds(figures["duration_s"])
    assert "\nVALID\n" in text
    told = json.loads(call("show", folder, "--json").stdout)
    # Of other files of the directory.
    assert told.pop("tail")
    assert told == result


@pytest.mark.parametrize("name", [*SCENARIOS, "accuracy"])
def test_the_machine_is_read_before_the_first_query_and_after_the_last(name: str, runs: Any, read_result: Read) -> None:
    result = read_result(runs[name][0])
    machine, figures = result["machine"], result["performance"]
    before, after, during = machine["before"], machine["after"], machine["during"]
    assert during["duration_s"] == after["at_s"] - before["at_s"]
    if figures is None:
        # Nothing was timed, so nothing can be unstable.
        assert result["unstable"] == []
        return
    assert during["duration_s"] >= figures["duration_s"]
    # What these processes did is a part of what the CPUs did; the kernel's two clocks differ by a few ticks.
    assert 0 <= after["own_cpu_s"] - before["own_cpu_s"] <= after["cpu_s"]["total"] - before["cpu_s"]["total"] + 0.1
    for reason in result["unstable"]:
        assert reason["what"]
        assert reason["fix"]
        assert f"unstable: {reason['what']}" in render_run(from_json(Result, result))


@pytest.mark.parametrize("name", [*SCENARIOS, "accuracy"])
def test_a_run_that_is_timed_is_warmed_up_and_says_how_that_went(name: str, runs: Any, read_result: Read) -> None:
    found = read_result(runs[name][0])["calibration"]
    if name == "accuracy":
        assert found["warm_up"] is None
        return
    assert found["warm_up"]["time_s"] > 0
    assert found["warm_up"]["stable"] in (True, False)
    first, *windows = found["warm_up"]["windows_ns"]
    assert first == found["service_time_ns"]
    assert windows
    assert min(windows) > 0


def test_a_run_prints_the_table_that_show_prints_and_where_it_lies(words: list[str], call: Cli, tmp_path: Path) -> None:
    done = call(*words, *options("SingleStream"), "--out", tmp_path / "run")
    assert done.returncode == 0
    shown = call("show", tmp_path / "run").stdout
    assert done.stdout == f"{shown}{tmp_path / 'run'}\n"
    for row in ("p50", "p90", "p99", "early stopping p90", "queries", "duration", "VALID"):
        assert re.search(rf"^{row}\b", done.stdout, re.MULTILINE), row


def test_the_directory_holds_the_resolved_spec_with_every_choice_made(runs: Any, keyword_model: Path) -> None:
    folder, _ = runs["SingleStream"]
    spec = yaml.safe_load((folder / "spec.yaml").read_text(encoding="utf-8"))
    assert spec["model"]["path"] == str(keyword_model)
    assert spec["load"]["min_query_count"] == 700
    assert spec["load"]["preset"] == "rapid"
    assert spec["options"]["log_dtype"] == "float32"
    names = {path.name for path in folder.iterdir()}
    assert {"result.json", "spec.yaml", "run.log", "mlperf_log_summary.txt", "mlperf_log_detail.txt"} <= names
    assert not {name for name in names if name.startswith(".")}


def test_show_refuses_a_run_that_failed_and_says_why(call: Cli, runs: Any, tmp_path: Path, read_result: Read) -> None:
    failed = read_result(runs["SingleStream"][0]) | {
        "status": "failed",
        "reasons": [{"what": "the cable came off", "figure": "", "fix": ""}],
    }
    (tmp_path / "result.json").write_text(json.dumps(failed), encoding="utf-8")
    done = call("show", tmp_path)
    assert done.returncode == 3
    assert "is failed: the cable came off" in done.stderr
    assert done.stdout == ""
    done = call("show", tmp_path, "--json")
    assert (done.returncode, json.loads(done.stdout)) == (3, failed)
    assert "the cable came off" in done.stderr
    (tmp_path / "result.json").write_text(json.dumps(failed | {"status": "started", "reasons": []}), encoding="utf-8")
    assert "is started: it did not come to its end" in call("show", tmp_path).stderr


def test_an_invalid_server_run_names_the_bound_the_figure_and_the_fix(
    words: list[str], call: Cli, tmp_path: Path, read_result: Read
) -> None:
    bound = ["--set", "load.server_target_latency_ms=0.0001"]
    done = call(*words, *options("Server"), *bound, "--out", tmp_path / "run")
    assert done.returncode == 1
    reason = read_result(tmp_path / "run")["reasons"][0]
    assert reason["what"] == "too many queries took longer than the Server bound of 0.0001 ms"
    assert re.match(r"\d+ of \d+ queries", reason["figure"])
    assert "--set load.target_qps" in reason["fix"]
    assert call("show", tmp_path / "run").returncode == 1


def test_a_server_bound_that_nobody_gave_is_measured_and_said_to_be(
    words: list[str], call: Cli, tmp_path: Path, read_result: Read
) -> None:
    bound = ["--set", "load.server_target_latency_ms=null"]
    done = call(*words, *options("Server"), *bound, "--out", tmp_path / "run")
    assert done.returncode in (0, 1), done.stderr
    result = read_result(tmp_path / "run")
    found = result["calibration"]
    assert found["server_bound_from"] == "measured"
    assert found["answer_time_ns"] >= found["service_time_ns"]
    assert result["loadgen"]["server_target_latency_ns"] == 10 * found["answer_time_ns"]
    assert result["loadgen"]["server_target_latency_percentile"] == 0.99
    assert "10 times the measured time of one answer" in done.stdout


def test_the_null_backend_says_that_no_model_was_run(
    words: list[str], call: Cli, tmp_path: Path, read_result: Read
) -> None:
    # However quick the machine is: no duration is asked for.
    short = ["--preset", "rapid", "--scenario", "Offline", "--set", "load.min_duration_ms=0"]
    done = call(*words, *short, "--backend", "null", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert read_result(tmp_path / "run")["backend"]["engine"] == "none"
    assert "the model is NOT run, every answer is zeros" in done.stdout


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0 ns"),
        (999, "999 ns"),
        (1000, "1.000 us"),
        (23_185, "23.185 us"),
        (999_999.9, "1000.000 us"),
        (1_000_000, "1.000 ms"),
        (2_500_000_000, "2.500 s"),
    ],
)
def test_a_latency_is_shown_in_the_unit_that_suits_it(nanoseconds: float, text: str) -> None:
    assert duration(nanoseconds) == text


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("top1", 0.7619, "76.19 %"),
        ("top5", 1.0, "100.00 %"),
        ("miou", 0.5480, "54.80 %"),
        ("coco_ap", 0.24412, "0.244 mAP"),
        ("psnr_db", 33.4321, "33.43 dB"),
        ("f1", 0.9, "90.0 F1"),
        ("exact_match", 0.862062, "86.21 %"),
        ("auc", 0.876, "0.876"),
    ],
)
def test_metrics_are_shown_as_the_field_writes_them(name: str, value: float, text: str) -> None:
    assert metric(name, value) == text
