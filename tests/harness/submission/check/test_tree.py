"""What `check` says of good trees, and of each sin that is planted in one: its own name, and nothing else."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.config.official.rule_sets import rule_set
from harness.errors import ConfigError
from harness.submission.check.inference.scenarios import BenchmarkFolder, SystemKind, required
from harness.submission.check.read_run import summary_faults
from harness.submission.check.tree import check_tree
from harness.submission.tree.documents import sha256_of
from harness.submission.tree.listing import Tree
from harness.submission.tree.logs import DetailLog

Sin = Callable[[Path], object]
Copy = Callable[[Path], Path]

OWNER = Path("closed/Acme")
SINGLE = OWNER / "results/board/resnet/SingleStream"
OFFLINE = OWNER / "results/board/resnet/Offline"
SYSTEM = OWNER / "systems/board.json"


def test_a_good_tree_of_v6_passes(closed_v6: Path) -> None:
    report = check_tree(closed_v6)
    assert report.findings == ()
    assert (report.suite, report.rules, report.results) == ("inference", "inference-v6.1", 3)


def test_a_good_tree_of_v5_passes(closed_v5: Path) -> None:
    report = check_tree(closed_v5)
    assert report.findings == ()
    assert (report.suite, report.rules, report.results) == ("inference", "inference-v5.1", 3)


def test_a_good_tree_is_none_of_another_round(closed_v6: Path) -> None:
    names = {one.rule for one in check_tree(closed_v6, rules="inference-v6.0").findings}
    assert names == {"seeds"}


def _log(path: Path, **values: Any) -> None:
    """Changes values of the detail log in a folder; `error=` adds a line that LoadGen marks as an error."""
    detail = path / "mlperf_log_detail.txt"
    entries = [json.loads(line.removeprefix(":::MLLOG ")) for line in detail.read_text(encoding="utf-8").splitlines()]
    if said := values.pop("error", None):
        entry = json.loads(json.dumps(entries[-2]))
        entry |= {"key": "error_runtime", "value": said, "metadata": entry["metadata"] | {"is_error": True}}
        entries.insert(-1, entry)
    for entry in entries:
        if entry["key"] in values:
            entry["value"] = values[entry["key"]]
    detail.write_text("".join(f":::MLLOG {json.dumps(entry)}\n" for entry in entries), encoding="utf-8")


def _few_samples(path: Path) -> None:
    """The log of an Offline run as if it had asked for 1,024 samples, and answered them as quickly."""
    text = (path / "mlperf_log_detail.txt").read_text(encoding="utf-8")
    latencies = {
        name: int(value) // 24 for name, value in re.findall(r'"key": "(result_\S+_ns)", "value": (\d+)', text)
    }
    _log(path, effective_samples_per_query=1024, **latencies)


def _json(path: Path, **values: Any) -> None:
    """Changes fields of a JSON file; None takes one away."""
    fields = json.loads(path.read_text(encoding="utf-8")) | values
    path.write_text(json.dumps({name: value for name, value in fields.items() if value is not None}), encoding="utf-8")


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def _put(path: Path, text: str = "something\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _power(scenario: Path) -> None:
    """What a power harness leaves beside the logs."""
    for name in ("client.json", "client.log", "ptd_logs.txt", "server.json", "server.log"):
        _put(scenario / "performance/power" / name, "{}")
    shutil.copytree(scenario / RUN_1, scenario / "performance/ranging")
    for run in ("run_1", "ranging"):
        _put(scenario / "performance" / run / "spl.txt")
    for name in ("analyzer_table.md", "power_settings.csv"):
        _put(scenario / name)


def _joined(path: Path) -> None:
    """A log with that of a slower run after it."""
    text = path.read_text(encoding="utf-8")
    path.write_text(text + text.replace('"result_query_count", "value": ', '"result_query_count", "value": 9'), "utf-8")


def _bytes_before(path: Path, more: bytes) -> None:
    path.write_bytes(more + path.read_bytes())


def _server(tree: Path, bound_ns: int) -> None:
    """SingleStream as if it were Server, in the open division, where any scenario may be."""
    folder = _to_open(tree) / "results/board/resnet"
    (folder / "SingleStream").rename(folder / "Server")
    score = {"key": "result_completed_samples_per_sec", "value": 100.0, "metadata": {"is_error": False}}
    for run in ("performance/run_1", "accuracy"):
        detail = folder / "Server" / run / "mlperf_log_detail.txt"
        _log(
            folder / "Server" / run,
            effective_scenario="Server",
            effective_target_latency_percentile=0.99,
            effective_target_latency_ns=bound_ns,
        )
        detail.write_text(f":::MLLOG {json.dumps(score)}\n{detail.read_text(encoding='utf-8')}", encoding="utf-8")
    _replace(folder / "Server" / RUN_1 / "mlperf_log_summary.txt", "SingleStream", "Server")


def _emptied(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def _large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate((50 << 20) + 1)


def _as_test(tree: Path, test: str) -> None:
    """The performance run's logs in a compliance test's place."""
    for name in ("mlperf_log_detail.txt", "mlperf_log_summary.txt"):
        shutil.copy(tree / SINGLE / "performance/run_1" / name, tree / SINGLE / test / "performance/run_1" / name)


def _hash(path: Path, sha256: str) -> None:
    path.write_text(re.sub(r"hash=\w+", f"hash={sha256}", path.read_text(encoding="utf-8")), encoding="utf-8")


def _log_entries(path: Path, count: int) -> None:
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r"(num_perf_log_entries = )\d+", rf"\g<1>{count}", text), encoding="utf-8")


def _emptied_answers(path: Path) -> None:
    """Rows of the same length without answers, as other harnesses log them."""
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r'"data" : "(\w*)"', lambda one: f'"data" : ""{" " * len(one[1])}', text), encoding="utf-8")


def _other_sample(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r'"qsl_idx" : \d{5},', '"qsl_idx" : 99999,', text, count=1), encoding="utf-8")


def _to_open(tree: Path) -> Path:
    """The same results in the open division."""
    (tree / "closed").rename(tree / "open")
    owner = tree / "open/Acme"
    _json(owner / "systems/board.json", division="open")
    for folder in owner.rglob("TEST0*"):
        shutil.rmtree(folder)
    return owner


def _open_with(tree: Path, sin: Sin) -> None:
    sin(_to_open(tree) / "results/board/resnet/SingleStream")


def _all(*sins: Sin) -> Sin:
    """Several changes that are one sin together."""

    def plant(tree: Path) -> None:
        for sin in sins:
            sin(tree)

    return plant


RUN_1 = "performance/run_1"
ACCURACY_LOG = "accuracy/mlperf_log_accuracy.json"
SINS: dict[str, tuple[str, Sin]] = {
    "an INVALID result": ("validity", lambda t: _log(t / SINGLE / RUN_1, result_validity="INVALID")),
    "an ERROR in a performance log": ("loadgen-error", lambda t: _log(t / SINGLE / RUN_1, error="Ran out of queries")),
    "wrong seeds": ("seeds", lambda t: _log(t / SINGLE / RUN_1, effective_qsl_rng_seed=1)),
    "wrong seeds in the accuracy log": (
        "seeds",
        lambda t: _log(t / SINGLE / "accuracy", effective_schedule_rng_seed=1),
    ),
    "another percentile": ("percentile", lambda t: _log(t / SINGLE / RUN_1, effective_target_latency_percentile=0.5)),
    "a short run": ("min-duration", lambda t: _log(t / SINGLE / RUN_1, effective_min_duration_ms=60000)),
    "few samples": (
        "performance-sample-count",
        lambda t: _log(t / SINGLE / RUN_1, effective_performance_sample_count=8),
    ),
    "few samples of Offline": ("min-queries", lambda t: _few_samples(t / OFFLINE / RUN_1)),
    "no early stopping": ("early-stopping", lambda t: _log(t / SINGLE / RUN_1, early_stopping_met=False)),
    "N/A where a number belongs": ("log-keys", lambda t: _log(t / SINGLE / RUN_1, effective_min_duration_ms="N/A")),
    "no query of Offline in a test": (
        "min-queries",
        lambda t: _log(t / OFFLINE / "TEST04" / RUN_1, effective_min_query_count=0),
    ),
    "half a sample": ("log-keys", lambda t: _log(t / OFFLINE / "accuracy", effective_accuracy_sample_count=50000.5)),
    "N/A where Offline's queries belong": (
        "log-keys",
        lambda t: _log(t / OFFLINE / RUN_1, effective_min_query_count="N/A"),
    ),
    "a summary edited by hand": (
        "summary",
        lambda t: _replace(t / SINGLE / RUN_1 / "mlperf_log_summary.txt", "Result is : VALID", "Result is : INVALID"),
    ),
    "a log of accuracy for one of performance": (
        "run-mode",
        lambda t: _log(t / SINGLE / RUN_1, effective_test_mode="AccuracyOnly"),
    ),
    "no performance log": ("log", lambda t: (t / SINGLE / RUN_1 / "mlperf_log_detail.txt").unlink()),
    "no accuracy log of LoadGen's": ("log", lambda t: (t / SINGLE / "accuracy/mlperf_log_detail.txt").unlink()),
    "a log cut in the middle": (
        "log",
        lambda t: os.truncate(t / SINGLE / RUN_1 / "mlperf_log_detail.txt", 20_000),
    ),
    "a performance log as TEST01": ("compliance-in-force", lambda t: _as_test(t, "TEST01")),
    "a performance log as TEST04": ("compliance-in-force", lambda t: _as_test(t, "TEST04")),
    "no TEST04": ("compliance-missing", lambda t: shutil.rmtree(t / SINGLE / "TEST04")),
    "TEST01 without its accuracy": ("compliance-accuracy-log", lambda t: shutil.rmtree(t / SINGLE / "TEST01/accuracy")),
    "a verification of another speed": (
        "compliance-performance",
        lambda t: _put(
            t / SINGLE / "TEST01/verify_performance.txt", "Reference score = 5.0\nTest score = 5.0\nTEST PASS\n"
        ),
    ),
    "a verification that nothing follows": (
        "compliance-performance",
        lambda t: _log(t / SINGLE / "TEST01" / RUN_1, early_stopping_latency_ss=1 << 40, early_stopping_result=""),
    ),
    "a verification of no answers": (
        "compliance-accuracy",
        lambda t: _put(t / SINGLE / "TEST01/verify_accuracy.txt", "num_perf_log_qsl_idx_match = 0\nTEST PASS\n"),
    ),
    "a verification that fails": (
        "compliance-accuracy",
        lambda t: _put(t / SINGLE / "TEST01/verify_accuracy.txt", "num_perf_log_data_mismatch = 3\nTEST FAIL\n"),
    ),
    "a verification of more answers than were logged": (
        "compliance-accuracy",
        lambda t: _log_entries(t / SINGLE / "TEST01/verify_accuracy.txt", 12),
    ),
    "a verification of another accuracy log": (
        "compliance-accuracy",
        lambda t: _replace(
            t / SINGLE / "TEST01/verify_accuracy.txt", "acc_log_entries = 50000", "acc_log_entries = 500"
        ),
    ),
    "no verification": ("compliance-files", lambda t: (t / SINGLE / "TEST04/verify_performance.txt").unlink()),
    "an empty accuracy.txt in open": (
        "accuracy-score",
        lambda t: _open_with(t, lambda s: _put(s / "accuracy/accuracy.txt", "")),
    ),
    "an accuracy log of no bytes": ("accuracy-files", lambda t: _put(t / SINGLE / ACCURACY_LOG, "")),
    "an accuracy log without answers": ("accuracy-files", lambda t: _put(t / SINGLE / ACCURACY_LOG, "[\n]\n")),
    "an accuracy log that its hash does not name": (
        "truncation",
        lambda t: _put(t / SINGLE / ACCURACY_LOG, '[\n{ "seq_id" : 0, "qsl_idx" : 1, "data" : "00" }\n]\n'),
    ),
    "an accuracy log that is whole": (
        "truncation",
        lambda t: _put(t / SINGLE / ACCURACY_LOG, '[{"qsl_idx" : 1}' + 11000 * " "),
    ),
    "an accuracy log cut in another way": (
        "truncation",
        lambda t: _put(t / SINGLE / ACCURACY_LOG, '[{"qsl_idx" : 1\n\n...\n\n]'),
    ),
    "a log that was truncated twice": (
        "truncation",
        lambda t: _hash(t / SINGLE / "accuracy/accuracy.txt", sha256_of(t / SINGLE / ACCURACY_LOG)),
    ),
    "one hash for two logs": (
        "shared-hash",
        _all(
            lambda t: _hash(t / OFFLINE / "accuracy/accuracy.txt", "0" * 64),
            lambda t: _hash(t / SINGLE / "accuracy/accuracy.txt", "0" * 64),
            lambda t: _replace(t / SINGLE / ACCURACY_LOG, '"seq_id" : 1,', '"seq_id" : 2,'),
        ),
    ),
    "empty answers": ("accuracy-answers", lambda t: _emptied_answers(t / SINGLE / ACCURACY_LOG)),
    "answers of another set": ("accuracy-answers", lambda t: _other_sample(t / SINGLE / ACCURACY_LOG)),
    "no hash": (
        "accuracy-hash",
        lambda t: _put(t / SINGLE / "accuracy/accuracy.txt", "accuracy=76.000%, good=38000, total=50000\n"),
    ),
    "accuracy of fewer samples": (
        "accuracy-count",
        lambda t: _replace(t / SINGLE / "accuracy/accuracy.txt", "good=38000, total=50000", "good=3800, total=5000"),
    ),
    "accuracy that is not what it counts": (
        "accuracy-count",
        lambda t: _replace(t / SINGLE / "accuracy/accuracy.txt", "76.000%", "79.000%"),
    ),
    "accuracy of more than all": (
        "accuracy-count",
        lambda t: _replace(t / SINGLE / "accuracy/accuracy.txt", "76.000%, good=38000", "110.000%, good=55000"),
    ),
    "two scores": (
        "accuracy-count",
        lambda t: _replace(
            t / SINGLE / "accuracy/accuracy.txt",
            "accuracy=76",
            "accuracy=79.000%, good=39500, total=50000\naccuracy=76",
        ),
    ),
    "N/A where the samples of accuracy belong": (
        "log-keys",
        lambda t: _log(t / SINGLE / "accuracy", effective_accuracy_sample_count="N/A"),
    ),
    "N/A for a score": (
        "accuracy-score",
        lambda t: _replace(t / SINGLE / "accuracy/accuracy.txt", "accuracy=76", "accuracy=N/A"),
    ),
    "accuracy below the target": (
        "accuracy-target",
        lambda t: _replace(t / SINGLE / "accuracy/accuracy.txt", "76.000%, good=38000", "75.000%, good=37500"),
    ),
    "a part of the data set": (
        "data-set",
        _all(
            lambda t: _log(t / SINGLE / "accuracy", effective_accuracy_sample_count=500),
            lambda t: _replace(t / SINGLE / "accuracy/accuracy.txt", "good=38000, total=50000", "good=380, total=500"),
        ),
    ),
    "a README of one space": ("readme", lambda t: _put(t / SINGLE / "README.md", " ")),
    "an empty user.conf": ("user-conf", lambda t: _put(t / SINGLE / "user.conf", "")),
    "no measurements": ("measurements", lambda t: (t / SINGLE / "measurements.json").unlink()),
    "N/A in measurements": ("measurements", lambda t: _json(t / SINGLE / "measurements.json", retraining="N/A")),
    "a README of one space in the code": ("code", lambda t: _put(t / OWNER / "src/resnet/tflite/README.md", " ")),
    "an empty log of TEST01's": ("accuracy-files", lambda t: _put(t / SINGLE / "TEST01" / ACCURACY_LOG, "")),
    "no calibration in open": ("calibration", lambda t: shutil.rmtree(_to_open(t) / "documentation")),
    "an empty src": ("code", lambda t: _emptied(t / OWNER / "src")),
    "no calibration": ("calibration", lambda t: shutil.rmtree(t / OWNER / "documentation")),
    "N/A in a required field": ("system-meaningful", lambda t: _json(t / SYSTEM, host_memory_capacity="N/A")),
    "undefined in a required field": (
        "system-meaningful",
        lambda t: _json(t / SYSTEM, accelerator_model_name="undefined"),
    ),
    "N/A nodes": ("system-number", lambda t: _json(t / SYSTEM, number_of_nodes="N/A")),
    "the number 0": ("system-text", lambda t: _json(t / SYSTEM, accelerators_per_node=0)),
    "a boolean": ("system-text", lambda t: _json(t / SYSTEM, is_network=False)),
    "a lacking field": ("system-fields", lambda t: _json(t / SYSTEM, hw_notes=None)),
    "an unknown system type": ("system-type", lambda t: _json(t / SYSTEM, system_type="phone")),
    "an unknown status": ("system-status", lambda t: _json(t / SYSTEM, status="sold out")),
    "another submitter": ("system-place", lambda t: _json(t / SYSTEM, submitter="Umbrella")),
    "no system file": ("system-description", lambda t: (t / SYSTEM).unlink()),
    "a system file with a comma too many": (
        "system-description",
        lambda t: _put(t / SYSTEM, '{"status": "available",}'),
    ),
    "a system without results": ("systems", lambda t: shutil.copy(t / SYSTEM, t / OWNER / "systems/other.json")),
    "a submitter without results": ("results", lambda t: shutil.rmtree(t / OWNER / "results")),
    "a broken mapping": ("model-mapping", lambda t: _put(_to_open(t) / "model_mapping.json", '{"a": ')),
    "a mapping to nothing": ("model-mapping", lambda t: _put(_to_open(t) / "model_mapping.json", '{"a": "b"}')),
    "a closed mobilenet": (
        "benchmark-name",
        lambda t: (t / SINGLE.parent).rename(t / SINGLE.parent.parent / "mobilenet"),
    ),
    "an unknown benchmark": (
        "benchmark-name",
        lambda t: [one := _to_open(t) / "results/board", (one / "resnet").rename(one / "deeplab")],
    ),
    "a scenario too few": ("scenario-required", lambda t: shutil.rmtree(t / OFFLINE)),
    "a scenario in two spellings": (
        "scenario-name",
        lambda t: shutil.copytree(t / OFFLINE, t / OFFLINE.parent / "offline"),
    ),
    "a scenario in another case": ("scenario-name", lambda t: (t / OFFLINE).rename(t / OFFLINE.parent / "OffLine")),
    "a scenario in small letters, as a warning": (
        "scenario-name",
        lambda t: (t / OFFLINE).rename(t / OFFLINE.parent / "offline"),
    ),
    "a link": ("link", lambda t: (t / OWNER / "src/link.py").symlink_to("resnet")),
    "a space": ("file-name", lambda t: _put(t / OWNER / "src/a file.py")),
    "a dot file": ("file-name", lambda t: _put(t / OWNER / "src/.DS_Store")),
    "a large file": ("file-size", lambda t: _large(t / OWNER / "src/weights.bin")),
    "an empty folder": ("empty-folder", lambda t: (t / OWNER / "src/nothing").mkdir()),
    "a cache of Python's": ("python-cache", lambda t: _put(t / OWNER / "src/__pycache__/x.pyc")),
    "a file outside": ("outside-submitter", lambda t: _put(t / "closed/notes.txt")),
    "a folder outside": ("outside-submitter", lambda t: _put(t / "draft/notes.txt")),
    "another system's run": ("mixed-systems", lambda t: _log(t / OFFLINE / "accuracy", sut_name="another")),
    "another system told": (
        "mixed-systems",
        _all(
            lambda t: _put(t / SINGLE / "README.md", "* system: a board, 8 GiB\n"),
            lambda t: _put(t / OFFLINE / "README.md", "* system: a server, 64 GiB\n"),
        ),
    ),
    "another model told": (
        "mixed-models",
        _all(
            lambda t: _put(t / SINGLE / "README.md", "* model: 1234 (SHA-256), m.tflite\n"),
            lambda t: _put(t / OFFLINE / "README.md", "* model: 5678 (SHA-256), m.tflite\n"),
        ),
    ),
    "another model's run": (
        "mixed-models",
        lambda t: _json(t / OFFLINE / "measurements.json", weight_data_types="fp32"),
    ),
    "one run in two places": (
        "copied-log",
        lambda t: [
            shutil.copytree(t / OWNER / "results/board", t / OWNER / "results/twin"),
            shutil.copy(t / SYSTEM, t / OWNER / "systems/twin.json"),
        ],
    ),
    "another scenario's logs": (
        "scenario",
        lambda t: _log(t / SINGLE / "accuracy", effective_scenario="Server"),
    ),
    "a second run": ("file-list", lambda t: shutil.copytree(t / SINGLE / RUN_1, t / SINGLE / "performance/run_2")),
    "a second run of TEST01": (
        "compliance-files",
        lambda t: shutil.copytree(t / SINGLE / "TEST01" / RUN_1, t / SINGLE / "TEST01/performance/run_2"),
    ),
    "notes beside the runs": ("file-list", lambda t: _put(t / SINGLE / "performance/notes.txt")),
    "notes in a run, as a warning": ("file-list", lambda t: _put(t / SINGLE / RUN_1 / "notes.txt")),
    "notes in the accuracy, as a warning": ("file-list", lambda t: _put(t / SINGLE / "accuracy/notes.txt")),
    "notes in a scenario, as a warning": ("file-list", lambda t: _put(t / SINGLE / "notes.txt")),
    "notes in TEST01's accuracy": ("compliance-files", lambda t: _put(t / SINGLE / "TEST01/accuracy/notes.txt")),
    "a log twice in a run": (
        "file-list",
        lambda t: shutil.copy(
            t / SINGLE / RUN_1 / "mlperf_log_detail.txt", t / SINGLE / RUN_1 / "mlperf_log_detail_2.txt"
        ),
    ),
    "a log in the scenario": (
        "file-list",
        lambda t: shutil.copy(t / SINGLE / RUN_1 / "mlperf_log_detail.txt", t / SINGLE / "mlperf_log_detail.txt"),
    ),
    "a run in a run": ("file-list", lambda t: shutil.copytree(t / SINGLE / RUN_1, t / SINGLE / RUN_1 / "old")),
    "endpoints in LoadGen's place, as a warning": (
        "endpoints",
        _all(
            lambda t: shutil.rmtree(t / SINGLE / "performance/run_1"),
            lambda t: _put(t / SINGLE / "performance/result_summary.json", "{}"),
        ),
    ),
    "a folder in a run, as a warning": ("file-list", lambda t: _put(t / SINGLE / RUN_1 / "old/notes.md")),
    "two logs in one": ("log-keys", lambda t: _joined(t / SINGLE / RUN_1 / "mlperf_log_detail.txt")),
    "a duration edited by hand": (
        "clock",
        lambda t: _log(t / SINGLE / RUN_1, power_end="11-29-2026 10:00:10.500"),
    ),
    "a clock that jumped": ("clock", lambda t: _log(t / SINGLE / "accuracy", power_end="11-29-2026 09:00:00.000")),
    "a score of 0": (
        "log-keys",
        lambda t: _log(_to_open(t) / "results/board/resnet/Offline" / RUN_1, result_samples_per_second=0),
    ),
    "a log that is no UTF-8": (
        "log",
        lambda t: _bytes_before(t / SINGLE / RUN_1 / "mlperf_log_detail.txt", b"\xff\n"),
    ),
    "accuracy that is no UTF-8": (
        "accuracy-files",
        lambda t: _bytes_before(t / SINGLE / "accuracy/accuracy.txt", b"\xe9t\xe9\n"),
    ),
    "a byte order mark": (
        "measurements",
        lambda t: _bytes_before(t / SINGLE / "measurements.json", b"\xef\xbb\xbf"),
    ),
    "a datacenter system of a benchmark that has none": (
        "scenario-required",
        lambda t: _json(t / SYSTEM, system_type="datacenter"),
    ),
    "a system of both suites without Server": (
        "scenario-required",
        lambda t: _json(t / SYSTEM, system_type="edge,datacenter"),
    ),
    "a server whose queries may take too long": ("server-bound", lambda t: _server(t, 20_000_000)),
    "any text for is_network without the fields of a network": (
        "system-network",
        lambda t: _json(t / SYSTEM, is_network="false"),
    ),
    "nothing but power": ("power", lambda t: _power(t / SINGLE)),
    "power without the meter's settings, as a warning": (
        "power",
        _all(lambda t: _power(t / SINGLE), lambda t: _put(t / SINGLE / "analyzer_table.md", "")),
    ),
    "a file that git keeps folders with": ("file-name", lambda t: _put(t / OWNER / "src/resnet/.gitkeep")),
    "a log's line that does not say whether it is an error": (
        "log",
        lambda t: _replace(t / SINGLE / RUN_1 / "mlperf_log_detail.txt", '"is_error": false, ', ""),
    ),
    "a verification that is no UTF-8": (
        "compliance-files",
        lambda t: _bytes_before(t / SINGLE / "TEST04/verify_performance.txt", b"\xff"),
    ),
    "a baseline beside answers that are the same, as a warning": (
        "compliance-files",
        lambda t: _put(t / SINGLE / "TEST01/accuracy/baseline_accuracy.txt", "accuracy=76.000%\n"),
    ),
    "a number where the checkers join texts": ("system-text", lambda t: _json(t / SYSTEM, operating_system=11)),
    "N/A in what is inferred": (
        "scenario",
        _all(
            lambda t: shutil.rmtree(t / OFFLINE),
            lambda t: _log(t / SINGLE / RUN_1, result_qps_without_loadgen_overhead="N/A"),
            lambda t: shutil.copytree(t / SINGLE, t / OFFLINE),
        ),
    ),
    "what nobody has told": ("system-meaningful", lambda t: _json(t / SYSTEM, cooling="not told")),
}
WARNINGS = {"no calibration in open", "nothing but power"} | {sin for sin in SINS if sin.endswith("as a warning")}
"""Sins that a reviewer would ask about, and no checker refuses."""


@pytest.mark.parametrize("sin", SINS)
def test_each_sin_is_named_and_nothing_else(sin: str, closed_v6: Path, copy_of: Copy) -> None:
    rule, plant = SINS[sin]
    tree = copy_of(closed_v6)
    plant(tree)
    report = check_tree(tree)
    assert {one.rule for one in report.findings} == {rule}, report.findings
    assert len(report.findings) >= 1
    assert {one.severity for one in report.findings} == {"warning" if sin in WARNINGS else "error"}
    assert all(one.fix and one.source and one.what for one in report.findings)


@pytest.mark.parametrize(
    "name", ["power/server.log", "power/ptd_logs.txt", "ranging/spl.txt", "run_1/spl.txt", "ranging", "power"]
)
def test_of_power_that_was_measured_every_file_must_be_there(name: str, closed_v6: Path, copy_of: Copy) -> None:
    tree = copy_of(closed_v6)
    _power(tree / SINGLE)
    gone = tree / SINGLE / "performance" / name
    if gone.is_dir():
        shutil.rmtree(gone)
    else:
        gone.unlink()
    found = check_tree(tree).findings
    assert {one.rule for one in found} == {"power"}
    assert [one.severity for one in found].count("warning") == 1
    missing = [one.file for one in found if one.severity == "error"]
    assert missing
    assert all(file.startswith(f"{SINGLE}/performance/{name}") for file in missing)


def test_a_system_over_no_network_may_say_so_in_the_form_of_v5(closed_v5: Path, copy_of: Copy) -> None:
    tree = copy_of(closed_v5)
    _json(tree / SYSTEM, is_network="false")
    assert check_tree(tree).findings == ()


@pytest.mark.parametrize("name", ["power/notes.txt", "ranging/notes.txt", "run_1/notes.txt"])
def test_where_power_was_measured_no_other_file_may_be(name: str, closed_v6: Path, copy_of: Copy) -> None:
    tree = copy_of(closed_v6)
    _power(tree / SINGLE)
    _put(tree / SINGLE / "performance" / name)
    found = [(one.file, one.what) for one in check_tree(tree).findings if one.severity == "error"]
    assert found == [(f"{SINGLE}/performance/{name}", "does not belong there")]


def test_power_in_the_form_of_v5_asks_for_the_meters_settings(closed_v5: Path, copy_of: Copy) -> None:
    tree = copy_of(closed_v5)
    _power(tree / SINGLE)
    for name in ("analyzer_table.md", "power_settings.csv"):
        (tree / SINGLE / name).unlink()
    beside = tree / OWNER / "measurements/board"
    missing = {one.what for one in check_tree(tree).findings if one.severity == "error"}
    assert missing == {"is missing, and power was measured"}
    for name in ("analyzer_table.md", "power_settings.csv"):
        _put(beside / name)
    assert check_tree(tree).errors == 0


def _digits(text: str) -> list[str]:
    """The text with each of its figures changed by a digit."""
    return [
        f"{text[: at.start()]}{(int(at[0]) + 1) % 10}{text[at.end() :]}" for at in re.finditer(r"(?<=[ .\d])\d", text)
    ]


@pytest.mark.parametrize("scenario", ["SingleStream", "MultiStream", "Offline"])
def test_a_digit_changed_in_a_summary_is_seen(scenario: str, closed_v6: Path, copy_of: Copy) -> None:
    run = closed_v6 / SINGLE.parent / scenario / RUN_1
    tree = Tree(copy_of(closed_v6))
    log = tree.detail(f"{SINGLE.parent}/{scenario}/{RUN_1}/mlperf_log_detail.txt")
    assert isinstance(log, DetailLog)
    path = f"{SINGLE.parent}/{scenario}/{RUN_1}/mlperf_log_summary.txt"
    lines = (run / "mlperf_log_summary.txt").read_text(encoding="utf-8").splitlines()
    # What the detail log has in other words, or in no words.
    silent = ("Processed at least", "Would discard", "warning encountered", "accuracy_log_probability")
    missed = []
    for number, line in enumerate(lines):
        name, _, value = line.partition(":")
        for other in [] if any(one in line for one in silent) else _digits(value):
            text = "\n".join([*lines[:number], f"{name}:{other}", *lines[number + 1 :]])
            (tree.root / path).write_text(text, encoding="utf-8")
            if not summary_faults(tree, path, "performance", log):
                missed.append(f"{name}:{other}")
    # Of seven digits of a rate LoadGen's detail log has six.
    assert [one for one in missed if "QPS w/" not in one] == []


EDITED: dict[str, tuple[Path, dict[str, Any]]] = {
    "the estimate that counts": (SINGLE, {"early_stopping_latency_ss": 2355}),
    "the estimate that counts, and LoadGen's sentence": (
        SINGLE,
        {"early_stopping_latency_ss": 2, "early_stopping_result": " * Early stopping 90.0th percentile estimate: 2"},
    ),
    "a percentile": (SINGLE, {"result_90.00_percentile_latency_ns": 1}),
    "the mean": (SINGLE, {"result_mean_latency_ns": 1}),
    "the rate that Offline is inferred from": (SINGLE, {"result_qps_without_loadgen_overhead": 1e9}),
    "the rate with LoadGen's overhead": (SINGLE, {"result_qps_with_loadgen_overhead": 1e9}),
    "the rate of Offline": (OFFLINE, {"result_samples_per_second": 1e9}),
    "the longest latency of Offline": (OFFLINE, {"result_max_latency_ns": 1}),
}


@pytest.mark.parametrize("what", EDITED)
def test_a_figure_edited_in_a_detail_log_contradicts_others(what: str, closed_v6: Path, copy_of: Copy) -> None:
    scenario, values = EDITED[what]
    tree = copy_of(closed_v6)
    _log(tree / scenario / RUN_1, **values)
    assert "log-figures" in {one.rule for one in check_tree(tree).findings}


def test_what_the_official_checkers_take_is_taken(closed_v6: Path, copy_of: Copy) -> None:
    tree = copy_of(closed_v6)
    _json(tree / SYSTEM, number_of_nodes=1, host_processor_core_count=8, division="Closed")
    fields = json.loads((tree / SYSTEM).read_text(encoding="utf-8"))
    _put(tree / SYSTEM, json.dumps(fields | {"is_network": None}))
    _put(tree / "assets/chart.svg")
    _put(tree / "LICENSE")
    _put(tree / "closed/notes.md")
    assert check_tree(tree).findings == ()


V5_SINGLE = OWNER / "results/board/resnet/SingleStream"
V5_TEST = OWNER / "compliance/board/resnet/SingleStream"
V5_BESIDE = OWNER / "measurements/board/resnet/SingleStream"
V5_ACCURACY = V5_SINGLE / "accuracy/accuracy.txt"


def _v5_to_open(tree: Path) -> Path:
    shutil.rmtree(tree / OWNER / "compliance")
    (tree / "closed").rename(tree / "open")
    _json(tree / "open/Acme/systems/board.json", division="open")
    return tree / "open/Acme"


V5_SINS: dict[str, tuple[str, Sin]] = {
    "a baseline beside answers that are the same": (
        "compliance-files",
        lambda t: _put(t / V5_TEST / "TEST01/accuracy/baseline_accuracy.txt", "accuracy=76.000%\n"),
    ),
    "a document in the division": ("outside-submitter", lambda t: _put(t / "closed/notes.md")),
    "a license at the top": ("outside-submitter", lambda t: _put(t / "LICENSE")),
    "the division in capitals": ("system-place", lambda t: _json(t / SYSTEM, division="Closed")),
    "an open datacenter of a benchmark that has none": (
        "scenario-required",
        lambda t: _json(_v5_to_open(t) / "systems/board.json", system_type="datacenter"),
    ),
    "no code of the benchmark's": (
        "code",
        lambda t: (t / OWNER / "code/resnet").rename(t / OWNER / "code/everything"),
    ),
    "few samples of Offline in open": (
        "min-queries",
        lambda t: _few_samples(_v5_to_open(t) / "results/board/resnet/Offline" / RUN_1),
    ),
    "an INVALID result": ("validity", lambda t: _log(t / V5_SINGLE / RUN_1, result_validity="INVALID")),
    "an ERROR in a performance log": ("loadgen-error", lambda t: _log(t / V5_SINGLE / RUN_1, error="Ran out")),
    "another percentile": (
        "percentile",
        lambda t: _log(t / V5_SINGLE / RUN_1, effective_target_latency_percentile=0.5),
    ),
    "a performance log as TEST01": (
        "compliance-in-force",
        lambda t: [
            shutil.copy(t / V5_SINGLE / RUN_1 / name, t / V5_TEST / "TEST01" / RUN_1 / name)
            for name in ("mlperf_log_detail.txt", "mlperf_log_summary.txt")
        ],
    ),
    "a verification that nothing follows": (
        "compliance-performance",
        lambda t: _put(t / V5_TEST / "TEST04/verify_performance.txt", "reference score = 5.0\nTEST PASS\n"),
    ),
    "an empty accuracy.txt in open": (
        "accuracy-score",
        lambda t: _put(_v5_to_open(t) / "results/board/resnet/SingleStream/accuracy/accuracy.txt", ""),
    ),
    "an accuracy log of no bytes": ("accuracy-files", lambda t: _put(t / V5_SINGLE / ACCURACY_LOG, "")),
    "an accuracy log that its hash does not name": (
        "truncation",
        lambda t: _put(t / V5_SINGLE / ACCURACY_LOG, '[\n{ "seq_id" : 0, "qsl_idx" : 1, "data" : "00" }\n]\n'),
    ),
    "accuracy of fewer samples": (
        "accuracy-count",
        lambda t: _replace(t / V5_ACCURACY, "good=38000, total=50000", "good=3800, total=5000"),
    ),
    "an empty user.conf": ("user-conf", lambda t: _put(t / V5_BESIDE / "user.conf", "")),
    "N/A in measurements": (
        "measurements",
        lambda t: _json(t / V5_BESIDE / "board_tflite_SingleStream.json", retraining="N/A"),
    ),
    "two files of measurements": (
        "measurements",
        lambda t: shutil.copy(t / V5_BESIDE / "board_tflite_SingleStream.json", t / V5_BESIDE / "board_old.json"),
    ),
    "a README of one space in the code": ("code", lambda t: _put(t / OWNER / "code/resnet/tflite/README.md", " ")),
    "N/A in a required field": ("system-meaningful", lambda t: _json(t / SYSTEM, host_memory_capacity="N/A")),
    "N/A nodes": ("system-number", lambda t: _json(t / SYSTEM, number_of_nodes="N/A")),
    "an unknown system type": ("system-type", lambda t: _json(t / SYSTEM, system_type="phone")),
    "no system file": ("system-description", lambda t: (t / SYSTEM).unlink()),
    "no performance log": ("log", lambda t: (t / V5_SINGLE / RUN_1 / "mlperf_log_detail.txt").unlink()),
    "a broken mapping": ("model-mapping", lambda t: _put(_v5_to_open(t) / "model_mapping.json", '{"a": ')),
    "a system without results": ("systems", lambda t: shutil.copy(t / SYSTEM, t / OWNER / "systems/other.json")),
    "a submitter without results": ("results", lambda t: shutil.rmtree(t / OWNER / "results")),
    "another system's run": (
        "mixed-systems",
        lambda t: _log(t / OWNER / "results/board/resnet/Offline/accuracy", sut_name="another"),
    ),
    "another model's run": (
        "mixed-models",
        lambda t: _json(t / V5_BESIDE / "board_tflite_SingleStream.json", weight_data_types="fp32"),
    ),
    "a second run": (
        "file-list",
        lambda t: shutil.copytree(t / V5_SINGLE / RUN_1, t / V5_SINGLE / "performance/run_2"),
    ),
    "notes in the accuracy": ("file-list", lambda t: _put(t / V5_SINGLE / "accuracy/notes.txt")),
    "wrong seeds in the accuracy log": (
        "seeds",
        lambda t: _log(t / OWNER / "results/board/resnet/SingleStream/accuracy", effective_qsl_rng_seed=1),
    ),
    "TEST01 without its accuracy": (
        "compliance-accuracy-log",
        lambda t: shutil.rmtree(t / OWNER / "compliance/board/resnet/SingleStream/TEST01/accuracy"),
    ),
    "no compliance": ("compliance-missing", lambda t: shutil.rmtree(t / OWNER / "compliance")),
    "a README of one space": (
        "readme",
        lambda t: _put(t / OWNER / "measurements/board/resnet/SingleStream/README.md", " "),
    ),
    "an empty code": ("code", lambda t: _emptied(t / OWNER / "code")),
    "no calibration": ("calibration", lambda t: (t / OWNER / "calibration.md").unlink()),
    "a closed mobilenet": (
        "benchmark-name",
        lambda t: [
            (t / OWNER / kind / "resnet").rename(t / OWNER / kind / "mobilenet")
            for kind in ("results/board", "compliance/board", "measurements/board", "code")
        ],
    ),
    "a scenario in two spellings": (
        "scenario-name",
        lambda t: [
            shutil.copytree(t / OWNER / kind / "board/resnet/Offline", t / OWNER / kind / "board/resnet/offline")
            for kind in ("results", "compliance", "measurements")
        ],
    ),
}


@pytest.mark.parametrize("sin", V5_SINS)
def test_each_sin_in_the_form_of_v5_is_named_and_nothing_else(sin: str, closed_v5: Path, copy_of: Copy) -> None:
    rule, plant = V5_SINS[sin]
    tree = copy_of(closed_v5)
    plant(tree)
    report = check_tree(tree)
    assert {one.rule for one in report.findings} == {rule}, report.findings


FILE_SINS: dict[str, tuple[str, Sin]] = {
    "a link": ("link", lambda o: (o / "docs/link").symlink_to("guide.md")),
    "a space": ("file-name", lambda o: _put(o / "docs/a guide.md")),
    "a dot file": ("file-name", lambda o: _put(o / "docs/.DS_Store")),
    "a large file": ("file-size", lambda o: os.truncate(o / "docs/guide.md", (500 << 20) + 1)),
    "an empty folder": ("empty-folder", lambda o: (o / "docs/nothing").mkdir()),
    "a cache of Python's": ("python-cache", lambda o: _put(o / "docs/__pycache__/x.pyc")),
    "a file outside": ("outside-submitter", lambda o: _put(o.parent / "notes.txt")),
}


@pytest.mark.parametrize("suite", ["mobile", "tiny"])
def test_each_sin_of_a_file_is_named_in_trees_of_other_suites_and_nothing_else(
    suite: str, mobile_tree: Path, tiny_tree: Path, copy_of: Copy
) -> None:
    tree = copy_of(mobile_tree if suite == "mobile" else tiny_tree)
    owner = tree / ("open/Acme" if suite == "mobile" else "closed/Acme")
    for name, (rule, plant) in FILE_SINS.items():
        _put(owner / "docs/guide.md")
        plant(owner)
        findings = check_tree(tree, suite=suite).findings
        found = {one.rule for one in findings}
        assert found == {rule}, (name, found)
        # Tiny's own checker warns of names, and refuses the rest.
        assert {one.severity for one in findings} == {"warning" if suite == "tiny" and rule == "file-name" else "error"}
        shutil.rmtree(owner / "docs")
        (owner.parent / "notes.txt").unlink(missing_ok=True)


def test_the_network_division_is_inferences_alone(mobile_tree: Path, copy_of: Copy) -> None:
    tree = copy_of(mobile_tree)
    _put(tree / "network/Acme/results/phone/notes.md")
    assert [(one.rule, one.file) for one in check_tree(tree).findings] == [("outside-submitter", "network")]


def test_a_network_division_has_systems_that_are_asked_over_one(closed_v6: Path, copy_of: Copy) -> None:
    tree = copy_of(closed_v6)
    (tree / "closed").rename(tree / "network")
    _json(tree / "network/Acme/systems/board.json", division="network", is_network="true")
    found = [one for one in check_tree(tree).findings if one.severity == "error"]
    assert {one.rule for one in found} == {"system-network"}
    # The fields of a network system, and the name in the log of each scenario.
    assert len(found) == 4


def test_closed_asks_scenarios_by_the_kind_of_system() -> None:
    three, four = ("SingleStream", "MultiStream", "Offline"), ("SingleStream", "MultiStream", "Offline", "Server")

    def said(rules: str, name: str, kind: SystemKind, scenarios: tuple[str, ...]) -> list[str]:
        folder = BenchmarkFolder(name, "closed", name, scenarios, rule_set(rules), {}, kind)
        return [one.what.split(",")[0].split(":")[0] for one in required(folder)]

    lacking, too_many = "lacks scenarios that the closed division requires", "is a scenario that closed does not ask of"
    assert said("inference-v6.1", "resnet", "edge", three) == []
    assert said("inference-v6.1", "resnet", "edge", four) == [f"{too_many} resnet"]
    assert said("inference-v6.1", "bert-99", "edge", three) == [f"{too_many} bert-99"]
    assert said("inference-v6.1", "resnet", "edge and datacenter", three) == [lacking]
    assert said("inference-v6.1", "resnet", "edge and datacenter", four) == []
    assert said("inference-v5.0", "resnet", "datacenter", ("Server", "Offline")) == []
    assert said("inference-v5.0", "retinanet", "datacenter", ("Server",)) == [lacking]
    assert said("inference-v5.1", "resnet", "datacenter", ("Server", "Offline")) == [
        "is no benchmark of the datacenter suite in inference-v5.1"
    ]


CRASHERS: dict[str, Sin] = {
    "no performance log": lambda t: (t / SINGLE / RUN_1 / "mlperf_log_detail.txt").unlink(),
    "no system file": lambda t: (t / SYSTEM).unlink(),
    "N/A nodes": lambda t: _json(t / SYSTEM, number_of_nodes="N/A"),
    "no results": lambda t: shutil.rmtree(t / OWNER / "results"),
    "a broken mapping": lambda t: _put(_to_open(t) / "model_mapping.json", '{"a": '),
    "an unknown system type": lambda t: _json(t / SYSTEM, system_type="phone"),
}


@pytest.mark.parametrize("what", CRASHERS)
def test_what_crashes_the_official_checker_is_one_line(what: str, closed_v6: Path, copy_of: Copy) -> None:
    tree = copy_of(closed_v6)
    CRASHERS[what](tree)
    assert len(check_tree(tree).findings) == 1


def test_a_benchmark_without_figures_here_is_no_error(closed_v6: Path, copy_of: Copy) -> None:
    tree = copy_of(closed_v6)
    shutil.move(tree / SINGLE.parent, tree / SINGLE.parent.parent / "llama3.1-8b-edge")
    assert [(one.severity, one.rule) for one in check_tree(tree).findings] == [("warning", "benchmark-name")]


def test_a_tree_that_is_none_is_refused(tmp_path: Path) -> None:
    for place in (tmp_path / "absent", tmp_path):
        with pytest.raises(ConfigError):
            check_tree(place)
    (tmp_path / "open").mkdir()
    assert check_tree(tmp_path).results == 0


def test_no_broken_file_stops_the_check(closed_v6: Path, copy_of: Copy) -> None:
    tree = copy_of(closed_v6)
    contents = (b"", b"\xff\xfe\x00", b"[" * 5000, b'{"a": [1, 2]}', b":::MLLOG {}", b":::MLLOG null\n", b"null")
    for number, path in enumerate(sorted(one for one in tree.rglob("*") if one.is_file())):
        path.write_bytes(contents[number % len(contents)])
    report = check_tree(tree)
    assert report.results == 3
    assert report.errors > 20
    assert not [one for one in report.findings if "could not be judged" in one.what]


def test_names_of_any_letters_and_two_submitters_are_taken(closed_v6: Path, copy_of: Copy) -> None:
    tree = copy_of(closed_v6)
    shutil.move(tree / "closed/Acme", tree / "closed/Bücher-株式会社")
    _json(tree / "closed/Bücher-株式会社/systems/board.json", submitter="Bücher-株式会社")
    (tree / "open/Other").mkdir(parents=True)
    report = check_tree(tree)
    assert [(one.rule, one.file) for one in report.findings if one.file.startswith("closed")] == []
    assert {one.file.split("/")[1] for one in report.findings} == {"Other"}


def test_a_loop_of_links_a_pipe_and_a_name_without_letters_end(closed_v6: Path, copy_of: Copy) -> None:
    tree = copy_of(closed_v6)
    (tree / OWNER / "src/loop").symlink_to(tree)
    os.mkfifo(tree / SINGLE / "extra.txt")
    (tree / SINGLE / "user.conf").unlink()
    os.mkfifo(tree / SINGLE / "user.conf")
    (tree / SINGLE / ACCURACY_LOG).unlink()
    os.mkfifo(tree / SINGLE / ACCURACY_LOG)
    os.close(os.open(os.fsencode(tree / OWNER / "src") + b"/\xff.py", os.O_CREAT))
    report = check_tree(tree)
    assert {one.rule for one in report.findings} == {"accuracy-files", "link", "user-conf"}
    json.dumps([one.file for one in report.findings]).encode()


def test_a_tree_deeper_than_any_stack_is_looked_at(closed_v6: Path, copy_of: Copy) -> None:
    tree = copy_of(closed_v6)
    top = tree / OWNER / "src/deep"
    top.mkdir()
    inside = os.open(top, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d", dir_fd=inside)
        above, inside = inside, os.open("d", os.O_RDONLY, dir_fd=inside)
        os.close(above)
    os.close(os.open("file.py", os.O_CREAT, dir_fd=inside))
    os.close(inside)
    try:
        assert check_tree(tree).findings == ()
    finally:
        # Python's own would not come to its end.
        subprocess.run(["rm", "-rf", top], check=True)


def test_the_command_prints_findings_with_a_fix_and_json(
    closed_v6: Path, copy_of: Copy, call: Callable[..., Any]
) -> None:
    tree = copy_of(closed_v6)
    assert call("check", tree).returncode == 0
    _log(tree / SINGLE / RUN_1, result_validity="INVALID")
    done = call("check", tree, "--suite", "inference", "--rules", "v6.1")
    assert done.returncode == 1
    assert "validity: is not VALID by LoadGen's verdict (INVALID)" in done.stdout
    assert "fix: run again" in done.stdout
    found = json.loads(call("check", tree, "--json").stdout)
    assert (found["errors"], found["findings"][0]["rule"]) == (1, "validity")
    assert call("check", tree, "--suite", "tiny", "--rules", "inference-v6.1").returncode == 2
    assert (
        "its folders look like a tree of inference: --suite inference" in call("check", tree, "--suite", "tiny").stdout
    )
    assert call("check", tree / "closed").returncode == 2
