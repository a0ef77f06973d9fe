"""A score that is no better than guessing names the reading under which the same log scores."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from accuracy.answers import grids
from accuracy.answers.log import Answer, LogError
from accuracy.answers.wire import pack_detections, pack_labels, pack_logits
from accuracy.truth.boxes.coco import COCO_CATEGORIES
from harness.run.doubt import other_reading
from harness.zoo.builtin.squad import write_builtin_squad
from tasks.base import DataRef, Task
from tasks.classification import Classification
from tasks.codecs.classification import ClassificationOptions
from tasks.codecs.detection import DetectionOptions
from tasks.codecs.keyword_spotting import WORDS, KeywordSpottingOptions
from tasks.codecs.question_answering import QuestionAnsweringOptions
from tasks.codecs.segmentation import SegmentationOptions
from tasks.detection import Detection
from tasks.keyword_spotting import KeywordSpotting
from tasks.question_answering import QuestionAnswering
from tasks.segmentation import Segmentation

TrueLogits = Callable[[QuestionAnswering, Path], Sequence[tuple[Any, Any]]]


def remark_on(task: Task, answers: list[Answer]) -> tuple[float, str | None]:
    value = task.score(answers)[task.told_by or task.headline]
    return value, other_reading(task, value, lambda: answers)


def pictures(folder: Path, names: Sequence[str]) -> Path:
    folder.mkdir()
    for name in names:
        Image.new("RGB", (8, 8)).save(folder / name)
    return folder


def labelled(answers: Sequence[int]) -> list[Answer]:
    return [Answer(index, pack_labels([label], "float32")) for index, label in enumerate(answers)]


# --- classification ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [1, -1])
def test_labels_of_another_numbering_are_named(tmp_path: Path, step: int) -> None:
    truth = [65, 970, 230, 809, 516, 57, 334, 415]
    folder = pictures(tmp_path / "set", [f"{number:02}.png" for number in range(8)])
    (folder / "labels.txt").write_text("".join(f"{label}\n" for label in truth))
    task = Classification(DataRef(folder, folder / "labels.txt"), ClassificationOptions())
    logged = [label + step for label in truth]
    logged[5], logged[7] = 3, 4  # two of the eight are wrong anyway
    value, remark = remark_on(task, labelled(logged))
    assert value == 0.0
    assert remark is not None
    assert "top1 0 is no better than guessing; read with labels shifted by one it would be 0.75" in remark
    assert ("background class" in remark) == (step == 1)


def test_labels_and_samples_in_the_numeric_order_of_their_names_are_told_apart(tmp_path: Path) -> None:
    labels = np.random.default_rng(5).permutation(1000)[:24].tolist()
    folder = pictures(tmp_path / "set", [f"{number}.png" for number in range(24)])
    right = dict(zip([f"{number}.png" for number in range(24)], labels, strict=True))
    (folder / "truth.txt").write_text("".join(f"{label}\n" for label in labels))
    task = Classification(DataRef(folder, folder / "truth.txt"), ClassificationOptions())
    value, remark = remark_on(task, labelled([right[name] for name in task._pictures.names]))
    assert value < 0.2
    assert "read with labels in the numeric order of the file names it would be 1" in str(remark)
    # The same the other way: the labels have names, and the log counts as a person does.
    (folder / "truth.txt").write_text("".join(f"{name} {label}\n" for name, label in right.items()))
    task = Classification(DataRef(folder, folder / "truth.txt"), ClassificationOptions())
    value, remark = remark_on(task, labelled(labels))
    assert value < 0.2
    assert "read with samples in the numeric order of their names it would be 1" in str(remark)


def test_a_score_of_guesses_that_no_reading_explains_is_said_and_a_good_one_is_left_alone(tmp_path: Path) -> None:
    random = np.random.default_rng(6)
    truth = random.integers(0, 1000, 30).tolist()
    folder = pictures(tmp_path / "set", [f"{number}.png" for number in range(30)])
    (folder / "truth.txt").write_text("".join(f"{label}\n" for label in truth))
    task = Classification(DataRef(folder, folder / "truth.txt"), ClassificationOptions())
    remark = str(remark_on(task, labelled(random.integers(0, 1000, 30).tolist()))[1])
    assert "is no better than guessing, and no other reading of the answers that was tried explains it" in remark
    assert remark_on(task, labelled(truth)) == (1.0, None)


def test_words_in_the_order_of_another_tool_are_told(tmp_path: Path) -> None:
    order = ["silence", "unknown", "yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go"]
    for number in range(24):
        (tmp_path / f"{number:02}.bin").write_bytes(bytes(490))
    (tmp_path / "y_labels.csv").write_text("".join(f"{number:02}.bin,12,{number % 12}\n" for number in range(24)))
    task = KeywordSpotting(DataRef(tmp_path), KeywordSpottingOptions())
    answers = [Answer(number, pack_labels([order.index(WORDS[number % 12])])) for number in range(24)]
    value = task.score(answers)["top1"]
    assert value < 0.1
    assert "read with the words in the order silence, unknown, yes, no, ... it would be 1" in str(
        other_reading(task, value, lambda: answers)
    )


# --- question answering --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def squad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("squad")
    write_builtin_squad(folder)
    return folder


def questions(squad: Path, **options: Any) -> QuestionAnswering:
    return QuestionAnswering(DataRef(squad, count=40), QuestionAnsweringOptions(**options))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({"layout": "mobile"}, {}),
        ({}, {"layout": "mobile"}),
        ({"log_dtype": "float16"}, {}),
        ({"log_dtype": "float16", "layout": "mobile"}, {}),
    ],
)
def test_logits_of_another_layout_or_type_are_named_or_refused(
    squad: Path, true_logits: TrueLogits, written: dict[str, Any], read: dict[str, Any]
) -> None:
    own, task = questions(squad, **written), questions(squad, **read)
    form = QuestionAnsweringOptions(**written)
    logits = true_logits(own, next(squad.glob("*.json")))
    answers = [
        Answer(at, pack_logits(start, end, form.layout, form.log_dtype)) for at, (start, end) in enumerate(logits)
    ]
    assert own.score(answers)["f1"] == 1.0
    if form.log_dtype == "float16":
        with pytest.raises(LogError, match=r"--set model\.log_dtype=float16 reads them"):
            task.score(answers)
        assert other_reading(task, 0.0, lambda: answers) is not None
        return
    value, remark = remark_on(task, answers)
    order = "transposed" if form.layout == "mobile" else "interleaved"
    assert value < 0.2
    assert f"read with {order} logits of {form.log_dtype} it would be 1: " in str(remark)
    assert f"--set model.layout={form.layout}" in str(remark)


def test_exchanged_outputs_in_another_layout_are_named_together(squad: Path, true_logits: TrueLogits) -> None:
    task = questions(squad)
    logits = true_logits(task, next(squad.glob("*.json")))
    answers = [Answer(at, pack_logits(end, start, "mobile")) for at, (start, end) in enumerate(logits)]
    value, remark = remark_on(task, answers)
    assert value < 0.2
    assert "read with transposed logits of float32 and start and end logits exchanged it would be 1: " in str(remark)


def test_fewer_logits_than_the_window_has_tokens_are_refused_and_a_cut_padding_is_not(
    squad: Path, true_logits: TrueLogits
) -> None:
    task = questions(squad)
    logits = list(true_logits(task, next(squad.glob("*.json"))))
    needed = [len(task._windows.window(at).tokens) for at in range(40)]
    cut = [Answer(at, pack_logits(s[: needed[at]], e[: needed[at]])) for at, (s, e) in enumerate(logits)]
    assert task.score(cut)["f1"] == 1.0
    short = [Answer(at, pack_logits(s[: needed[at] - 1], e[: needed[at] - 1])) for at, (s, e) in enumerate(logits)]
    with pytest.raises(
        LogError, match=rf"sample 0: .*logits for {needed[0] - 1} tokens, but its window has {needed[0]}"
    ):
        task.score(short)
    with pytest.raises(LogError, match="but its window has"):
        list(task.rewrite(short, questions(squad, layout="mobile")))


# --- detection -----------------------------------------------------------------------------------------------------

BOXES = {"c.png": [10.0, 20.0, 30.0, 40.0], "a.png": [50.0, 5.0, 20.0, 60.0], "b.png": [5.0, 60.0, 70.0, 30.0]}


def street(folder: Path, **options: Any) -> Detection:
    if not folder.exists():
        folder.mkdir()
        for name in BOXES:
            Image.new("RGB", (100, 100)).save(folder / name)
        truth = {
            "images": [{"id": at, "file_name": name, "width": 100, "height": 100} for at, name in enumerate(BOXES)],
            "categories": [{"id": number} for number in (1, 2, 3)],
            "annotations": [
                {"id": at + 1, "image_id": at, "category_id": 1 + at % 3, "bbox": box}
                for at, box in enumerate(BOXES.values())
            ],
        }
        (folder / "instances_street.json").write_text(json.dumps(truth))
    return Detection(DataRef(folder), DetectionOptions(**options))


def found(
    task: Detection, *, shift: int = 0, scale: float = 0.01, columns: Sequence[int] = (1, 0, 3, 2)
) -> list[Answer]:
    answers = []
    for index, name in enumerate(task._data.pictures.names):
        x, y, width, height = BOXES[name]
        box = np.array([x, y, x + width, y + height])[list(columns)] * scale
        label = np.array([1 + list(BOXES).index(name) + shift])
        rows = np.frombuffer(pack_detections(box[None], np.ones(1), label), "<f4").copy()
        rows[0] = index
        answers.append(Answer(index, rows.tobytes()))
    return answers


def test_pictures_in_the_mobile_apps_order_are_named(tmp_path: Path) -> None:
    json_order, name_order = street(tmp_path / "set"), street(tmp_path / "set", order="name")
    assert name_order.score(found(name_order))["coco_ap"] == pytest.approx(1)
    value, remark = remark_on(json_order, found(name_order))
    assert value == 0
    assert "read with samples in the order of the sorted file names, as the mobile app counts it would be 1" in str(
        remark
    )
    value, remark = remark_on(name_order, found(json_order))
    assert "--set dataset.order=json scores it" in str(remark)


def test_classes_shifted_and_boxes_that_begin_with_x_are_named(tmp_path: Path) -> None:
    task = street(tmp_path / "set")
    assert "read with classes shifted by one it would be 1" in str(remark_on(task, found(task, shift=1))[1])
    assert "read with boxes as xmin, ymin, xmax, ymax" in str(remark_on(task, found(task, columns=(0, 1, 2, 3)))[1])
    assert remark_on(task, found(task))[1] is None


WRITTEN: dict[str, Callable[..., Any]] = {
    "xmin, ymin, xmax, ymax": lambda x, y, w, h: (x, y, x + w, y + h),
    "xmin, xmax, ymin, ymax": lambda x, y, w, h: (x, x + w, y, y + h),
    "ymin, ymax, xmin, xmax": lambda x, y, w, h: (y, y + h, x, x + w),
    "x, y, width, height": lambda x, y, w, h: (x, y, w, h),
    "y, x, height, width": lambda x, y, w, h: (y, x, h, w),
    "centre x, centre y, width, height": lambda x, y, w, h: (x + w / 2, y + h / 2, w, h),
    "centre y, centre x, height, width": lambda x, y, w, h: (y + h / 2, x + w / 2, h, w),
    "ymin, xmin, ymax, xmax in -1 to 1": lambda x, y, w, h: (2 * y - 1, 2 * x - 1, 2 * (y + h) - 1, 2 * (x + w) - 1),
}
SCENE = [(13, 0.1, 0.2, 0.3, 0.4), (90, 0.5, 0.05, 0.4, 0.6), (44, 0.05, 0.6, 0.6, 0.3)]


def scene(folder: Path, pictures: int = 12) -> Detection:
    """Pictures named by their numbers without leading zeros, in an order of their own in the JSON."""
    folder.mkdir()
    random = np.random.default_rng(4)
    names = [f"{number}.png" for number in random.permutation(pictures).tolist()]
    objects = []
    for at, name in enumerate(names):
        Image.new("RGB", (100, 100)).save(folder / name)
        for number, (category, *box) in enumerate(SCENE):
            moved = np.array(box) * random.uniform(0.5, 1, 4) * 100
            objects.append(
                {
                    "id": 10 * at + number + 1,
                    "image_id": at,
                    "category_id": COCO_CATEGORIES[12 + (COCO_CATEGORIES.index(category) + 7 * at) % 68],
                    "bbox": moved.tolist(),
                }
            )
    truth = {
        "images": [{"id": at, "file_name": name, "width": 100, "height": 100} for at, name in enumerate(names)],
        "categories": [{"id": number} for number in COCO_CATEGORIES],
        "annotations": objects,
    }
    (folder / "instances_scene.json").write_text(json.dumps(truth))
    return Detection(DataRef(folder), DetectionOptions())


def logged(
    task: Detection,
    write: Callable[..., Any] = lambda x, y, w, h: (y, x, y + h, x + w),
    count: Callable[[int], int] = int,
    order: Callable[[list[str]], list[str]] = list,
) -> list[Answer]:
    names = list(task._data.pictures.names)
    truth = task._data.truth
    answers = []
    for index, name in enumerate(order(names)):
        mine = truth.image == names.index(name)
        boxes = np.array([write(*box) for box in (truth.box[mine] / 100).tolist()])
        labels = np.array([count(label) for label in truth.category[mine].tolist()])
        rows = np.frombuffer(pack_detections(boxes, np.ones(len(boxes)), labels), "<f4").reshape(-1, 7).copy()
        rows[:, 0] = index
        answers.append(Answer(index, rows.tobytes()))
    return answers


@pytest.mark.parametrize("form", WRITTEN)
def test_boxes_of_any_usual_form_are_named(tmp_path: Path, form: str) -> None:
    task = scene(tmp_path / "set")
    value, remark = remark_on(task, logged(task, WRITTEN[form]))
    assert value < 0.1
    assert f"read with boxes as {form} it would be 1: " in str(remark)


def test_classes_that_count_cocos_eighty_are_named_from_0_and_from_1(tmp_path: Path) -> None:
    task = scene(tmp_path / "set")
    counted = "classes counted over the categories that there are"
    value, remark = remark_on(task, logged(task, count=lambda label: COCO_CATEGORIES.index(label) + 1))
    assert value <= 0.1
    assert f"read with {counted} it would be 1: --set model.inverse_map=true scores it" in str(remark)
    value, remark = remark_on(task, logged(task, count=COCO_CATEGORIES.index))
    assert value <= 0.1
    assert f"read with {counted}, shifted by one it would be 1: " in str(remark)


def test_pictures_in_the_numeric_order_of_their_names_are_named_as_such(tmp_path: Path) -> None:
    task = scene(tmp_path / "set")
    value, remark = remark_on(
        task, logged(task, order=lambda names: sorted(names, key=lambda name: int(name.partition(".")[0])))
    )
    assert value < 0.1
    assert "read with samples in the order of the numbers in their names it would be 1: " in str(remark)


def test_boxes_classes_and_pictures_that_are_all_otherwise_are_named_together(tmp_path: Path) -> None:
    task = scene(tmp_path / "set")
    form = "xmin, ymin, xmax, ymax"
    value, remark = remark_on(task, logged(task, WRITTEN[form], COCO_CATEGORIES.index, sorted))
    assert value < 0.1
    assert (
        "read with samples in the order of the sorted file names, as the mobile app counts and boxes as xmin, ymin, xmax, ymax "
        "and classes counted over the categories that there are, shifted by one it would be 1: "
    ) in str(remark)


def test_a_detector_that_is_right_or_guesses_or_finds_nothing_is_given_no_other_reading(tmp_path: Path) -> None:
    task, random = scene(tmp_path / "set"), np.random.default_rng(9)
    assert remark_on(task, logged(task)) == (1.0, None)
    guesses = logged(task, lambda *_: random.uniform(0, 1, 4), lambda _: int(random.integers(1, 91)))
    assert "read with" not in str(remark_on(task, guesses)[1])
    empty = [Answer(index, b"") for index in range(len(task))]
    assert "read with" not in str(remark_on(task, empty)[1])
    assert "nothing was detected in any of the 12 pictures: every answer is empty" in task.score(empty).notes


def test_a_detection_of_a_broken_class_or_another_type_is_told_what_a_row_is(tmp_path: Path) -> None:
    task = scene(tmp_path / "set")
    answers = logged(task)
    turned = [
        Answer(at, np.frombuffer(data, "<f4").reshape(-1, 7)[:, [0, 6, 5, 1, 2, 3, 4]].tobytes())
        for at, data in answers
    ]
    with pytest.raises(LogError, match=r"a class is a whole number\. A row is of seven float32: sample index, ymin"):
        task.score(turned)
    half = [Answer(at, np.frombuffer(data, "<f4").astype("<f8").tobytes()) for at, data in answers]
    with pytest.raises(LogError, match=r"no sample is called so\. A row is of seven float32"):
        task.score(half)


@pytest.mark.parametrize("scale", [1.0, 3.0, 0.5])
def test_boxes_in_pixels_are_refused(tmp_path: Path, scale: float) -> None:
    task = street(tmp_path / "set")
    with pytest.raises(LogError, match=r"3 of 3 boxes lie far outside their pictures.*logged in pixels"):
        task.score(found(task, scale=scale))


# --- segmentation --------------------------------------------------------------------------------------------------


def test_a_class_map_whose_classes_are_shifted_is_named(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "set", ["a.png"])
    (folder / "annotations").mkdir()
    truth = np.arange(64, dtype=np.uint8).reshape(8, 8) % 6
    Image.fromarray(truth).save(folder / "annotations" / "a.png")
    task = Segmentation(DataRef(folder), SegmentationOptions(num_classes=6))
    value, remark = remark_on(task, [Answer(0, grids.pack_class_map(truth + np.uint8(1)))])
    assert value == 0
    assert "read with classes shifted by one it would be 1" in str(remark)


CHANGED: dict[str, Callable[[Any], Any]] = {
    "class maps transposed": np.transpose,
    "class maps upside down": np.flipud,
    "class maps mirrored": np.fliplr,
    "classes in another order": lambda labels: (7 * labels + 3) % 20,
}


@pytest.mark.parametrize("words", CHANGED)
def test_class_maps_that_are_turned_or_of_other_ids_are_named(tmp_path: Path, words: str) -> None:
    task, maps = maps_of(tmp_path / "set", 12)
    change = CHANGED[words]
    value, remark = remark_on(task, packed([change(labels) for labels in maps]))
    assert value <= 0.15
    assert f"read with {words} it would be " in str(remark)


def test_class_maps_in_the_numeric_order_of_the_pictures_are_named(tmp_path: Path) -> None:
    task, maps = maps_of(tmp_path / "set", 12)
    names = list(task._pictures.names)
    by_number = sorted(names, key=lambda name: int(name.partition(".")[0]))
    value, remark = remark_on(task, packed([maps[names.index(name)] for name in by_number]))
    assert value <= 0.15
    assert "read with samples in the numeric order of their names it would be 1" in str(remark)


def test_class_maps_that_are_right_or_say_nothing_are_given_no_other_reading(tmp_path: Path) -> None:
    task, maps = maps_of(tmp_path / "set", 12)
    random = np.random.default_rng(1)
    assert remark_on(task, packed(maps)) == (1.0, None)
    assert "read with" not in str(remark_on(task, packed([np.zeros_like(labels) for labels in maps]))[1])
    assert "read with" not in str(remark_on(task, packed([random.integers(0, 20, (32, 32)) for _ in maps]))[1])


def test_a_model_that_is_right_on_a_set_of_few_of_its_classes_is_not_called_a_guess(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "set", ["a.png", "b.png", "c.png"])
    (folder / "annotations").mkdir()
    truth = np.repeat(np.arange(1, 3, dtype=np.uint8), 32).reshape(8, 8)
    for name in ("a.png", "b.png", "c.png"):
        Image.fromarray(truth).save(folder / "annotations" / name)
    task = Segmentation(DataRef(folder), SegmentationOptions(num_classes=32))
    assert task.score(packed([truth] * 3))["miou"] < 0.1
    assert remark_on(task, packed([truth] * 3)) == (1.0, None)


def maps_of(folder: Path, count: int) -> tuple[Segmentation, list[Any]]:
    """Pictures named by their numbers, and their annotations in the order of the set."""
    pictures(folder, [])
    (folder / "annotations").mkdir()
    random = np.random.default_rng(2)
    for number in range(count):
        Image.new("RGB", (32, 32)).save(folder / f"{number}.png")
        labels = np.kron(random.integers(0, 20, (8, 8)), np.ones((4, 4))).astype(np.uint8)
        Image.fromarray(labels).save(folder / "annotations" / f"{number}.png")
    task = Segmentation(DataRef(folder), SegmentationOptions(num_classes=20))
    return task, [np.array(Image.open(folder / "annotations" / name)) for name in task._pictures.names]


def packed(maps: Sequence[Any]) -> list[Answer]:
    return [
        Answer(index, grids.pack_class_map(np.ascontiguousarray(labels, dtype=np.uint8)))
        for index, labels in enumerate(maps)
    ]
