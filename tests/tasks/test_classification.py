from __future__ import annotations

from pathlib import Path

import pytest

from accuracy.answers.log import Answer, LogError
from accuracy.answers.wire import pack_labels
from accuracy.truth.class_names import ClassNames
from tasks.base import DataMissing
from tasks.classification import Classification
from tasks.codecs.classification import ClassificationOptions
from tests.tasks.labelled_pictures import picture_set, task_of

# --- options -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "value"), [("num_classes", 1), ("offset", -1), ("std", 0.0), ("std", -1.0), ("std", float("nan"))]
)
def test_an_option_that_cannot_be_used_is_refused_with_its_value(option: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{option} is {value}"):
        ClassificationOptions(**{option: value})  # type: ignore[arg-type]


# --- scoring -------------------------------------------------------------------------------------------------------


def test_answers_are_scored_by_index_in_any_order(tmp_path: Path) -> None:
    task = task_of(picture_set(tmp_path, labels="0.png 7\n1.png 8\n2.png 9\n"))
    answers = [
        Answer(2, pack_labels([9, 1, 2, 3, 4])),
        Answer(0, pack_labels([1, 2, 3, 4, 7])),
        Answer(1, pack_labels([1, 2, 3, 4, 5])),
    ]
    assert task.score(answers) == {"top1": pytest.approx(1 / 3), "top5": pytest.approx(2 / 3)}


def test_a_log_of_another_harness_with_one_label_each_has_a_top_1(tmp_path: Path) -> None:
    task = task_of(picture_set(tmp_path, labels="0.png 7\n1.png 8\n2.png 9\n"), log_dtype="int32")
    answers = [Answer(index, pack_labels([label], "int32")) for index, label in enumerate([7, 8, 0])]
    assert task.score(answers) == {"top1": pytest.approx(2 / 3)}


def test_an_answer_that_is_no_label_is_refused(tmp_path: Path) -> None:
    task = task_of(picture_set(tmp_path, labels="0.png 7\n1.png 8\n2.png 9\n"))
    with pytest.raises(LogError, match=r"sample 2 \(2\.png\): an answer names the label 1000.0; labels are 0 to 999"):
        task.score([Answer(2, pack_labels([1000]))])


def test_a_count_takes_the_labels_of_the_first_pictures(tmp_path: Path) -> None:
    path = picture_set(tmp_path / "set")
    (tmp_path / "truth.txt").write_text("7\n8\n9\n")
    task = task_of(path, tmp_path / "truth.txt", count=2)
    task.check_truth()
    assert len(task) == 2
    assert task.score([Answer(0, pack_labels([7])), Answer(1, pack_labels([8]))]) == {"top1": 1.0}


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        ("0.png 7\n1.png 8\n", r"no label for 2\.png"),
        ("0.png 7\n1.png 8\n2.png 9\n3.png 1\n", r"labels for files that are not there: 3\.png"),
        ("7\n8\n", "has 2 labels by position, but the data set has 3 samples"),
        ("7\n8\n1000\n", "line 3: the label 1000 is out of range"),
    ],
)
def test_labels_that_do_not_belong_to_the_pictures_show_before_the_run(
    tmp_path: Path, labels: str, complaint: str
) -> None:
    with pytest.raises(DataMissing, match=complaint):
        task_of(picture_set(tmp_path, labels=labels)).check_truth()


def test_one_folder_alone_is_said_to_be_no_class(tmp_path: Path) -> None:
    picture_set(tmp_path / "person")
    with pytest.raises(DataMissing, match=r"Its one folder, 'person', is no class: there have to be two or more"):
        task_of(tmp_path).check_truth()


def test_no_labels_and_two_candidates_are_told_apart(tmp_path: Path) -> None:
    path = picture_set(tmp_path / "set")
    with pytest.raises(DataMissing, match="no ground truth in or beside"):
        task_of(path).check_truth()
    (path / "val_map.txt").write_text("0.png 7\n")
    (path / "labels.csv").write_text("file,label\n")
    with pytest.raises(DataMissing, match=r"more than one ground truth: labels\.csv, val_map\.txt"):
        task_of(path).check_truth()


def test_a_task_describes_its_data_with_and_without_labels(tmp_path: Path) -> None:
    path = picture_set(tmp_path / "set")
    described = task_of(path, count=2).describe_data()
    assert described == {
        "count": 2,
        "pictures": str(path),
        "order": "file names",
        "profile": "mobile",
        "truth": None,
    }
    (path / "val_map.txt").write_text("")
    assert task_of(path).describe_data()["truth"] == str(path / "val_map.txt")


def test_published_pictures_with_the_labels_of_others_are_refused_before_the_run(zoo: Path) -> None:
    folder = zoo / "datasets/mlperf_mobile"
    task = task_of(folder / "v3_0_datasets_imagenet-test.zip", folder / "v3_0_assets_imagenet_tiny-groundtruth.txt")
    with pytest.raises(DataMissing, match="other pictures of the same names"):
        task.check_truth()


def test_a_set_of_one_class_says_that_its_score_is_worth_little(tmp_path: Path) -> None:
    path = picture_set(tmp_path, labels="0.png 7\n1.png 7\n2.png 7\n")
    answers = [Answer(index, pack_labels([7])) for index in range(3)]
    assert "all pictures are of one class, 7" in task_of(path).score(answers).notes[0]
    (path / "val_map.txt").write_text("0.png 7\n1.png 7\n2.png 8\n")
    assert task_of(path).score(answers).notes == ()


@pytest.mark.parametrize("first", ["dummy", "", "0"])
def test_a_packed_list_that_calls_the_background_something_else_shifts_no_label(first: str) -> None:
    names = (first, *(f"class {number}" for number in range(1000)))
    fitted = Classification.fit(ClassificationOptions(), 1001, ClassNames(names, "model.tflite", sure=False))
    assert (fitted.num_classes, fitted.offset) == (1000, 1)
    said = Classification.fit(ClassificationOptions(), 1001, ClassNames(names, "names.txt"))
    assert (said.num_classes, said.offset) == (1001, 0)


def test_a_first_label_is_said_to_change_nothing_for_labels_in_a_file(tmp_path: Path) -> None:
    path = picture_set(tmp_path, labels="0.png 7\n1.png 8\n2.png 9\n")
    (said,) = task_of(path, first_label=1).warnings()
    assert said == "dataset.first_label 1 changes nothing: labels in a file count from 0"
    assert task_of(path).warnings() == ()
