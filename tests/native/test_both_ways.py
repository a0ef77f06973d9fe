"""Whole runs with the timed path in C and in Python: the same answers, and the result says which it was."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import native
from accuracy.answers.log import read_answers
from native import SWITCH

KEYWORD_FILES = 40
Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.skipif(native.timed_path is None, reason=f"the timed path in C is not here: {native.why_not}")
@pytest.mark.parametrize("scenario", ["SingleStream", "Offline"])
def test_a_run_logs_the_same_answers_from_c_and_from_python(
    scenario: str, cli: Cli, keyword_model: Path, keyword_data: Path, tmp_path: Path
) -> None:
    results: dict[str, Any] = {}
    answers: dict[str, Any] = {}
    for switch in ("on", "off"):
        out = tmp_path / switch
        words = ("--task", "kws", "--scenario", scenario, "--mode", "accuracy", "--model", keyword_model)
        done = cli(*words, "--dataset", keyword_data, "--out", out, "--json", env={SWITCH: switch})
        assert done.returncode == 0, done.stderr
        results[switch] = json.loads(done.stdout)
        answers[switch] = sorted(read_answers(out / "mlperf_log_accuracy.json", KEYWORD_FILES))
    assert answers["on"] == answers["off"]
    assert results["on"]["accuracy"] == results["off"]["accuracy"]
    assert [results[switch]["backend"]["native"] for switch in ("on", "off")] == [True, False]


@pytest.mark.skipif(native.timed_path is None, reason=f"the timed path in C is not here: {native.why_not}")
def test_what_was_compiled_from_another_source_is_left_alone(tmp_path: Path) -> None:
    here = shutil.copytree(Path(native.__file__).parent, tmp_path / "native")
    code = "import sys; sys.path.insert(0, '.'); import native; print(native.timed_path is None, native.why_not)"
    said = []
    for change in ("", "/* another */"):
        with (here / "timed_path.c").open("a", encoding="utf-8") as source:
            source.write(change)
        done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
        said.append(done.stdout)
    assert said == ["False \n", "True timed_path.c has changed since it was compiled: ./run.sh install native\n"]


def test_doctor_says_why_the_timed_path_is_in_python_and_what_to_do(cli: Cli) -> None:
    done = cli("doctor", env={SWITCH: "off"})
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("native ")]
    assert f"in Python, half a microsecond a query slower: {SWITCH} is off" in line
