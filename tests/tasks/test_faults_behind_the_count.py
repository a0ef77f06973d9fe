"""What a set's own run would refuse is refused under a count too, wherever in the truth it lies."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from accuracy.answers import grids
from accuracy.answers.log import Answer
from harness.config.registry import task_class
from harness.zoo.builtin.squad import write_builtin_squad
from tasks.base import DataMissing, DataRef, Task

Lay = Callable[[Path], Path]
Harm = Callable[[Path], None]


def opened(kind: str, data: Path, count: int | None, truth: Path | None = None, **options: Any) -> Task:
    found = task_class(kind)
    task: Task = found(DataRef(data, truth, count), found.Options(**options))
    return task


def picture(path: Path, width: int = 8, height: int = 6, mode: str = "RGB", value: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (height, width, 3) if mode == "RGB" else (height, width)
    Image.fromarray(np.full(shape, value, np.uint8), mode).save(path)


def masked(folder: Path) -> Path:
    for stem in "abc":
        picture(folder / "images" / f"{stem}.png")
        picture(folder / "annotations" / f"{stem}.png", mode="L")
    return folder


def spoilt(path: Path) -> None:
    path.write_bytes(b"none")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


MASKS: dict[str, tuple[Harm, str]] = {
    "of another size": (lambda at: picture(at / "annotations/c.png", 9, 6, "L"), "c in .* is 6x9, which is neither"),
    "in colours": (lambda at: picture(at / "annotations/c.png"), r"c\.png .* is RGB"),
    "cut": (lambda at: cut(at / "annotations/c.png"), r"c\.png .* is not a PNG that can be decoded"),
    "no PNG": (lambda at: spoilt(at / "annotations/c.png"), r"c\.png .* is no PNG"),
    "missing": (lambda at: (at / "annotations/c.png").unlink(), "has no file for 1 of the samples: c"),
    "of a second picture": (lambda at: picture(at / "images/c.bmp"), "more than one picture named c"),
}


@pytest.mark.parametrize(("harm", "said"), MASKS.values(), ids=list(MASKS))
@pytest.mark.parametrize("count", [1, None], ids=["behind the count", "in the whole set"])
def test_a_mask_that_cannot_be_scored_is_refused(tmp_path: Path, harm: Harm, said: str, count: int | None) -> None:
    opened("segmentation", masked(tmp_path), count).check_truth()
    harm(tmp_path)
    with pytest.raises(DataMissing, match=said):
        opened("segmentation", tmp_path, count).check_truth()


def test_masks_too_many_to_decode_are_told_by_their_sizes_and_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.segmentation._LOOKED_AT", 0)
    masked(tmp_path)
    opened("segmentation", tmp_path, 1).check_truth()
    cut(tmp_path / "annotations/c.png")
    with pytest.raises(DataMissing, match=r"c\.png .* is not a PNG that can be decoded: it is cut short at"):
        opened("segmentation", tmp_path, 1).check_truth()


def test_masks_of_classes_that_the_model_lacks_are_said_with_the_score(tmp_path: Path) -> None:
    picture(masked(tmp_path) / "annotations/c.png", mode="L", value=40)
    answer = Answer(0, grids.pack_class_map(np.ones((6, 8), np.uint8)))
    score: Any = opened("segmentation", tmp_path, 1, num_classes=5).score([answer])
    assert score["miou_present"] == 1.0
    assert score.notes[0].startswith(
        "behind the 1 that count, 50.0% of the annotated pixels are of 1 classes from 40 to 40"
    )


def boxed(folder: Path) -> Path:
    for stem in "abc":
        picture(folder / "images" / f"{stem}.png")
    picture(folder / "images/d.png", 10, 10)
    boxes = [{"id": at, "image_id": at, "category_id": 1, "bbox": [0, 0, 2, 2], "area": 4} for at in range(1, 5)]
    images = [{"id": at, "file_name": f"{stem}.png"} for at, stem in enumerate("abcd", 1)]
    sized = [{**image, "width": 8, "height": 6} for image in images[:3]] + [{**images[3], "width": 10, "height": 10}]
    (folder / "instances_val.json").write_text(
        json.dumps({"images": sized, "categories": [{"id": 1, "name": "person"}], "annotations": boxes})
    )
    return folder


def changed(key: str, **values: Any) -> Harm:
    def harm(folder: Path) -> None:
        path = folder / "instances_val.json"
        content = json.loads(path.read_text())
        content[key][-1] |= values
        path.write_text(json.dumps(content))

    return harm


BOXES: dict[str, tuple[Harm, str]] = {
    "that is none": (changed("annotations", bbox=[0, 0, -1]), "not four finite numbers"),
    "for another size": (changed("images", width=11), r"d\.png is 10x10, not 11x10"),
    "for another picture": (changed("images", file_name="e.png"), r"has no entry for 1 of 4 pictures \(d"),
}


@pytest.mark.parametrize(("harm", "said"), BOXES.values(), ids=list(BOXES))
@pytest.mark.parametrize("order", ["json", "name"])
@pytest.mark.parametrize("count", [1, None], ids=["behind the count", "in the whole set"])
def test_a_box_that_cannot_be_scored_is_refused(
    tmp_path: Path, harm: Harm, said: str, count: int | None, order: str
) -> None:
    opened("detection", boxed(tmp_path), count, order=order).check_truth()
    harm(tmp_path)
    with pytest.raises(DataMissing, match=said):
        opened("detection", tmp_path, count, order=order).check_truth()


@pytest.mark.parametrize("values", [{"category_id": 99}, {"image_id": 77}], ids=["class", "picture"])
def test_a_box_of_a_class_or_picture_that_is_not_there_is_remarked_as_in_the_whole_set(
    tmp_path: Path, values: dict[str, int]
) -> None:
    changed("annotations", **values)(boxed(tmp_path))
    tasks: list[Any] = [opened("detection", tmp_path, count) for count in (1, None)]
    said = [task.score([Answer(index, b"") for index in range(len(task))]).notes for task in tasks]
    # The first two speak of the pictures that were asked.
    assert said[0][2:] == said[1][2:]
    assert len(said[0]) == 3


def labelled(kind: str) -> Lay:
    def lay(folder: Path) -> Path:
        for number, stem in enumerate("abcd"):
            if kind == "classification":
                picture(folder / f"{stem}.png")
            else:
                features = np.random.default_rng(number).integers(80, 87, (49, 1)) + np.zeros((1, 10), np.int64)
                (folder / f"{stem}.bin").write_bytes(features.astype(np.int8).tobytes())
        suffix, classes = ("png", 10) if kind == "classification" else ("bin", 12)
        (folder / "y_labels.csv").write_text("".join(f"{stem}.{suffix},{classes},1\n" for stem in "abcd"))
        return folder

    return lay


def relabelled(old: str, new: str) -> Harm:
    def harm(folder: Path) -> None:
        path = folder / "y_labels.csv"
        path.write_text(path.read_text().replace(old, new))

    return harm


@pytest.mark.parametrize("count", [1, None], ids=["behind the count", "in the whole set"])
@pytest.mark.parametrize(
    ("kind", "options", "last"),
    [("classification", {"num_classes": 10}, "d.png,10,1\n"), ("keyword_spotting", {}, "d.bin,12,1\n")],
)
@pytest.mark.parametrize(
    ("becomes", "said"),
    [
        ("", "has no label for d"),
        ("d.png,10,77\n", "label 77 is out of range|is of 10 classes"),
        ("d.bin,12,77\n", "label 77 is out of range|is of 12 classes"),
        ("x.png,10,1\n", "no label for d|is of 10 classes"),
        ("d.png,10,1\nx.png,10,1\n", "files that are not there|is of 10 classes"),
        ("d.png,10,1\nd.png,10,1\n", r"labels d\.png again|is of 10 classes"),
    ],
)
def test_a_label_that_cannot_be_scored_is_refused(
    tmp_path: Path, kind: str, options: dict[str, Any], last: str, becomes: str, said: str, count: int | None
) -> None:
    opened(kind, labelled(kind)(tmp_path), count, **options).check_truth()
    relabelled(last, becomes)(tmp_path)
    with pytest.raises(DataMissing, match=said):
        opened(kind, tmp_path, count, **options).check_truth()


def test_labels_that_most_names_of_the_whole_set_contradict_are_refused_where_the_first_are_right(
    tmp_path: Path,
) -> None:
    for number, word in enumerate(["Down", "Go", "Left", "No"]):
        features = np.random.default_rng(number).integers(80, 87, (49, 1)) + np.zeros((1, 10), np.int64)
        (tmp_path / f"tst_00000{number}_{word}_{number}.bin").write_bytes(features.astype(np.int8).tobytes())
    labels = [0, 2, 3, 4]
    names = sorted(path.name for path in tmp_path.iterdir())
    (tmp_path / "y_labels.csv").write_text("".join(f"{n},12,{at}\n" for n, at in zip(names, labels, strict=True)))
    with pytest.raises(DataMissing, match="contradict the names of 3 of 4 samples"):
        opened("keyword_spotting", tmp_path, 1).check_truth()


def enlarged(folder: Path) -> Path:
    for stem in "abc":
        picture(folder / "lr" / f"{stem}.png")
        picture(folder / "hr" / f"{stem}.png", 16, 12)
    return folder / "lr"


@pytest.mark.parametrize("count", [1, None], ids=["behind the count", "in the whole set"])
@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda at: picture(at / "hr/c.png", 15, 12), "the original c in .* is 12x15"),
        (lambda at: picture(at / "lr/c.png", 9, 6), "the original c in .* is 12x16"),
        (lambda at: (at / "hr/c.png").unlink(), "no file for 1 of the samples: c"),
        (lambda at: (at / "hr/c.png").write_bytes(b"none"), r"c\.png .* is not a picture"),
        (lambda at: picture(at / "lr/c.bmp"), "more than one picture named c"),
    ],
    ids=["original of another size", "picture of another size", "missing", "no picture", "two of one name"],
)
def test_an_original_that_cannot_be_scored_is_refused(tmp_path: Path, harm: Harm, said: str, count: int | None) -> None:
    data = enlarged(tmp_path)
    opened("super_resolution", data, count).check_truth()
    harm(tmp_path)
    with pytest.raises(DataMissing, match=said):
        opened("super_resolution", data, count).check_truth()


def test_a_question_without_an_answer_and_a_context_that_is_shorter_there_are_refused(tmp_path: Path) -> None:
    write_builtin_squad(tmp_path / "set")
    (source,) = (tmp_path / "set").glob("*.json")
    content = json.loads(source.read_text())
    paragraph = content["data"][-1]["paragraphs"][-1]
    whole = tmp_path / "truth.json"
    whole.write_text(json.dumps(content))
    opened("question_answering", tmp_path / "set", 3, whole).check_truth()
    paragraph["context"] = " ".join(paragraph["context"].split()[:3])
    paragraph["qas"] = paragraph["qas"][::-1]
    whole.write_text(json.dumps(content))
    with pytest.raises(DataMissing, match="behind the 3 windows that count one speaks of word"):
        opened("question_answering", tmp_path / "set", 3, whole).check_truth()
    paragraph["qas"].pop()
    whole.write_text(json.dumps(content))
    with pytest.raises(DataMissing, match=r"it has no answer for .*, behind the 3 windows that count"):
        opened("question_answering", tmp_path / "set", 3, whole).check_truth()


def test_a_ready_made_window_of_a_question_without_an_answer_is_refused(zoo: Path, tmp_path: Path) -> None:
    squad = zoo / "datasets/squad"
    opened("question_answering", squad / "squad_eval_tiny.tfrecord", 1).check_truth()
    own: Any = opened("question_answering", squad / "squad_eval_tiny.tfrecord", 1)
    (tmp_path / "truth.json").write_text(
        json.dumps(
            {"data": [{"paragraphs": [{"context": "a " * 400, "qas": [
                {"id": own._questions[0], "question": "?", "answers": [{"text": "a"}]}]}]}]}
        )
    )  # fmt: skip
    with pytest.raises(DataMissing, match=r"it has no answer for .*, behind the 1 windows that count"):
        opened("question_answering", squad / "squad_eval_tiny.tfrecord", 1, tmp_path / "truth.json").check_truth()


def test_a_recording_of_which_nothing_says_whether_it_is_normal_is_refused(tmp_path: Path) -> None:
    for name, value in {"anomaly_id_01_0": 3, "normal_id_01_0": 1, "zeta_id_01_0": 5}.items():
        (tmp_path / f"{name}.bin").write_bytes(np.full((7, 128), value, "<f4").tobytes())
    with pytest.raises(DataMissing, match=r"nothing says whether 1 recordings .* are normal: zeta_id_01_0\.bin"):
        opened("anomaly_detection", tmp_path, 6).check_truth()


def test_a_picture_without_points_is_refused(tmp_path: Path) -> None:
    for stem in "abc":
        picture(tmp_path / f"{stem}.png")
    rows: list[list[object]] = [["file", "x0", "y0", "x1", "y1"], ["a.png", 1, 1, 3, 3], ["b.png", 1, 1, 3, 3]]
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    (tmp_path / "landmarks.csv").write_text(text.getvalue())
    with pytest.raises(DataMissing, match=r"has no points for 1 of the pictures: c\.png"):
        opened("landmarks", tmp_path, 1, points=2, unit=(0, 1)).check_truth()


def arrays(folder: Path) -> Path:
    for part in ("inputs", "outputs"):
        (folder / part).mkdir()
        for stem in "abc":
            np.savez(folder / part / f"{stem}.npz", x=np.zeros((1, 2), np.float32))
    return folder


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda at: (at / "outputs/c.npz").unlink(), "no file for 1 of the samples: c"),
        (lambda at: (at / "outputs/c.npz").write_bytes(b"none"), r"c\.npz .* is no \.npz file"),
        (lambda at: zipfile.ZipFile(at / "outputs/c.npz", "w").close(), r"c\.npz .* holds no array"),
    ],
    ids=["missing", "no arrays", "empty"],
)
def test_arrays_that_cannot_be_compared_with_are_refused(tmp_path: Path, harm: Harm, said: str) -> None:
    opened("tensors", arrays(tmp_path), 1).check_truth()
    harm(tmp_path)
    with pytest.raises(DataMissing, match=said):
        opened("tensors", tmp_path, 1).check_truth()
