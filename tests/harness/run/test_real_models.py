"""Published figures, through the whole of the command line, on real models and data."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.results.verdict.warnings import too_short

Cli = Callable[..., subprocess.CompletedProcess[str]]
Read = Callable[[Path], dict[str, Any]]


def accuracy(read_result: Read, folder: Path) -> dict[str, float]:
    return {name: found["value"] for name, found in read_result(folder)["accuracy"].items()}


def rescored(call: Cli, folder: Path) -> dict[str, float]:
    done = call("score", folder, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, float] = json.loads(done.stdout)
    return found


def with_truth(folder: Path, twin: Path, truth: Path) -> Path:
    """The same run with another ground truth."""
    shutil.copytree(folder, twin)
    # The run itself is held to the ground truth that it had.
    (twin / "samples.json").unlink()
    spec = yaml.safe_load((twin / "spec.yaml").read_text(encoding="utf-8"))
    spec["dataset"]["truth"] = str(truth)
    (twin / "spec.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")
    return twin


def shift(source: Path, target: Path, column: int, *, header: bool) -> None:
    """The labels of every sample moved on by one sample, and with them the names that stand behind them."""
    with source.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    head, body = (rows[:1], rows[1:]) if header else ([], rows)
    labels = [row[column:] for row in body]
    for row, label in zip(body, [*labels[1:], labels[0]], strict=True):
        row[column:] = label
    with target.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([*head, *body])


def test_mobilenet_edgetpu_has_its_published_top1_and_score_says_the_same(
    zoo: Path, call: Cli, tmp_path: Path, read_result: Read
) -> None:
    data = zoo / "datasets" / "imagenet_sample"
    model = zoo / "models" / "mlperf_mobile" / "mobilenet_edgetpu_224_1.0_uint8.tflite"
    words = ["--task", "mobilenet_edgetpu", "--model", model, "--dataset", data]
    done = call(*words, "--profile", "pillow", "--mode", "accuracy", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    found = accuracy(read_result, tmp_path / "run")
    assert found["top1"] == pytest.approx(0.897, abs=0.005)
    # 0.9912 by the file as it is, whose shapes are not completed: XNNPACK rounds otherwise.
    assert found["top5"] == pytest.approx(0.9824, abs=0.005)
    assert read_result(tmp_path / "run")["model"]["source"] == "official"
    assert rescored(call, tmp_path / "run") == found

    (labels,) = [path for path in data.iterdir() if path.name == "labels.csv"]
    with labels.open(encoding="utf-8", newline="") as file:
        column = next(csv.reader(file)).index("class_index_1000")
    shift(labels, tmp_path / "shifted.csv", column, header=True)
    twin = rescored(call, with_truth(tmp_path / "run", tmp_path / "twin", tmp_path / "shifted.csv"))
    assert twin["top1"] < 0.05

    # The pictures are prepared by now; the next run takes them from the cache.
    words = [*words, "--profile", "pillow", "--set", "load.min_duration_ms=0", "--set", "load.min_query_count=70"]
    done = call(*words, "--out", tmp_path / "timed")
    assert done.returncode == 0, done.stdout
    assert read_result(tmp_path / "timed")["performance"]["early_stopping_latency_ns"] > 0


def test_keyword_spotting_has_its_measured_top1_and_score_says_the_same(
    zoo: Path, call: Cli, tmp_path: Path, read_result: Read
) -> None:
    data = zoo / "datasets" / "kws01"
    model = zoo / "models" / "mlperf_tiny" / "kws_ref_model_int8.tflite"
    words = ["--task", "kws", "--model", model, "--dataset", data, "--mode", "accuracy", "--scenario", "Offline"]
    done = call(*words, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    found = accuracy(read_result, tmp_path / "run")
    assert found == {"top1": 0.898}
    assert rescored(call, tmp_path / "run") == found
    shift(data / "y_labels.csv", tmp_path / "shifted.csv", 2, header=False)
    twin = rescored(call, with_truth(tmp_path / "run", tmp_path / "twin", tmp_path / "shifted.csv"))
    assert twin["top1"] < 0.3


def test_mobilebert_answers_mlperfs_questions_to_their_end_and_score_says_the_same(
    zoo: Path, call: Cli, tmp_path: Path, read_result: Read
) -> None:
    """The model is a stand-in, so its F1 says nothing; that it is the same figure twice says that the log is whole."""
    data = next((zoo / "datasets").rglob("squad_eval_mini.tfrecord"))
    truth = next((zoo / "datasets").rglob("squad_groundtruth.tfrecord"))
    words = ["--task", "mobilebert", "--model", "standin", "--dataset", data, "--truth", truth, "--mode", "accuracy"]
    done = call(*words, "--count", "20", "--scenario", "Offline", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    result = read_result(tmp_path / "run")
    assert result["model"]["source"] == "standin"
    assert result["dataset"]["count"] == 20
    assert "a stand-in: its speed is the architecture's" in done.stdout
    found = accuracy(read_result, tmp_path / "run")
    assert {"f1", "exact_match", "f1_mobile"} <= set(found)
    assert rescored(call, tmp_path / "run") == found


def test_the_main_job_needs_nothing_but_its_name(call: Cli, tmp_path: Path, read_result: Read) -> None:
    """No model, no data: a stand-in of the architecture and a set of our own, both named as what they are."""
    words = ["--task", "mobilebert", "--scenario", "SingleStream", "--preset", "quick", "--threads", "1"]
    settings = ["--set", "load.min_duration_ms=0", "--set", "load.min_query_count=64", "--set", "load.warm_up_s=0"]
    done = call(*words, *settings, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stdout
    result = read_result(tmp_path / "run")
    assert result["status"] == "valid"
    assert result["model"]["source"] == "standin"
    assert result["dataset"]["source"] == "builtin"
    assert result["dataset"]["count"] >= 100
    assert "a stand-in: its speed is the architecture's" in done.stdout
    assert "fetch" in done.stderr


def test_a_rapid_run_of_a_real_model_is_valid_with_nothing_else_said(
    zoo: Path, call: Cli, tmp_path: Path, read_result: Read
) -> None:
    model = zoo / "models" / "mlperf_mobile" / "mobilenet_edgetpu_224_1.0_uint8.tflite"
    words = ["--task", "mobilenet_edgetpu", "--model", model, "--dataset", zoo / "datasets" / "imagenet_sample"]
    # The calibration alone would do on a quiet machine.
    settings = ["--preset", "rapid", "--set", "load.expected_latency_ns=1000000"]
    done = call(*words, *settings, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stdout
    result = read_result(tmp_path / "run")
    figures = result["performance"]
    assert figures["query_count"] >= 64
    assert figures["duration_s"] >= 6
    # A slow machine asks few queries in 6 s; other work may make the run unstable, which is said below.
    said = too_short("SingleStream", figures["duration_s"], figures["query_count"])
    assert (result["status"], result["warnings"], result["reasons"]) == ("valid", said, [])
    assert any(line == "VALID" or line.startswith("VALID, unstable") for line in done.stdout.splitlines())
