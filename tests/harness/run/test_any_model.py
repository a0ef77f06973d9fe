"""Any model through the whole command: what is fed, what it is held against, what the result says."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.config.files import find_benchmark, read_config
from harness.tuning.session import TuningSearch

Process = subprocess.CompletedProcess[str]
Call = Callable[..., Process]
Result = Mapping[str, Any]


@pytest.fixture(scope="module")
def two_sided(write_model: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """a float [1, 4] and b int32 [1, 2] -> ln(a), NaN below 0, and -b."""
    return write_model(
        tmp_path_factory.mktemp("models") / "two_sided.tflite",
        [
            ("a", [1, 4], "FLOAT32"),
            ("b", [1, 2], "INT32"),
            ("log:0", [1, 4], "FLOAT32"),
            ("minus", [1, 2], "INT32"),
        ],
        [("LOG", [0], [2]), ("NEG", [1], [3])],
        [0, 1],
        [2, 3],
    )


@pytest.fixture
def arrays(tmp_path: Path) -> Path:
    """Three samples for `two_sided`, and what it should answer."""
    random = np.random.default_rng(1)
    for name in ("inputs", "outputs"):
        (tmp_path / "arrays" / name).mkdir(parents=True)
    for place in range(3):
        a, b = random.uniform(1, 2, (1, 4)).astype(np.float32), random.integers(-9, 9, (1, 2), np.int32)
        np.savez(tmp_path / "arrays" / "inputs" / f"{place}.npz", a=a, b=b)
        expected: dict[str, Any] = {"log:0": np.log(a), "minus": -b}
        np.savez(tmp_path / "arrays" / "outputs" / f"{place}.npz", **expected)
    return tmp_path / "arrays"


def test_a_model_alone_is_timed_on_random_inputs_and_the_result_says_what_was_fed(
    call: Call, two_sided: Path, short: list[str], tmp_path: Path, read_result: Callable[[Path], Result]
) -> None:
    out = tmp_path / "run"
    done = call("--model", two_sided, "--input-range", "a=1,2", "--count", "4", *short, "--out", out)
    assert done.returncode == 0, done.stderr
    result = read_result(out)
    fed = "random, seed 20240229: a: float32 [1, 4] 1 to 2; b: int32 [1, 2] 0 to 99"
    assert (result["task"], result["title"]) == ("tensors", "Tensors: two_sided on random inputs")
    assert (result["dataset"]["source"], result["dataset"]["count"], result["dataset"]["fed"]) == ("builtin", 4, fed)
    assert result["options"]["input_ranges"] == {"a": [1, 2]}
    assert (result["accuracy"], result["preset"]) == (None, "quick")
    assert f"fed                 {fed}"[:60] in done.stdout


def test_answers_are_held_against_the_truth_beside_the_data_output_by_output(
    call: Call, two_sided: Path, arrays: Path, tmp_path: Path, read_result: Callable[[Path], Result]
) -> None:
    out, asked = tmp_path / "run", ["--require", "snr_db>=100", "--require", "max_error.minus:max=0"]
    done = call("--model", two_sided, "--dataset", arrays, "--mode", "accuracy", *asked, "--out", out)
    assert done.returncode == 0, done.stderr
    accuracy = read_result(out)["accuracy"]
    assert accuracy["max_error.minus"]["value"] == 0
    assert accuracy["equal_share.minus"]["value"] == 1
    assert 0 <= accuracy["max_error.log:0"]["value"] < 1e-6
    assert accuracy["snr_db"]["value"] == accuracy["snr_db.log:0"]["value"] > 100
    # The same again from the log alone; a truth that has changed since is refused.
    assert call("score", out, "--require", "max_error.log:0<=1e-9").returncode == 1
    np.savez(arrays / "outputs" / "1.npz", minus=np.ones((1, 2), np.int32))
    again = call("score", out)
    assert (again.returncode, "outputs/1.npz has changed" in again.stderr) == (2, True)


def test_a_broken_output_misses_what_is_asked_of_it_and_is_counted_and_said(
    call: Call, two_sided: Path, tmp_path: Path, read_result: Callable[[Path], Result]
) -> None:
    # Half of the random numbers are below 0, of which there is no logarithm: NaN on either side is no difference.
    out = tmp_path / "same"
    words = ["--model", two_sided, "--mode", "accuracy", "--count", "2"]
    assert call(*words, "--reference-backend", "cpu:xnnpack=false", "--out", out).returncode == 0
    result = read_result(out)
    assert result["accuracy"]["not_finite"]["value"] == 0
    assert result["reference"]["backend"] == "cpu:xnnpack=false"
    assert "they stand where they are expected" in result["accuracy_card"]["notes"][0]
    assert any("of the first sample, output log:0 holds NaN" in warning for warning in result["warnings"])
    # What the reference answered moves with the run, and is held against what the run has read of it.
    moved = out.rename(tmp_path / "moved")
    assert json.loads(call("score", moved, "--json").stdout)["not_finite"] == 0
    (moved / "reference/000001.npz").write_bytes((moved / "reference/000000.npz").read_bytes())
    assert "reference/000001.npz has changed" in call("score", moved).stderr
    # Zeros where there is NaN: no figure hides it.
    truth = tmp_path / "truth"
    truth.mkdir()
    for place in range(2):
        expected: dict[str, Any] = {"log:0": np.zeros((1, 4))}
        np.savez(truth / f"{place:06}.npz", **expected)
    out = tmp_path / "broken"
    done = call(*words, "--truth", truth, "--require", "max_error<=1000", "--out", out)
    assert done.returncode == 1
    result = read_result(out)
    assert result["accuracy"]["not_finite"]["value"] > 0
    assert "max_error" not in result["accuracy"]
    assert "NaN" in " ".join(result["warnings"])
    assert result["requirements"][0]["passed"] is False


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--model", "lstmm"], "unknown model 'lstmm'; did you mean 'lstm'"),
        (["--mode", "accuracy"], "random inputs have no ground truth, so there is no accuracy"),
        (
            ["--mode", "accuracy", "--reference-backend", "cpu", "--require", "max_error.log:1<=1"],
            "unknown output of the model 'log:1'; did you mean 'log:0'",
        ),
        (["--require", "max_eror<=1"], "did you mean 'max_error'"),
        (["--input-range", "c=0,1"], "a range is stated for input 'c', which the model does not have"),
        (["--input-range", "a=0"], "write it as NAME=LO,HI"),
        (["--signature", "encode"], "has no signature 'encode'"),
        (["--task", "kws", "--reference-backend", "cpu"], "is scored by a ground truth of its own"),
        (["--truth", ".", "--reference-backend", "cpu"], "leave out one of them"),
        (["--reference-backend", "gpuu"], "unknown backend 'gpuu'; did you mean 'gpu'"),
        (["--set", "dataset.metrics=[angle]"], "no installed package brings a metric 'angle'"),
        (["--set", "dataset.seeds=3"], "did you mean 'seed'"),
    ],
)
def test_a_mistake_is_refused_before_anything_runs(
    words: list[str], why: str, call: Call, two_sided: Path, complaint: Callable[[Process], str]
) -> None:
    given = [] if "--model" in words else ["--model", str(two_sided)]
    done = call(*given, *words)
    assert done.returncode == 2
    assert why in complaint(done).replace("\n", " ")


def test_a_command_that_names_neither_a_task_nor_a_model_says_so(
    call: Call, complaint: Callable[[Process], str]
) -> None:
    for words in (["--scenario", "Offline"], ["tune", "--scenario", "Offline"]):
        done = call(*words)
        assert done.returncode == 2
        assert "name a task with --task (./run.sh list names all), or any model with --model FILE" in complaint(done)


@pytest.mark.parametrize("scenario", ["MultiStream", "Offline", "Server"])
def test_texts_and_narrow_integers_are_asked_in_every_scenario(
    scenario: str,
    call: Call,
    write_model: Callable[..., Path],
    short: list[str],
    tmp_path: Path,
    read_result: Callable[[Path], Result],
) -> None:
    model = write_model(
        tmp_path / "m.tflite",
        [("words", [1, 3], "STRING"), ("x", [1, 4], "INT4"), ("row", [3], "STRING"), ("y", [4], "INT4")],
        [("SQUEEZE", [0], [2]), ("SQUEEZE", [1], [3])],
        [0, 1],
        [2, 3],
    )
    out, load = tmp_path / "run", ["--scenario", scenario, "--set", "load.min_query_count=700"]
    done = call("--model", model, "--backend", "cpu:xnnpack=false", *short, *load, "--out", out)
    # So short a run may be too few queries for LoadGen to call it valid on a busy machine; none of them fails.
    assert done.returncode in (0, 1), done.stderr
    result = read_result(out)
    assert result["dataset"]["fed"].endswith("words: text [1, 3] words; x: int8 [1, 4] -8 to 7")
    assert result["performance"]["sample_count"] >= 64
    assert result["backend"]["workers"] == ("inline" if scenario == "MultiStream" else "threads")
    assert result["parity"]["passed"] is True


def test_tune_searches_on_the_random_inputs_that_a_run_has(two_sided: Path, tmp_path: Path) -> None:
    overrides = [("model.use", str(two_sided)), ("dataset.input_ranges", {"a": [1, 2]})]
    config = read_config(find_benchmark("tensors"))
    spec = TuningSearch(config, overrides, tmp_path, budget_s=60, fp16=False, say=print).spec
    assert (spec.task, spec.dataset.name, spec.options["input_ranges"]) == ("tensors", "random inputs", {"a": (1, 2)})


def test_a_model_that_breaks_on_random_numbers_is_refused_with_how_to_state_their_range(
    call: Call, write_model: Callable[..., Path], tmp_path: Path, complaint: Callable[[Process], str]
) -> None:
    tensors = [("table", [10, 2], "FLOAT32"), ("ids", [1, 3], "INT32"), ("rows", [1, 3, 2], "FLOAT32")]
    model = write_model(tmp_path / "gather.tflite", tensors, [("GATHER", [0, 1], [2])], [0, 1], [2])
    done = call("--model", model)
    assert done.returncode == 2
    said = complaint(done)
    assert "gather index out of bounds" in said
    assert "say which there are: --input-range NAME=LO,HI" in said
    words = ["--mode", "accuracy", "--reference-backend", "cpu:xnnpack=false"]
    assert call("--model", model, *words, "--input-range", "ids=0,9").returncode == 0
    assert "the reference" in complaint(call("--model", model, *words))
