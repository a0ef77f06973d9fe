"""`prepare`: its two meanings kept apart, and samples prepared ahead, which a run then takes. Layouts: `tests/harness/zoo`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "name a data set to lay out, or with --task a benchmark"),
        (["imagenet_val", "--task", "kws"], "name a data set to lay out, or with --task a benchmark"),
        (["--task", "kws", "--from", "x.tar"], "--from is of a data set to lay out, not of --task"),
        (["imagenet_val", "--dispatch", "ray"], "--dispatch goes with --task, not with a data set to lay out"),
        (["imagenet_val", "--set", "dataset.count=3"], "--set goes with --task"),
    ],
)
def test_what_is_of_the_other_meaning_is_refused(words: list[str], says: str, call: Cli) -> None:
    done = call("prepare", *words)
    assert done.returncode == 2
    assert says in done.stderr


def test_samples_prepared_ahead_are_what_a_run_takes(
    adds_model: Path, make_picture_data: Callable[[int], Path], cli: Cli, tmp_path: Path
) -> None:
    given = ["--task", "mobilenet_edgetpu", "--model", adds_model, "--dataset", make_picture_data(40)]
    env = {"TFLITE_LOADGEN_CACHE": str(tmp_path / "cache")}
    first, again = (cli("prepare", *given, "--json", env=env) for _ in range(2))
    assert first.returncode == 0, first.stderr
    told, found = json.loads(first.stdout), json.loads(again.stdout)
    assert (told["samples"], told["were_here"], found["were_here"]) == (40, False, True)
    assert {**told, "were_here": True} == found
    entry = Path(told["folder"])
    done = cli("run", *given, "--mode", "accuracy", "--out", tmp_path / "run", env=env)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "cache" / "samples").iterdir()) == [entry], "it kept no samples of its own"
    # What they were made of is known as if the run had read them.
    assert '"sha256":null' not in (tmp_path / "run" / "samples.json").read_text(encoding="utf-8").replace(" ", "")


def test_a_set_whose_truth_an_accuracy_run_refuses_is_prepared_with_a_word_and_refused_where_the_truth_is_named(
    adds_model: Path, make_picture_data: Callable[[int], Path], cli: Cli, tmp_path: Path
) -> None:
    data = make_picture_data(4)
    (data / "labels.csv").write_text("file,label\npicture_0000.jpg,5000\n")
    given = ["prepare", "--task", "mobilenet_edgetpu", "--model", adds_model, "--dataset", data]
    env = {"TFLITE_LOADGEN_CACHE": str(tmp_path / "cache")}
    done = cli(*given, env=env)
    assert done.returncode == 0, done.stderr
    assert "note: an accuracy run of this set is refused: " in done.stdout
    assert "the label 5000 is out of range" in done.stdout
    done = cli(*given, "--truth", data / "labels.csv", env=env)
    assert done.returncode == 2
    assert "the label 5000 is out of range" in done.stderr


def test_samples_that_are_never_kept_are_refused(keywords: list[str], call: Cli) -> None:
    done = call("prepare", *keywords[:6])
    assert done.returncode == 2
    assert "are never kept" in done.stderr
