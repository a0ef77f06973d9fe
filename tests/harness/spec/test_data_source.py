"""Data sets of every kind through the command line: the same pictures must give the same score."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Process = Any


@pytest.fixture
def score(
    cli: Callable[..., Process], read_result: Callable[[Path], dict[str, Any]], picture_model: Path, tmp_path: Path
) -> Callable[..., dict[str, Any]]:
    """An accuracy run on a data set: its result."""

    def run(dataset: str | Path, *words: str | Path, **how: Any) -> dict[str, Any]:
        out = tmp_path / "out"
        usual = ["--mode", "accuracy", "--threads", "1", "--out", out]
        task = ["--task", "mobilenet_edgetpu", "--model", picture_model, "--dataset", dataset]
        done = cli(*task, *usual, *words, **how)
        assert done.returncode == 0, done.stderr
        return read_result(out)

    return run


def labels_of(folder: Path) -> list[tuple[str, int]]:
    lines = (folder / "labels.csv").read_text(encoding="ascii").splitlines()[1:]
    return [(name, int(label)) for name, label in (line.split(",") for line in lines)]


def tops(result: dict[str, Any]) -> tuple[int, float]:
    assert result["status"] == "valid"
    return result["dataset"]["count"], result["accuracy"]["top1"]["value"]


def test_a_zip_archive_scores_in_place(score: Callable[..., Any], picture_data: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for path in picture_data.glob("*.jpg"):
            archive.write(path, f"val/{path.name}")
    assert tops(score(tmp_path / "set.zip", "--truth", picture_data / "labels.csv")) == (24, 0.75)


def test_other_kinds_of_pictures_in_one_folder_score_the_same(
    score: Callable[..., Any], picture_data: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    lines = ["file,label"]
    for number, (name, label) in enumerate(labels_of(picture_data)):
        kind = ("png", "bmp", "npy", "rgb8", "jpeg")[number % 5]
        path = folder / name.replace("jpg", kind)
        with Image.open(picture_data / name) as image:
            pixels = np.asarray(image)
            if kind == "npy":
                np.save(path, pixels)
            elif kind == "rgb8":  # of the model's size: raw pictures are not resized
                path.write_bytes(pixels[:32, :32].tobytes())
            else:
                image.save(path)
        lines.append(f"{path.name},{label}")
    (folder / "labels.csv").write_text("\n".join(lines), encoding="ascii")
    assert tops(score(folder)) == (24, 0.75)


@pytest.fixture
def records(write_records: Callable[..., Path], picture_data: Path, tmp_path: Path) -> Path:
    """The pictures as TensorFlow's ImageNet scripts write them, whose labels count from 1."""
    return write_records(
        tmp_path / "val.tfrecord",
        [
            {
                "image/encoded": (picture_data / name).read_bytes(),
                "image/filename": name,
                "image/class/label": label + 1,
            }
            for name, label in labels_of(picture_data)
        ],
    )


def test_tfrecords_score_the_same(score: Callable[..., Any], records: Path) -> None:
    assert tops(score(records)) == (24, 0.75)


def test_the_twin_of_the_tfrecords_with_another_first_label_scores_nothing(
    score: Callable[..., Any], records: Path
) -> None:
    # Every label is one too high then; those that are wrong in the set already are so by one in the same direction.
    count, top1 = tops(score(records, "--set", "dataset.first_label=0"))
    assert (count, top1) == (24, 0.0)


def test_a_hugging_face_data_set_scores_the_same_offline(
    score: Callable[..., Any], picture_data: Path, tmp_path: Path
) -> None:
    datasets = pytest.importorskip("datasets", reason="the extra hf is not installed: ./run.sh install hf")
    named = labels_of(picture_data)
    rows = {
        "image": [{"bytes": (picture_data / name).read_bytes(), "path": None} for name, _ in named],
        "label": [label for _, label in named],
    }
    features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("int64")})
    datasets.Dataset.from_dict(rows, features=features).save_to_disk(tmp_path / "pets")
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(tmp_path / "hub")}
    result = score("hf:./pets", cwd=tmp_path, env=offline)
    assert tops(result) == (24, 0.75)
    assert result["dataset"]["name"] == f"hf:{tmp_path}/pets"


def test_a_data_set_that_no_name_can_have_is_one_message(
    cli: Callable[..., Process], complaint: Callable[[Process], str]
) -> None:
    done = cli("--task", "mobilenet_edgetpu", "--dataset", "hf:a:b:c:d")
    assert done.returncode == 2
    assert "hf:a:b:c:d names no data set: write hf:NAME" in complaint(done)
