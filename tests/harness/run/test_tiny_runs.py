"""Whole runs of tiny tasks: the repaired person detector names its repair, a stream has its duty cycle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def test_the_person_detector_runs_where_its_repair_is_asked_for_and_the_result_names_it(
    zoo: Path, call: Callable[..., Any], tmp_path: Path, read_result: Callable[[Path], dict[str, Any]]
) -> None:
    words = [
        "--task",
        "vww",
        "--model",
        zoo / "models/tflite_micro/person_detect.tflite",
        "--mode",
        "accuracy",
        "--count",
        "4",
    ]
    done = call(*words, "--out", tmp_path / "refused")
    assert done.returncode == 2
    assert "--set model.repair=quantized_dimension" in done.stderr
    done = call(*words, "--set", "model.repair=quantized_dimension", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert read_result(tmp_path / "run")["model"]["modified"].startswith(
        "repaired as asked: the quantized_dimension of 14"
    )
    assert "repaired as asked" in done.stdout


def test_a_stream_has_a_duty_cycle_in_single_stream(
    call: Callable[..., Any], short: list[str], tmp_path: Path, read_result: Callable[[Path], dict[str, Any]]
) -> None:
    done = call("--task", "sww", *short, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    figures = read_result(tmp_path / "run")["performance"]
    assert figures["duty_cycle"] == pytest.approx(figures["latency_ns"]["mean"] / 32e6)
    assert "duty_cycle" in figures["derived"]
    assert "duty cycle" in done.stdout
