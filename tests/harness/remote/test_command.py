"""`bench` and `profile` on a board: what they print comes back."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness.remote.conftest import Board

Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.ssh
def test_a_model_is_timed_on_a_board_under_its_own_name_and_what_is_wrong_with_it_ends_as_here(
    call: Call, reached: Board, keyword_model: Path, tmp_path: Path
) -> None:
    model = tmp_path / "it's a; $(model).tflite"
    shutil.copy(keyword_model, model)
    words = ("--num_runs", "2", "--min_secs", "0.01", "--warmup_min_secs", "0.01", "--target", reached.target())
    done = call("bench", model, *words, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert (found["target"], found["rows"][0]["path"]) == (reached.target(), str(model))
    assert found["rows"][0]["found"]["latency"]["mean"] > 0
    broken = call("bench", model, "--backend", "nosuch", *words)
    assert (broken.returncode, broken.stdout) == (2, "")
    assert "unknown backend 'nosuch'" in broken.stderr.splitlines()[-1]


def test_what_is_of_this_machine_or_of_a_phone_is_refused(call: Call, keyword_model: Path) -> None:
    there = ("--target", "ssh://board")
    for words, message in (
        (("--taskset", "f0"), "--taskset is of --target adb:SERIAL alone"),
        (("--format", "csv=x.csv"), "--format with a file"),
    ):
        done = call("bench", keyword_model, *there, *words)
        assert (done.returncode, message in done.stderr) == (2, True)
    assert "--trace names a file of this machine" in call("profile", keyword_model, *there, "--trace", "t").stderr
    assert "no file at mobilenet" in call("bench", "mobilenet", *there).stderr
