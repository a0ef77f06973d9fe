"""`bench` and `profile` on a board: what they print comes back."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.harness.remote.conftest import LAUNCHER, NAME, Board

Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.ssh
def test_a_model_is_timed_on_a_board_under_its_own_name_and_what_is_wrong_with_it_ends_as_here(
    call: Call, reached: Board, keyword_model: Path, tmp_path: Path
) -> None:
    model = tmp_path / "-it's \u00fc; \u20ac $(model)\n.tflite"
    shutil.copy(keyword_model, model)
    words = ("--num_runs", "2", "--min_secs", "0.01", "--warmup_min_secs", "0.01", "--target", reached.target())
    # One whose names are not in UTF-8, where such a locale can be made.
    subprocess.run(
        ["localedef", "-i", "de_DE", "-f", "ISO-8859-1", tmp_path / "de_DE"], capture_output=True, check=False
    )
    language = f"export LOCPATH='{tmp_path}' LC_ALL=de_DE\nexec"
    with reached.other_python(LAUNCHER.replace("exec", language, 1)):
        done = call("bench", model, *words, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["target"], found["rows"][0]["path"]) == (reached.target(), str(model))
    assert found["rows"][0]["found"]["latency"]["mean"] > 0
    broken = call("bench", model, "--backend", "nosuch", *words)
    assert (broken.returncode, broken.stdout) == (2, "")
    assert "unknown backend 'nosuch'" in broken.stderr


@pytest.mark.ssh
def test_a_model_is_named_as_here_and_a_command_that_lost_its_terminal_is_picked_up(
    start: Callable[..., Any], call: Call, reached: Board, keyword_model: Path, eventually: Callable[..., None]
) -> None:
    words = ("--num_runs", "1", "--min_secs", "0", "--max_secs", "1", "--json", "--target", reached.target())
    jobs = reached.folder / NAME / "jobs"
    names: list[str] = []
    # One that is through before it is killed has left nothing to pick up: then another.
    while not names:
        process = start("bench", "kws", keyword_model, *words, env={"PATH": os.environ["PATH"]})
        eventually(lambda on=process: on.poll() is not None or any(jobs.glob("*/process.json")), "it has begun there")
        process.kill()
        _, said = process.communicate()
        assert process.returncode in (0, -signal.SIGKILL), said
        names = [each.name for each in jobs.iterdir()]
    (name,) = names
    done = call("--attach", name, "--json", "--target", reached.target())
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [row["source"] for row in found["rows"]] == ["standin", "file"]
    assert found["target"] == reached.target()
    assert not any(jobs.iterdir())


@pytest.mark.ssh
def test_both_sides_of_a_difference_run_there(call: Call, reached: Board, keyword_model: Path) -> None:
    words = ("--num_runs", "2", "--reference", "builtin", "--target", reached.target())
    done = call("diff", keyword_model, "--reference-model", keyword_model, *words)
    assert (done.returncode, done.stderr.count("trying again")) == (0, 0), done.stderr
    assert done.stdout.startswith(f"{'device':20}{reached.target()}: ")
    assert str(keyword_model) in done.stdout or keyword_model.stem in done.stdout


def test_what_is_of_this_machine_or_of_a_phone_is_refused(call: Call, keyword_model: Path) -> None:
    there = ("--target", "ssh://board")
    for words, message in (
        (("--taskset", "f0"), "--taskset is of --target adb:SERIAL alone"),
        (("--format", "csv=x.csv"), "--format with a file"),
        (("--input_layer_value_files", "a:x"), "values of inputs go along by --input-file"),
        (("--backend", "external:./libmine.so"), "lies on the device"),
    ):
        done = call("bench", keyword_model, *there, *words)
        assert (done.returncode, message in done.stderr) == (2, True)
    assert "--trace names a file of this machine" in call("profile", keyword_model, *there, "--trace", "t").stderr
    assert "unknown model 'nosuch'" in call("bench", "nosuch", *there).stderr
    assert "no model file at ./none.tflite" in call("diff", "./none.tflite", *there).stderr
