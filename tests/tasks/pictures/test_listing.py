"""A folder of pictures a class, in folders and archives, and files that no set takes."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from accuracy.answers.log import Answer
from accuracy.answers.wire import pack_labels
from accuracy.errors import TruthError
from tasks.base import DataMissing, DataRef
from tasks.classification import Classification
from tasks.codecs.classification import ClassificationOptions
from tasks.codecs.segmentation import SegmentationOptions
from tasks.pictures.folders import Pictures
from tasks.segmentation import Segmentation

Lay = Callable[..., Path]


@pytest.fixture(params=["folder", "zip"])
def lay(request: pytest.FixtureRequest, tmp_path: Path) -> Lay:
    """Lays pictures of these names out, in a folder or in an archive."""

    def lay(*names: str) -> Path:
        folder = tmp_path / "set"
        for number, name in enumerate(names):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if name.endswith("/"):
                path.mkdir()
            elif name.endswith((".txt", ".csv")):
                path.write_text("notes")
            else:
                kind = "GIF" if name.endswith(".gif") else "PNG"
                Image.fromarray(np.full((8, 8, 3), number, np.uint8)).save(path, kind)
        if request.param == "folder":
            return folder
        with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
            for path in sorted(folder.rglob("*")):
                archive.write(path, path.relative_to(folder))
        return tmp_path / "set.zip"

    return lay


def task_of(path: Path, classes: int, truth: Path | None = None, **options: object) -> Classification:
    return Classification(DataRef(path, truth), ClassificationOptions(num_classes=classes, **options))  # type: ignore[arg-type]


def labels_of(task: Classification) -> list[int]:
    """Every sample's label: a log of that label alone scores it."""
    task.check_truth()
    return list(task._labels)


def test_sorted_folders_are_the_classes_and_files_keep_the_order_of_their_names(lay: Lay) -> None:
    task = task_of(lay("dog/b.png", "cat/a.png", "cat/c.png", "ant/"), 3)
    assert task._pictures.names == ("cat/a.png", "dog/b.png", "cat/c.png")
    assert labels_of(task) == [1, 2, 1]
    score = task.score([Answer(index, pack_labels([label])) for index, label in enumerate([1, 2, 0])])
    assert score["top1"] == pytest.approx(2 / 3)
    assert task.describe_data()["truth"] == "the folders' names"


def notes_of(task: Classification) -> str:
    """What is said beside a score of these labels."""
    return " ".join(task.score([Answer(at, pack_labels([label])) for at, label in enumerate(labels_of(task))]).notes)


def test_folders_that_only_their_order_makes_the_models_classes_are_said_with_the_score(
    lay: Lay, tmp_path: Path
) -> None:
    folder, names = lay("dog/b.png", "cat/a.png", "ant/c.png"), tmp_path / "names.txt"
    names.write_text("dog\ncat\nant\n")
    assert "3 names of classes, ant, cat, dog: in that order they were taken" in notes_of(task_of(folder, 3))
    assert notes_of(task_of(folder, 3, class_names=names)) == ""
    assert labels_of(task_of(folder, 3, class_names=names)) == [1, 0, 2]


def test_folders_of_synsets_or_numbers_say_themselves_which_class_they_are(lay: Lay) -> None:
    assert "in that order" not in notes_of(task_of(lay("n01484850/a.png", "n01440764/b.png"), 1000))


def test_one_name_in_every_folder_is_a_picture_each(lay: Lay) -> None:
    task = task_of(lay("b/0.png", "a/0.png", "a/1.png"), 2)
    assert task._pictures.names == ("a/0.png", "b/0.png", "a/1.png")
    assert [task._pictures.read(index)[:4] for index in range(3)] == [b"\x89PNG"] * 3


def test_folders_of_synsets_are_imagenets_classes(lay: Lay) -> None:
    assert labels_of(task_of(lay("n01484850/a.png", "n01440764/b.png"), 1000)) == [2, 0]


def test_one_folder_of_a_synset_is_a_class_too(lay: Lay) -> None:
    assert labels_of(task_of(lay("n01484850/a.png", "n01484850/b.png"), 1000)) == [2, 2]


def test_a_count_of_folders_that_is_not_the_models_is_refused_with_both(lay: Lay) -> None:
    with pytest.raises(
        DataMissing, match=r"has 2 classes \(cat, dog\), but the model has 1000: name the model's classes"
    ):
        task_of(lay("cat/a.png", "dog/b.png"), 1000).check_truth()


def test_folders_are_looked_up_in_the_models_own_names(lay: Lay, tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("dog\nbird\ncat\n")
    path = lay("cat/a.png", "dog/b.png")
    assert labels_of(task_of(path, 3, class_names=names)) == [2, 0]
    names.write_text("dog\nbird\nfish\n")
    with pytest.raises(DataMissing, match=r"1 of the 2 classes of .* are none of the 3 in .*names\.txt: cat\."):
        task_of(path, 3, class_names=names).check_truth()


def test_the_split_for_evaluation_is_taken_of_several(lay: Lay) -> None:
    task = task_of(lay("train/cat/a.png", "train/dog/b.png", "val/cat/c.png", "val/dog/d.png"), 2)
    assert task._pictures.names == ("cat/c.png", "dog/d.png")


def test_folders_of_splits_are_no_classes(lay: Lay) -> None:
    with pytest.raises(DataMissing, match="more than one folder of pictures: train, val"):
        task_of(lay("train/a.png", "val/b.png"), 2)


def test_some_folders_called_by_numbers_say_the_models_classes(lay: Lay) -> None:
    assert labels_of(task_of(lay("7/a.png", "3/b.png"), 10)) == [7, 3]


def test_other_tasks_have_no_classes_of_folders(lay: Lay) -> None:
    with pytest.raises(
        DataMissing, match=r"more than one folder of pictures: cat, dog \(folders are classes for image"
    ):
        Segmentation(DataRef(lay("cat/a.png", "dog/b.png")), SegmentationOptions())


def test_a_thousand_folders_make_a_short_message(tmp_path: Path) -> None:
    for number in range(1000):
        (tmp_path / f"a name of some length {number}").mkdir()
        (tmp_path / f"a name of some length {number}" / "a.png").write_bytes(b"")
    with pytest.raises(DataMissing) as refused:
        Pictures.open(tmp_path)
    assert len(str(refused.value)) < 1000


def test_labels_in_a_file_among_folders_of_classes_must_be_named(tmp_path: Path) -> None:
    for name in ("cat/a.png", "dog/b.png"):
        (tmp_path / name).parent.mkdir()
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    labels = tmp_path / "labels.csv"
    labels.write_text("file,label\nb.png,0\na.png,1\n")
    with pytest.raises(DataMissing, match=r"in folders, which may be their classes, and labels in labels\.csv"):
        task_of(tmp_path, 2).check_truth()
    assert labels_of(task_of(tmp_path, 2, labels)) == [1, 0]


def test_files_that_no_set_takes_are_counted_and_said(lay: Lay) -> None:
    task = task_of(lay("a.png", "b.gif", "c.gif", "more/d.png", "readme.txt"), 2)
    assert task.describe_data()["left_out"] == {".gif": 2, ".png": 1}
    (said,) = task.warnings()
    assert said.startswith("3 files of ")
    assert "are not read and not scored (2 .gif, 1 .png)" in said


def test_files_without_a_suffix_are_left_out_with_a_word_unless_they_are_notes(lay: Lay) -> None:
    task = task_of(lay("a.png", "b", "c", "README", "LICENSE"), 2)
    assert task.describe_data()["left_out"] == {"without a suffix": 2}


@pytest.mark.parametrize("folders", [("",), ("cat/", "dog/")], ids=["one", "a folder a class"])
def test_hidden_pictures_are_left_out_with_a_word(folders: tuple[str, ...], lay: Lay) -> None:
    names = [f"{folder}{name}" for folder in folders for name in ("a.png", "._a.png", ".h.png", ".DS_Store")]
    task = task_of(lay(*names), 2)
    assert len(task) == len(folders)
    assert task.describe_data()["left_out"] == {"hidden by a dot": 2 * len(folders)}
    assert f"({2 * len(folders)} hidden by a dot)" in task.warnings()[0]


def test_a_whole_set_says_nothing(lay: Lay) -> None:
    task = task_of(lay("cat/a.png", "dog/b.png", "notes.txt"), 2)
    assert "left_out" not in task.describe_data()
    assert task.warnings() == ()


def test_names_in_a_file_of_labels_are_looked_up(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    (tmp_path / "val_map.txt").write_text("a.png n01484850\nb.png n01440764\n")
    assert labels_of(task_of(tmp_path, 1000)) == [2, 0]
    with pytest.raises((DataMissing, TruthError), match="is not a label"):
        task_of(tmp_path, 10).check_truth()


def test_pictures_that_lie_beside_the_folders_of_classes_are_counted_as_left_out(lay: Lay) -> None:
    task = task_of(lay("cat/a.png", "dog/b.png", "c.gif", "readme.txt", "dog/d.gif"), 2)
    assert task.describe_data()["left_out"] == {".gif": 2}
    assert "2 files of" in task.warnings()[0]
