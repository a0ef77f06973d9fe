"""Whole runs of models whose file says, beside the graph, what goes in and what comes out."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.api import open_model
from tests.told_models import metadata_of, with_files, with_metadata

Call = Callable[..., subprocess.CompletedProcess[str]]
Complaint = Callable[[subprocess.CompletedProcess[str]], str]


def accuracy(call: Call, out: Path, model: Path, data: Path, *more: object) -> subprocess.CompletedProcess[str]:
    words = (
        "--task",
        "classification",
        "--model",
        model,
        "--dataset",
        data,
        "--mode",
        "accuracy",
        "--scenario",
        "Offline",
    )
    return call(*words, "--out", out, *more)


def top1(out: Path) -> float:
    """Of a run that has ended."""
    return float(json.loads((out / "result.json").read_text())["accuracy"]["top1"]["value"])


def test_pixels_are_normalised_as_the_file_says_unless_the_config_says_otherwise(
    picture_model: Path, picture_data: Path, call: Call, tmp_path: Path
) -> None:
    same = with_metadata(picture_model, tmp_path / "same.tflite", metadata_of([127.5], [127.5]))
    other = with_metadata(picture_model, tmp_path / "other.tflite", metadata_of([0], [255]))
    right = ("--set", "model.mean=127.5", "--set", "model.std=127.5")
    for number, (model, more) in enumerate([(same, ()), (other, ()), (other, right)]):
        assert accuracy(call, tmp_path / str(number), model, picture_data, *more).returncode == 0
    assert top1(tmp_path / "0") == top1(tmp_path / "2") == 0.75
    assert top1(tmp_path / "1") < 0.5


def test_a_range_of_float_pixels_that_nobody_names_is_said_with_the_score(
    picture_model: Path, picture_data: Path, call: Call, tmp_path: Path
) -> None:
    """A network for 0 to 255 is at chance on -1 to 1, and nothing else would tell why."""
    told = with_metadata(picture_model, tmp_path / "told.tflite", metadata_of([127.5], [127.5]))
    named = ("--set", "model.float_range=-1..1")
    for number, (model, more, said) in enumerate([(picture_model, (), 1), (picture_model, named, 0), (told, (), 0)]):
        assert accuracy(call, tmp_path / str(number), model, picture_data, *more).returncode == 0
        warnings = json.loads((tmp_path / str(number) / "result.json").read_text())["warnings"]
        assert sum("range its float input takes pixels, and -1..1 was taken" in each for each in warnings) == said


def test_a_range_in_the_config_that_the_file_contradicts_is_refused(
    picture_model: Path, picture_data: Path, call: Call, complaint: Complaint, tmp_path: Path
) -> None:
    model = with_metadata(picture_model, tmp_path / "told.tflite", metadata_of([127], [128]))
    done = accuracy(call, tmp_path / "run", model, picture_data, "--set", "model.float_range=0..1")
    assert done.returncode == 2
    assert "takes (pixel - 127) / 128 by the model file's metadata, but 0..1 by model.float_range" in complaint(done)
    near = accuracy(call, tmp_path / "near", model, picture_data, "--set", "model.float_range=-1..1")
    assert near.returncode == 0


def test_labels_by_name_are_looked_up_in_the_list_that_is_packed_into_the_model(
    picture_model: Path, picture_data: Path, call: Call, complaint: Complaint, tmp_path: Path
) -> None:
    names = ["background", *(f"tint-{number}" for number in range(1000))]
    model = with_files(picture_model, tmp_path / "named.tflite", {"labelmap.txt": "\n".join(names)})
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    truth = [line.split(",") for line in (picture_data / "labels.csv").read_text().splitlines()[1:]]
    for name, _ in truth:
        (pictures / name).write_bytes((picture_data / name).read_bytes())
    (pictures / "val_map.txt").write_text("".join(f"{name} tint-{label}\n" for name, label in truth))
    done = accuracy(call, tmp_path / "run", model, pictures)
    assert done.returncode == 0, done.stderr
    assert top1(tmp_path / "run") == 0.75
    assert call("score", tmp_path / "run").returncode == 0
    without = accuracy(call, tmp_path / "without", picture_model, pictures)
    assert without.returncode == 2
    assert "class_names" in complaint(without)


def test_a_run_is_scored_from_its_log_though_the_model_with_the_names_is_gone(
    picture_model: Path, picture_data: Path, call: Call, tmp_path: Path
) -> None:
    names = ["background", *(f"tint-{number}" for number in range(1000))]
    model = with_files(picture_model, tmp_path / "named.tflite", {"labelmap.txt": "\n".join(names)})
    assert accuracy(call, tmp_path / "run", model, picture_data).returncode == 0
    model.unlink()
    done = call("score", tmp_path / "run")
    assert (done.returncode, "75.00 %" in done.stdout) == (0, True), done.stderr


def test_a_packed_background_is_no_class_of_a_small_model(
    keyword_model: Path, picture_model: Path, picture_data: Path, tmp_path: Path
) -> None:
    names = ["background", *(f"tint-{number}" for number in range(1000))]
    model = with_files(picture_model, tmp_path / "named.tflite", {"labels.txt": "\n".join(names)})
    picture = next(path for path in picture_data.rglob("*") if path.suffix in (".png", ".jpg"))
    with open_model("classification", model=model) as named, open_model("classification", model=picture_model) as plain:
        best, number = named(picture).best, plain(picture).best.number
    assert (best.name, best.number) == (f"tint-{number}", number)
    other = with_files(picture_model, tmp_path / "other.tflite", {"labels.txt": "cat\ndog\n"})
    with open_model("classification", model=other) as unnamed:
        assert unnamed(picture).best.name == str(number)


@pytest.mark.parametrize("name", ["mobilenet_v1_0.25_128_quant"])
def test_a_published_models_own_names_are_shown(zoo: Path, call: Call, name: str) -> None:
    path = zoo / f"models/coral/{name}.tflite"
    with open_model("classification", model=path) as classify:
        picture = zoo / "datasets/imagenet_sample/images/n01440764_tench.JPEG"
        assert classify(picture).best.name == "tench, Tinca tinca"
    said = call("inspect", path).stdout
    assert "by its metadata (value - 127.5) / 127.5" in said
    assert "1,001 names packed into the file: background; tench, Tinca tinca; goldfish" in said
    found = json.loads(call("inspect", path, "--json").stdout)
    assert len(found["class_names"]) == 1001
    assert found["inputs"][0]["normalisation"] == {"mean": [127.5], "std": [127.5]}
