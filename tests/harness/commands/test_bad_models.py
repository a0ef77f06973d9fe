"""What the command line says of models it cannot use: one message, the exit status, no result."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., subprocess.CompletedProcess[str]]
Complaint = Callable[[subprocess.CompletedProcess[str]], str]
Read = Callable[[Path], dict[str, Any]]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is not a TFLite model"),
        (b"<!DOCTYPE html><title>404</title>", "is not a TFLite model"),
        (b"\x1c\0\0\0TFL3", "the runtime refuses"),
        (b"\x1c\0\0\0TFL3" + bytes(5000), "the runtime refuses"),
    ],
)
def test_a_file_that_is_no_model_is_refused(
    content: bytes,
    says: str,
    call: Cli,
    keywords: list[str],
    tmp_path: Path,
    complaint: Complaint,
    read_result: Read,
) -> None:
    model = tmp_path / "model.tflite"
    model.write_bytes(content)
    words = [str(model) if word.endswith(".tflite") else word for word in keywords]
    done = call(*words, "--out", tmp_path / "run")
    assert done.returncode == 2
    assert says in complaint(done)
    assert str(model) in complaint(done)
    result = read_result(tmp_path / "run")
    assert result["status"] == "failed"
    assert [reason["figure"] for reason in result["reasons"]] == [""]
    again = call(*words, "--out", tmp_path / "again", "--json")
    assert again.returncode == 2
    assert says in again.stderr
    assert json.loads(again.stdout) == read_result(tmp_path / "again")
    # The directory's result is another run's.
    taken = call(*words, "--out", tmp_path / "again", "--json")
    assert (taken.returncode, taken.stdout) == (2, "")


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_a_truncated_model_is_refused_wherever_it_is_cut(
    share: float, call: Cli, keyword_model: Path, keywords: list[str], tmp_path: Path, complaint: Complaint
) -> None:
    model = tmp_path / "cut.tflite"
    whole = keyword_model.read_bytes()
    model.write_bytes(whole[: int(share * len(whole))])
    words = [str(model) if word == str(keyword_model) else word for word in keywords]
    done = call(*words, "--out", tmp_path / "run")
    assert done.returncode == 2
    assert f"the runtime refuses {model}" in complaint(done)
    assert "cut" in complaint(done).replace(str(model), "")


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("/nowhere/model.tflite", "no model file at /nowhere/model.tflite"),
        ("/tmp", "no model file at /tmp"),
        ("edsr_f32b5_fp33", "unknown model 'edsr_f32b5_fp33'; did you mean 'edsr_f32b5_fp32'?"),
        ("edsr_f32b5_fp32", "model edsr_f32b5_fp32 is not here: ./run.sh fetch edsr_f32b5_fp32"),
        ("official", "no official model for EDSR"),
        ("standin", "no built-in stand-in for EDSR"),
        ("auto", "or give one with --model PATH"),
    ],
)
def test_a_missing_model_is_refused_and_says_where_it_would_go(
    model: str, says: str, call: Cli, keyword_data: Path, tmp_path: Path, complaint: Complaint
) -> None:
    done = call("--task", "edsr", "--model", model, "--dataset", keyword_data, cwd=tmp_path)
    assert done.returncode == 2
    assert says in complaint(done)
    # Not even an empty directory stays where the run's would have been.
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_does_not_fit_the_task_is_refused(
    call: Cli, picture_model: Path, keyword_data: Path, tmp_path: Path, complaint: Complaint, read_result: Read
) -> None:
    out = tmp_path / "run"
    done = call("--task", "kws", "--model", picture_model, "--dataset", keyword_data, "--out", out)
    assert done.returncode == 2
    assert complaint(done).startswith("input picture is float32 [1, 32, 32, 3], but keyword spotting needs")
    assert read_result(out)["status"] == "failed"
    assert read_result(out)["performance"] is None
