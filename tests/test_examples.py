"""The worked examples of the documents run as they stand there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
EXAMPLES = REPOSITORY / "docs/examples"
Process = subprocess.CompletedProcess[str]
Result = Mapping[str, Any]


def indented(document: Path, begins: str) -> str:
    """The indented piece of a document that begins with a line."""
    lines = document.read_text(encoding="utf-8").splitlines()
    first = next(place for place, line in enumerate(lines) if line.strip() == begins)
    indent = len(lines[first]) - len(lines[first].lstrip())
    piece = []
    for line in lines[first:]:
        if line.strip() and len(line) - len(line.lstrip()) < indent:
            break
        piece.append(line[indent:])
    return "\n".join(piece)


@pytest.mark.parametrize(
    ("document", "example"), [("tensors.md", "any_model/denoise.yaml"), ("own-task.md", "own_task/square.yaml")]
)
def test_a_document_shows_its_example_as_it_is(document: str, example: str) -> None:
    written = yaml.safe_load((EXAMPLES / example).read_text(encoding="utf-8"))
    shown = indented(REPOSITORY / "docs" / document, f"title: {written['title']}")
    assert yaml.safe_load(shown) == written


def test_a_benchmark_of_arrays_meets_its_targets_and_a_truth_that_is_off_misses_them(
    call: Callable[..., Process], tmp_path: Path, environment: dict[str, str], read_result: Callable[[Path], Result]
) -> None:
    shutil.copytree(EXAMPLES / "any_model", tmp_path / "example")
    subprocess.run([sys.executable, "make_arrays.py"], cwd=tmp_path / "example", env=environment, check=True)
    done = call("--task", "denoise.yaml", "--mode", "accuracy", "--out", tmp_path / "run", cwd=tmp_path / "example")
    assert done.returncode == 0, done.stderr
    result = read_result(tmp_path / "run")
    assert {one["requirement"]: one["passed"] for one in result["requirements"]} == {
        "max_error<=1e-05": True,
        "snr_db>=60": True,
    }
    assert result["dataset"]["fed"].startswith("8 .npz files: ")
    # The answers of one sample for those of another.
    outputs = tmp_path / "example/frames/outputs"
    shutil.copy(outputs / "001.npz", outputs / "000.npz")
    out = tmp_path / "off"
    assert call("--task", "denoise.yaml", "--mode", "accuracy", "--out", out, cwd=tmp_path / "example").returncode == 1
    assert [one["passed"] for one in read_result(out)["requirements"]] == [False, False]


@pytest.fixture
def own_environment(tmp_path: Path) -> Path:
    """An environment of its own, with what this one has and the example's package, built and installed as pip would."""
    folder = tmp_path / "venv"
    venv.create(folder, symlinks=True)
    (site,) = (folder / "lib").glob("python*/site-packages")
    (site / "host.pth").write_text(f"{REPOSITORY}\n{sysconfig.get_paths()['purelib']}\n", encoding="utf-8")
    package = shutil.copytree(EXAMPLES / "own_task", tmp_path / "package")
    build = "import hatchling.build; hatchling.build.build_wheel('.')"
    subprocess.run([sys.executable, "-c", build], cwd=package, check=True, capture_output=True)
    (wheel,) = package.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return folder


def test_a_package_brings_a_task_and_one_that_is_broken_is_named(
    own_environment: Path, write_model: Callable[..., Path], tmp_path: Path, environment: dict[str, str]
) -> None:
    example = tmp_path / "package"
    write_model(
        example / "square.tflite",
        [("x", [1, 1], "FLOAT32"), ("y", [1, 1], "FLOAT32")],
        [("SQUARE", [0], [1])],
        [0],
        [1],
    )
    env = {name: value for name, value in environment.items() if name != "PYTHONPATH"}

    def run(*words: str) -> Process:
        command = [str(own_environment / "bin/python"), "-P", "-m", "harness", *words]
        return subprocess.run(command, cwd=example, env=env, capture_output=True, text=True, check=False, timeout=600)

    done = run("--task", "square.yaml", "--mode", "accuracy", "--out", "run", "--require", "near>=1")
    assert done.returncode == 0, done.stderr
    result = json.loads((example / "run/result.json").read_text(encoding="utf-8"))
    assert result["accuracy"]["near"]["value"] == 1
    assert result["accuracy"]["mean_error"] == {"value": 0.0, "target": 0.001, "passed": True}
    assert result["options"] == {"inputs": 1, "near": 0.01}
    # By the name of its kind alone, without a file; and a name that is nearly that.
    by_name = ("--model", "square.tflite", "--dataset", "square.csv", "--mode", "accuracy", "--out", "named")
    done = run("--task", "table", *by_name, "--set", "dataset.near=0.01", "--require", "near>=1")
    assert done.returncode == 0, done.stderr
    named = json.loads((example / "named/result.json").read_text(encoding="utf-8"))
    assert (named["task"], named["accuracy"]["near"]["value"]) == ("table", 1)
    assert run("score", "named").returncode == 0
    wrong = run("--task", "tabel", *by_name)
    assert wrong.returncode == 2
    assert "unknown task 'tabel'; did you mean 'table'?" in wrong.stderr
    # The package's metric, with the task of any model.
    np.savez(example / "one.npz", x=np.array([[2.0]], np.float32))
    (example / "truth").mkdir()
    np.savez(example / "truth/one.npz", y=np.array([[4.05]], np.float32))
    (example / "data").mkdir()
    (example / "one.npz").rename(example / "data/one.npz")
    words = ("--model", "square.tflite", "--dataset", "data", "--truth", "truth", "--mode", "accuracy", "--out", "own")
    done = run(*words, "--set", "dataset.metrics=[share_near]", "--require", "share_near.y>=1")
    assert done.returncode == 0, done.stderr
    result = json.loads((example / "own/result.json").read_text(encoding="utf-8"))
    assert result["accuracy"]["share_near"]["value"] == 1
    assert result["requirements"][0] | {"source": ""} == {
        "requirement": "share_near.y>=1",
        "figure": "share_near.y",
        "value": 1.0,
        "comparison": ">=",
        "limit": 1.0,
        "margin": 0.0,
        "unit": "share",
        "passed": True,
        "source": "",
        "why": "",
    }
    # Broken from now on: it is named with its error, whoever asks, and nothing else suffers.
    (module,) = own_environment.rglob("table_task.py")
    module.write_text("import sundial\n", encoding="utf-8")
    broken = run("--task", "square.yaml", "--mode", "accuracy")
    assert broken.returncode == 2
    assert (
        "task 'table' cannot be loaded from table_task:Table: ModuleNotFoundError: No module named 'sundial'"
        in broken.stderr
    )
    assert "Traceback" not in broken.stderr
    listed = run("list")
    assert listed.returncode == 0
    assert "  table: not here: task 'table' cannot be loaded" in listed.stdout
    assert os.fspath(own_environment) not in listed.stderr


def test_a_network_trained_in_a_few_steps_is_quantised_and_scored_on_built_in_data(
    call: Callable[..., Any], tmp_path: Path
) -> None:
    pytest.importorskip("litert_quantizer", reason="the extra is not here: ./run.sh install convert")
    script, model = EXAMPLES / "training/train_words.py", tmp_path / "words.tflite"
    subprocess.run([sys.executable, script, model, "--steps=150"], check=True, cwd=REPOSITORY)
    words = ["--task=kws", "--dataset=builtin"]
    made = call("convert", model, "-o", tmp_path / "made", "--to=int8", *words, "--only-convert")
    assert made.returncode == 0, made.stderr
    whole = tmp_path / "made/words_int8.tflite"
    assert whole.stat().st_size < model.stat().st_size / 3
    done = call("run", "--model", whole, *words, "--mode=accuracy", "--out", tmp_path / "run", "--json")
    assert done.returncode in (0, 1), done.stderr
    # Twelve words: a guess has 0.08, the example's 1,500 steps 0.99.
    assert json.loads(done.stdout)["accuracy"]["top1"]["value"] > 0.8
