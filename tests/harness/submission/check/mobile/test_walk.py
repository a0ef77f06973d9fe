"""What `check` says of trees of the mobile suite."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.submission.check.tree import check_tree

Copy = Callable[[Path], Path]
DEVICE = Path("open/Acme/results/phone")
RUN = DEVICE / "object_detection-performance"


def test_a_good_mobile_tree_passes(mobile_tree: Path) -> None:
    report = check_tree(mobile_tree)
    assert report.findings == ()
    assert (report.suite, report.rules, report.results) == ("mobile", "mobile-v6.0", 2)


def _result(tree: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = tree / DEVICE / "result.json"
    value = json.loads(path.read_text(encoding="utf-8"))
    change(value)
    path.write_text(json.dumps(value), encoding="utf-8")


def _json(path: Path, **values: str) -> None:
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | values), encoding="utf-8")


def _older_form(tree: Path, name: str, edit_log: Callable[..., None]) -> None:
    """The detection's runs once more, in folders as rounds before had them, hours later."""
    for hour, kind in ((13, "performance"), (14, "accuracy")):
        folder = tree / DEVICE / name / f"SingleStream/log_{kind}"
        shutil.copytree(tree / DEVICE / f"object_detection-{kind}", folder)
        edit_log(folder, power_begin=f"11-29-2026 {hour}:00:00.000", power_end=f"11-29-2026 {hour}:01:00.000")


SINS: dict[str, tuple[str, Callable[[Path, Callable[..., None]], object]]] = {
    "a pause too short": ("cooldown", lambda t, e: e(t / RUN, power_begin="11-29-2026 10:02:00.000")),
    "two runs at once": ("cooldown", lambda t, e: e(t / RUN, power_begin="11-29-2026 10:00:30.000")),
    "a latency that expects too much": (
        "expected-latency",
        lambda t, e: e(t / RUN, requested_single_stream_expected_latency_ns=2_000_000),
    ),
    "too few queries": ("min-queries", lambda t, e: e(t / RUN, effective_min_query_count=100)),
    "a run of half a minute": ("min-duration", lambda t, e: e(t / RUN, effective_min_duration_ms=30_000)),
    "wrong seeds in the accuracy log": (
        "seeds",
        lambda t, e: e(t / DEVICE / "object_detection-accuracy", effective_qsl_rng_seed=1),
    ),
    "another percentile": ("percentile", lambda t, e: e(t / RUN, effective_target_latency_percentile=0.5)),
    "N/A where a number belongs": ("log-keys", lambda t, e: e(t / RUN, effective_min_duration_ms="N/A")),
    "another system's run": ("mixed-systems", lambda t, e: e(t / RUN, sut_name="another")),
    "an accuracy log without answers": (
        "logs",
        lambda t, e: (t / DEVICE / "object_detection-accuracy/mlperf_log_accuracy.json").write_text("[\n]\n"),
    ),
    "no log": ("log", lambda t, e: (t / RUN / "mlperf_log_detail.txt").unlink()),
    "no system file": ("system-description", lambda t, e: (t / "open/Acme/systems/phone.json").unlink()),
    "a system without results": (
        "submitter",
        lambda t, e: shutil.copy(t / "open/Acme/systems/phone.json", t / "open/Acme/systems/other.json"),
    ),
    "no code": ("submitter", lambda t, e: shutil.rmtree(t / "open/Acme/code")),
    "N/A in the app's result": (
        "app-result",
        lambda t, e: _result(t, lambda v: v["results"][0]["performance_run"].update(measured_duration="N/A")),
    ),
    "an INVALID result": ("validity", lambda t, e: e(t / RUN, result_validity="INVALID")),
    "a part of the data": (
        "logs",
        lambda t, e: e(t / DEVICE / "object_detection-accuracy", effective_accuracy_sample_count=50),
    ),
    "a lost accuracy run": ("scenario-required", lambda t, e: shutil.rmtree(t / DEVICE / "object_detection-accuracy")),
    "no trace": ("logs", lambda t, e: (t / RUN / "mlperf_log_trace.json").write_text("")),
    "no result": ("duplicate-result", lambda t, e: (t / DEVICE / "result.json").unlink()),
    "two results": (
        "duplicate-result",
        lambda t, e: shutil.copy(t / DEVICE / "result.json", t / DEVICE / "results.json"),
    ),
    "a result with a field too many": ("app-result", lambda t, e: _result(t, lambda v: v.update(linux=None))),
    "a result without a field": ("app-result", lambda t, e: _result(t, lambda v: v["meta"].pop("upload_date"))),
    "a result that says another latency": (
        "app-result-agrees",
        lambda t, e: _result(t, lambda v: v["results"][0]["performance_run"]["loadgen"].update(latency90=1.0)),
    ),
    "a system file with a comma too many": (
        "system-description",
        lambda t, e: (t / "open/Acme/systems/phone.json").write_text('{"system": {"a": "b"},}'),
    ),
    "no measurements": ("measurements", lambda t, e: shutil.rmtree(t / "open/Acme/measurements/phone/mobiledetSSD")),
    "an unknown benchmark": ("benchmark-name", lambda t, e: shutil.copytree(t / RUN, t / DEVICE / "weather")),
    "an ERROR in a performance log": ("loadgen-error", lambda t, e: e(t / RUN, num_errors=1)),
    "a README of one space in the code": (
        "submitter",
        lambda t, e: (t / "open/Acme/code/tflite/README.md").write_text(" "),
    ),
    "code without a README": (
        "submitter",
        lambda t, e: (t / "open/Acme/code/tflite/README.md").rename(t / "open/Acme/code/tflite/main.cc"),
    ),
    "no calibration": ("submitter", lambda t, e: (t / "open/Acme/Calibration.md").unlink()),
    "an empty calibration": ("submitter", lambda t, e: (t / "open/Acme/Calibration.md").write_text(" \n")),
    "a submitter without results": ("submitter", lambda t, e: shutil.rmtree(t / "open/Acme/results")),
    "a system that is not told": (
        "system-description",
        lambda t, e: (t / "open/Acme/systems/phone.json").write_text(
            '{"system": {"Processor Name": "N/A", "DRAM": "8 GB"}, "notes": {"a": "b"}, "software": {"a": "b"}}'
        ),
    ),
    "nothing but N/A in an object": (
        "system-description",
        lambda t, e: (t / "open/Acme/systems/phone.json").write_text(
            '{"system": {"a": "b"}, "notes": {"a": "b"}, "software": {"OS_version": "N/A"}}'
        ),
    ),
    "N/A in measurements": (
        "measurements",
        lambda t, e: _json(
            t / "open/Acme/measurements/phone/mobiledetSSD/SingleStream/phone_tflite_SingleStream.json",
            retraining="N/A",
        ),
    ),
    "a benchmark twice in the result": (
        "duplicate-result",
        lambda t, e: _result(t, lambda v: v["results"].append(v["results"][0])),
    ),
    "a result without logs": (
        "app-result-agrees",
        lambda t, e: _result(t, lambda v: v["results"].append({**v["results"][0], "benchmark_id": "super_resolution"})),
    ),
    "a result that says another count": (
        "app-result-agrees",
        lambda t, e: _result(t, lambda v: v["results"][0]["performance_run"]["loadgen"].update(query_count=7)),
    ),
    "a result that says another rate": (
        "app-result-agrees",
        lambda t, e: _result(t, lambda v: v["results"][0]["performance_run"].update(throughput={"value": 1e9})),
    ),
    "a result that says another scenario": (
        "app-result-agrees",
        lambda t, e: _result(t, lambda v: v["results"][0].update(loadgen_scenario="Offline")),
    ),
    "a run in two forms": (
        "scenario-name",
        lambda t, e: _older_form(t, "mobiledetSSD", e),
    ),
    "a log twice": (
        "logs",
        lambda t, e: shutil.copy(t / RUN / "mlperf_log_detail.txt", t / RUN / "mlperf_log_detail_2.txt"),
    ),
    "notes in a run": ("logs", lambda t, e: (t / RUN / "notes.txt").write_text("x")),
}


@pytest.mark.parametrize("sin", SINS)
def test_each_sin_is_named_and_nothing_else(
    sin: str, mobile_tree: Path, copy_of: Copy, edit_log: Callable[..., None]
) -> None:
    rule, plant = SINS[sin]
    tree = copy_of(mobile_tree)
    plant(tree, edit_log)
    if rule == "validity":
        _result(tree, lambda v: v["results"][1]["performance_run"]["loadgen"].update(is_result_valid=False))
    report = check_tree(tree, suite="mobile")
    assert {one.rule for one in report.findings} == {rule}, report.findings
