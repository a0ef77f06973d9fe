"""A model that XNNPACK takes down, by every verb that opens it: the reason is kept, and what it does without is said."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.graphs import of_one_state

Cli = Callable[..., subprocess.CompletedProcess[str]]
Aborting = Callable[[str], dict[str, str]]
REASON = "killed by SIGABRT: XNNPACK: assertion failed: a stride of 0"
REMEDY = "The model runs without XNNPACK: use --backend cpu:xnnpack=false"
FOR_THE_REFERENCE = "The reference runs without XNNPACK: use --reference builtin"
VERBS = (
    ("bench", "MODEL", "--num_runs=1"),
    ("profile", "MODEL", "--num_runs=1"),
    ("compare", "--live", "MODEL", "MODEL@cpu:xnnpack=false", "--max-regression", "p50=2%", "--budget", "1s"),
    ("diff", "MODEL"),
)


def words(verb: tuple[str, ...], model: Path) -> list[str]:
    return [word.replace("MODEL", str(model)) for word in verb]


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
def test_the_option_without_which_it_runs_is_said(
    call: Cli, verb: tuple[str, ...], keyword_model: Path, aborting: Aborting
) -> None:
    done = call(*words(verb, keyword_model), env=aborting("runs"))
    assert done.returncode == 2
    assert REASON in done.stderr
    assert REMEDY in done.stderr
    assert (FOR_THE_REFERENCE in done.stderr) is (verb[0] == "diff")


@pytest.mark.parametrize(
    ("without", "said"),
    [("runs", REMEDY), ("refuses", "Nor does the model run without XNNPACK: the kernels refuse it")],
)
def test_inspect_says_that_it_does_not_load_and_what_it_does_without(
    without: str, said: str, call: Cli, keyword_model: Path, aborting: Aborting
) -> None:
    done = call("inspect", keyword_model, env=aborting(without))
    assert done.returncode == 0, done.stderr
    assert "loads      no: its process was " in done.stdout
    assert REASON in done.stdout
    assert said in done.stdout


def test_that_it_does_not_run_without_either_is_said_with_why(
    call: Cli, keyword_model: Path, aborting: Aborting
) -> None:
    done = call("bench", keyword_model, "--num_runs=1", env=aborting("refuses"))
    assert done.returncode == 3
    assert REASON in done.stderr
    assert "Nor does the model run without XNNPACK: the kernels refuse it" in done.stderr


def test_a_reference_alone_that_aborts_is_the_one_that_is_said(
    call: Cli, keyword_model: Path, aborting: Aborting
) -> None:
    done = call("diff", keyword_model, "--backend", "cpu:xnnpack=false", env=aborting("runs"))
    assert done.returncode == 2
    assert REASON in done.stderr
    assert FOR_THE_REFERENCE in done.stderr
    assert REMEDY not in done.stderr


def test_the_reference_of_a_run_that_aborts_is_said_with_its_own_option(
    call: Cli, keyword_model: Path, aborting: Aborting, tmp_path: Path
) -> None:
    asked = ("--model", keyword_model, "--mode", "accuracy", "--reference-model", keyword_model, "--count", "2")
    without = ("--backend", "cpu:xnnpack=false")
    done = call(*asked, *without, "--out", tmp_path / "run", env=aborting("runs"))
    assert done.returncode == 2
    assert REASON in done.stderr
    assert "The reference runs without XNNPACK: use --reference-backend cpu:xnnpack=false" in done.stderr


def test_a_conversion_says_it(call: Cli, aborting: Aborting, tmp_path: Path) -> None:
    pytest.importorskip("litert_quantizer", reason="the extra is not here: ./run.sh install convert")
    model = of_one_state(tmp_path / "m.tflite", "a variable tensor")
    words = ("convert", model, "-o", tmp_path / "made", "--to=int8", "--task=tensors", "--only-convert")
    done = call(*words, env=aborting("runs"))
    assert done.returncode == 2, done.stderr
    assert REASON in done.stderr
    assert REMEDY in done.stderr


def test_a_search_says_it(
    call: Cli, keyword_model: Path, keyword_data: Path, aborting: Aborting, tmp_path: Path
) -> None:
    asked = ("tune", "--task", "kws", "--model", keyword_model, "--dataset", keyword_data, "--budget", "5s")
    done = call(*asked, "--out", tmp_path / "best.yaml", env=aborting("runs"))
    assert done.returncode == 2
    assert REASON in done.stderr
    assert REMEDY in done.stderr


def test_models_side_by_side_each_say_it(
    call: Cli,
    keyword_model: Path,
    flexible_keyword_model: Path,
    keyword_data: Path,
    aborting: Aborting,
    tmp_path: Path,
) -> None:
    asked = (
        "compare-models",
        keyword_model,
        flexible_keyword_model,
        "--task",
        "kws",
        "--dataset",
        keyword_data,
        "--count",
        "4",
    )
    done = call(*asked, "--out", tmp_path / "found", env=aborting("runs"))
    assert done.returncode == 2
    # Of the runs that score them, and of what would have timed them.
    assert done.stderr.count(f"\n{REMEDY}") == 2
    assert done.stderr.count(f". {REMEDY}") == 2
