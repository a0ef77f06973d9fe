from __future__ import annotations

import dataclasses
import json
import math
import struct
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from accuracy.answers.detections import from_answers
from accuracy.answers.log import Answer, LogError, read_answers
from accuracy.answers.wire import unpack_detections
from accuracy.truth.boxes.instances import read_instances
from backends.base import TensorSpec
from tasks.base import DataMissing, DataRef, ModelMismatch
from tasks.codecs.detection import DetectionOptions
from tasks.detection import Detection
from tasks.pictures.published.coco import CocoData
from tests.tasks.coco_sets import SIZES, Array, png, write_coco

PERFECT = {"c": [[0, 0, 1, 0.5, 0.9, 1]], "a": [[0, 0, 0.5, 1, 0.8, 90]], "b": []}
"""ymin, xmin, ymax, xmax, score, class by name."""


def answers_of(names: Sequence[str]) -> list[Answer]:
    rows = [[[index, *row] for row in PERFECT[name]] for index, name in enumerate(names)]
    return [Answer(index, np.array(found, np.float32).tobytes()) for index, found in enumerate(rows)]


# --- the data --------------------------------------------------------------------------------------------------------


def test_the_samples_are_in_the_order_of_the_json(tmp_path: Path) -> None:
    task = Detection(DataRef(write_coco(tmp_path)), DetectionOptions())
    task.check_truth()
    assert len(task) == 3
    assert task.describe_data() == {
        "count": 3,
        "pictures": str(tmp_path / "val2017"),
        "order": "json",
        "truth": str(tmp_path / "annotations/instances_val2017.json"),
    }
    figures = task.score(answers_of("cab"))
    assert figures["coco_ap"] == figures["voc_map50"] == pytest.approx(1.0)
    assert task.score(answers_of("abc"))["coco_ap"] == 0.0


def test_the_samples_are_in_the_order_of_the_names_where_that_is_asked_for(tmp_path: Path) -> None:
    task = Detection(DataRef(write_coco(tmp_path)), DetectionOptions(order="name"))
    task.check_truth()
    assert task.describe_data()["order"] == "name"
    assert task.score(answers_of("abc"))["coco_ap"] == pytest.approx(1.0)
    assert task.score(answers_of("cab"))["coco_ap"] == 0.0


def test_the_pictures_may_be_in_a_zip_archive_with_the_truth_beside_it(tmp_path: Path) -> None:
    folder = write_coco(tmp_path)
    with zipfile.ZipFile(tmp_path / "val.zip", "w") as archive:
        for name in SIZES:
            archive.write(folder / "val2017" / f"{name}.png", f"val/{name}.png")
    task = Detection(DataRef(tmp_path / "val.zip"), DetectionOptions())
    task.check_truth()
    assert task.score(answers_of("cab"))["coco_ap"] == pytest.approx(1.0)


def test_the_count_takes_the_first_samples_and_the_truth_of_no_others(tmp_path: Path) -> None:
    folder = write_coco(tmp_path)
    (folder / "val2017/b.png").unlink()
    task = Detection(DataRef(folder, count=2), DetectionOptions())
    task.check_truth()
    assert len(task) == 2
    assert task.score(answers_of("ca"))["coco_ap"] == pytest.approx(1.0)
    assert Detection(DataRef(folder, count=1), DetectionOptions()).score(answers_of("c"))["coco_ap"] == pytest.approx(
        1.0
    )


def test_a_picture_of_the_json_that_is_not_there_is_named(tmp_path: Path) -> None:
    folder = write_coco(tmp_path)
    (folder / "val2017/a.png").unlink()
    with pytest.raises(
        DataMissing, match=r"1 of 3 pictures \(a\) that .*json lists are not in .*--set dataset.order=name"
    ):
        Detection(DataRef(folder), DetectionOptions())
    by_name = Detection(DataRef(folder), DetectionOptions(order="name"))
    by_name.check_truth()
    assert len(by_name) == 2


@pytest.mark.parametrize("order", ["json", "name"])
def test_a_picture_of_the_json_that_is_not_there_behind_a_count_is_said_with_the_score(
    tmp_path: Path, order: Any
) -> None:
    folder = write_coco(tmp_path)
    assert CocoData(DataRef(folder, count=1), order).notes == ()
    (folder / "val2017/b.png").unlink()
    (note,) = CocoData(DataRef(folder, count=1), order).notes
    assert note.startswith("1 pictures of ")
    assert note.endswith("they are not asked and do not count")


@pytest.mark.parametrize("order", ["json", "name"])
def test_a_picture_that_is_not_in_the_truth_is_named(tmp_path: Path, order: Any) -> None:
    folder = write_coco(tmp_path)
    (folder / "val2017/d.png").write_bytes(png())
    with pytest.raises(DataMissing, match=r"no entry for 1 of 4 pictures \(d\)"):
        Detection(DataRef(folder), DetectionOptions(order=order)).check_truth()


def test_other_pictures_under_the_same_names_are_seen_by_their_sizes(tmp_path: Path) -> None:
    folder = write_coco(tmp_path)
    (folder / "val2017/a.png").write_bytes(png(31, 10))
    with pytest.raises(
        DataMissing, match=r"does not belong to .*1 pictures have another size \(a.png is 31x10, not 30x10\)"
    ):
        Detection(DataRef(folder), DetectionOptions()).check_truth()


def test_pictures_that_were_all_resized_beforehand_are_taken(tmp_path: Path) -> None:
    folder = write_coco(tmp_path)
    for name in SIZES:
        (folder / f"val2017/{name}.png").write_bytes(png(8, 6))
    Detection(DataRef(folder), DetectionOptions()).check_truth()
    (folder / "val2017/a.png").write_bytes(png(*SIZES["a"]))
    with pytest.raises(DataMissing, match="2 pictures have another size"):
        Detection(DataRef(folder), DetectionOptions()).check_truth()


def test_without_a_truth_the_order_is_by_name_and_only_scoring_fails(tmp_path: Path) -> None:
    folder = write_coco(tmp_path / "data")
    (folder / "annotations/instances_val2017.json").unlink()
    task = Detection(DataRef(folder), DetectionOptions())
    assert task.describe_data() == {"count": 3, "pictures": str(folder / "val2017"), "order": "name", "truth": None}
    with pytest.raises(DataMissing, match=r"no ground truth in or beside .*--truth FILE"):
        task.check_truth()


def test_two_truths_are_one_too_many(tmp_path: Path) -> None:
    folder = write_coco(tmp_path)
    (folder / "annotations/instances_train2017.json").write_text("{}")
    with pytest.raises(DataMissing, match=r"more than one ground truth.*--truth"):
        Detection(DataRef(folder), DetectionOptions())


def test_a_truth_without_any_object_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match="has no object in any of the 3 pictures"):
        Detection(DataRef(write_coco(tmp_path, annotations=[])), DetectionOptions()).check_truth()


def boxed(box: Callable[[int, int, int, int], list[float]]) -> list[dict[str, Any]]:
    """Eight objects of the 20x10 picture, each written by its sides in pixels."""
    sides = [(x, y, x + 9, y + 5) for x in (1, 2, 10, 11) for y in (1, 4)]
    return [
        {"id": at, "image_id": 50, "category_id": 1, "bbox": box(*side), "iscrowd": 0}
        for at, side in enumerate(sides, 1)
    ]


@pytest.mark.parametrize(
    ("box", "complaint"),
    [
        (lambda x, y, right, bottom: [x, y, right, bottom], "are two corners: .*COCO's are x, y, width and height"),
        (
            lambda x, y, right, bottom: [x / 20, y / 10, (right - x) / 20, (bottom - y) / 10],
            "lie between 0 and 1: .*COCO's are in pixels",
        ),
    ],
)
def test_boxes_that_are_plainly_corners_or_fractions_are_refused(tmp_path: Path, box: Any, complaint: str) -> None:
    with pytest.raises(DataMissing, match=complaint):
        Detection(DataRef(write_coco(tmp_path, annotations=boxed(box))), DetectionOptions()).check_truth()


def test_boxes_of_corner_and_size_may_leave_their_pictures_a_little(tmp_path: Path) -> None:
    own = boxed(lambda x, y, right, bottom: [x, y, right - x + 1, bottom - y + 1])
    Detection(DataRef(write_coco(tmp_path, annotations=own)), DetectionOptions()).check_truth()


@pytest.mark.parametrize("first", [0, 1])
def test_eighty_categories_without_gaps_and_names_are_not_taken_for_cocos_ids(tmp_path: Path, first: int) -> None:
    categories = [{"id": number, "name": f"class {number}"} for number in range(first, first + 80)]
    data = DataRef(write_coco(tmp_path, categories=categories, annotations=boxed(lambda x, y, *_: [x, y, 5, 4])))
    with pytest.raises(DataMissing, match="80 categories without the gaps of COCO's ids"):
        Detection(data, DetectionOptions()).check_truth()
    for told in (DetectionOptions(category_ids="file"), DetectionOptions(inverse_map=True)):
        Detection(data, told).check_truth()


def test_names_that_are_none_of_cocos_are_said_where_cocos_ids_count(tmp_path: Path) -> None:
    categories = [{"id": 1, "name": "helmet"}, {"id": 2, "name": "vest"}]
    data = DataRef(write_coco(tmp_path, categories=categories, annotations=boxed(lambda x, y, *_: [x, y, 5, 4])))
    said = "(helmet, vest) are none of COCO's"
    assert any(said in note for note in Detection(data, DetectionOptions())._data.notes)
    assert not any(said in note for note in Detection(data, DetectionOptions(category_ids="file"))._data.notes)


def test_a_corrupt_truth_is_missing_data(tmp_path: Path) -> None:
    folder = write_coco(tmp_path)
    (folder / "annotations/instances_val2017.json").write_text("{")
    for order in ("json", "name"):
        with pytest.raises(DataMissing, match="is not JSON"):
            Detection(DataRef(folder), DetectionOptions(order=order)).check_truth()


def test_a_pbtxt_is_matched_by_name_and_takes_the_sizes_of_the_pictures(tmp_path: Path) -> None:
    folder = write_coco(tmp_path)
    box = "bounding_box { normalized_right: 1 normalized_bottom: 1 }"
    entries = (f'detection_results {{ image_name: "{name}.jpg" objects {{ class_id: 1 {box} }} }}' for name in "abcz")
    (tmp_path / "coco_val.pbtxt").write_text("\n".join(entries))
    task = Detection(DataRef(folder, truth=tmp_path / "coco_val.pbtxt"), DetectionOptions())
    task.check_truth()
    assert task.describe_data()["order"] == "name"
    rows = [Answer(index, struct.pack("<7f", index, 0, 0, 1, 1, 0.5, 1)) for index in range(3)]
    figures = task.score(rows)
    assert figures["coco_ap"] == figures["coco_ap_small"] == figures["tflite_map"] == pytest.approx(1.0)
    truth = CocoData(DataRef(folder, truth=tmp_path / "coco_val.pbtxt"), "json").truth
    assert [(image.name, image.width, image.height) for image in truth.images] == [
        (f"{name}.jpg", *SIZES[name]) for name in "abc"
    ]


# --- options ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong", [{"max_detections": 0}, {"std": 0.0}, {"score_threshold": 1.0}, {"score_threshold": math.nan}]
)
def test_options_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DetectionOptions(**wrong)


# --- the log ---------------------------------------------------------------------------------------------------------


def write_log(path: Path, answers: Sequence[Answer]) -> Path:
    rows = ",\n".join(
        f'{{ "seq_id" : {row}, "qsl_idx" : {answer.index}, "data" : "{answer.data.hex().upper()}" }}'
        for row, answer in enumerate(answers)
    )
    path.write_text(f"[\n{rows}\n]\n")
    return path


def test_a_log_with_repeated_samples_in_any_order_scores_as_one_without(coco: Path, tmp_path: Path) -> None:
    task = Detection(DataRef(coco), DetectionOptions())
    answers = answers_of("cab")
    log = write_log(tmp_path / "log.json", [answers[2], answers[1], answers[1], answers[0], answers[2]])
    assert task.score(read_answers(log, len(task))) == task.score(answers)


def test_a_log_without_one_of_the_samples_is_refused(coco: Path, tmp_path: Path) -> None:
    task = Detection(DataRef(coco), DetectionOptions())
    log = write_log(tmp_path / "log.json", answers_of("cab")[:2])
    with pytest.raises(LogError, match="answers 2 of 3 samples"):
        task.score(read_answers(log, len(task)))


def test_labels_of_eighty_classes_find_the_gapped_category_ids(coco: Path) -> None:
    task = Detection(DataRef(coco), DetectionOptions(inverse_map=True))
    relabelled = {1.0: 1.0, 90.0: 3.0}
    answers = []
    for answer in answers_of("cab"):
        rows = unpack_detections(answer.data).copy()
        rows[:, 6] = [relabelled[label] for label in rows[:, 6].tolist()]
        answers.append(Answer(answer.index, rows.tobytes()))
    assert task.score(answers)["coco_ap"] == pytest.approx(1.0)
    with pytest.raises(LogError, match="classes go from 0 to 3"):
        task.score(answers_of("cab"))


@pytest.mark.parametrize("ids", [(0, 1, 79), (1, 2, 80), (7, 5, 3)], ids=["from 0", "from 1", "of a few"])
def test_a_json_that_gives_cocos_classes_other_ids_is_told_by_their_names(tmp_path: Path, ids: tuple[int, ...]) -> None:
    folder = write_coco(tmp_path)
    path = folder / "annotations/instances_val2017.json"
    content = json.loads(path.read_text())
    new = dict(zip((1, 2, 90), ids, strict=True))
    names = {1: "person", 2: "bicycle", 90: "toothbrush"}
    content["categories"] = [{"id": new[number], "name": name} for number, name in names.items()]
    for entry in content["annotations"]:
        entry["category_id"] = new[entry["category_id"]]
    path.write_text(json.dumps(content))
    score = Detection(DataRef(folder), DetectionOptions()).score(answers_of("cab"))
    assert score["coco_ap"] == pytest.approx(1.0)
    assert any("told by their names" in note for note in score.notes)
    # A detector of the user's own counts the file's classes.
    own = Detection.fit(DetectionOptions(), 4)
    assert own.category_ids == "file"
    assert Detection(DataRef(folder), own).score(answers_of("cab"))["coco_ap"] != pytest.approx(1.0)


def test_categories_of_which_only_some_are_cocos_are_refused_where_their_ids_are_not(tmp_path: Path) -> None:
    categories = [{"id": 1, "name": "bicycle"}, {"id": 2, "name": "helmet"}, {"id": 90, "name": "toothbrush"}]
    folder = write_coco(tmp_path, categories=categories)
    with pytest.raises(
        DataMissing, match=r"under other ids \(bicycle 1\), .* none of COCO's \(helmet\).*category_ids=file"
    ):
        Detection(DataRef(folder), DetectionOptions()).check_truth()
    Detection(DataRef(folder), DetectionOptions(category_ids="file")).check_truth()


def test_classes_without_gaps_count_the_categories_in_the_files_order(tmp_path: Path) -> None:
    folder = write_coco(tmp_path, categories=[{"id": 90}, {"id": 2}, {"id": 1}])
    task = Detection(DataRef(folder), DetectionOptions(inverse_map=True))
    relabelled = {1.0: 3.0, 90.0: 1.0}
    answers = []
    for answer in answers_of("cab"):
        rows = unpack_detections(answer.data).copy()
        rows[:, 6] = [relabelled[label] for label in rows[:, 6].tolist()]
        answers.append(Answer(answer.index, rows.tobytes()))
    assert task.score(answers)["coco_ap"] == pytest.approx(1.0)


def test_a_json_that_lists_only_what_occurs_does_not_shift_classes_without_gaps(tmp_path: Path) -> None:
    names = [{"id": 1, "name": "person"}, {"id": 90, "name": "toothbrush"}]
    folder = write_coco(tmp_path, categories=names)
    task = Detection(DataRef(folder), DetectionOptions(inverse_map=True))
    answers = []
    for answer in answers_of("cab"):
        rows = unpack_detections(answer.data).copy()
        rows[:, 6] = [{1.0: 1.0, 90.0: 80.0}[label] for label in rows[:, 6].tolist()]
        answers.append(Answer(answer.index, rows.tobytes()))
    assert task.score(answers)["coco_ap"] == pytest.approx(1.0)
    unnamed = Detection(DataRef(write_coco(tmp_path / "unnamed", categories=[{"id": 1}, {"id": 90}])), task._options)
    with pytest.raises(LogError, match="count the ground truth's 2 categories: does it list all of the model's"):
        unnamed.score(answers)


def test_how_a_detector_counts_is_read_off_its_number_of_classes() -> None:
    found = {columns: Detection.fit(DetectionOptions(), columns) for columns in (None, 91, 81, 4)}
    assert [(one.inverse_map, one.category_ids) for one in found.values()] == [
        (False, "coco"),
        (False, "coco"),
        (True, "coco"),
        (False, "file"),
    ]


def test_the_explanation_speaks_of_this_set(coco: Path) -> None:
    assert "on these 3 pictures" in Detection(DataRef(coco), DetectionOptions()).explain(answers_of("cab"))


# --- a real model ----------------------------------------------------------------------------------------------------

Outputs = list[Array]


def specs(details: list[dict[str, Any]]) -> list[TensorSpec]:
    return [TensorSpec(d["name"], tuple(map(int, d["shape"])), np.dtype(d["dtype"])) for d in details]


@dataclasses.dataclass
class Ssd:
    """SSD-MobileNet-v1 in one interpreter of one thread."""

    interpreter: Any

    @property
    def inputs(self) -> list[TensorSpec]:
        return specs(self.interpreter.get_input_details())

    @property
    def outputs(self) -> list[TensorSpec]:
        return specs(self.interpreter.get_output_details())

    def run(self, task: Detection) -> list[Outputs]:
        """The raw outputs of every sample."""
        codec = task.codec(self.inputs, self.outputs)
        into = self.interpreter.get_input_details()[0]["index"]
        places = [detail["index"] for detail in self.interpreter.get_output_details()]
        found = []
        for index in range(len(task)):
            self.interpreter.set_tensor(into, codec.preprocess(index)[0])
            self.interpreter.invoke()
            found.append([self.interpreter.get_tensor(place) for place in places])
        return found

    def answers(self, task: Detection, found: list[Outputs], outputs: list[TensorSpec] | None = None) -> list[Answer]:
        """As the system under test logs them."""
        codec = task.codec(self.inputs, outputs or self.outputs)
        answers = []
        for index, values in enumerate(found):
            rows = unpack_detections(codec.postprocess(values)).copy()
            rows[:, 0] = index
            answers.append(Answer(index, rows.tobytes()))
        return answers


@pytest.fixture(scope="module")
def ssd(zoo: Path) -> Ssd:
    from ai_edge_litert.interpreter import Interpreter

    path = zoo / "models/ssd/coco_ssd_mobilenet_v1_1.0_quant_detect.tflite"
    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    return Ssd(interpreter)


@pytest.fixture(scope="module")
def val50(zoo: Path) -> Callable[..., Detection]:
    def open_val50(**options: Any) -> Detection:
        return Detection(DataRef(zoo / "datasets/coco_val50"), DetectionOptions(profile="pillow", **options))

    return open_val50


@pytest.fixture(scope="module")
def val50_outputs(ssd: Ssd, val50: Callable[..., Detection]) -> list[Outputs]:
    return ssd.run(val50())


REFERENCE_AP = pytest.approx(0.1924, abs=0.002)


def test_fifty_coco_pictures_score_the_reference(
    ssd: Ssd, val50: Callable[..., Detection], val50_outputs: list[Outputs]
) -> None:
    task = val50()
    task.check_truth()
    answers = ssd.answers(task, val50_outputs)
    figures = task.score(answers)
    assert figures["coco_ap"] == REFERENCE_AP
    assert figures["coco_ap50"] == pytest.approx(0.326281, abs=1e-6)
    assert "48 classes with an object; tflite_map over the 59" in task.explain(answers)


def test_the_detections_are_those_that_were_kept(
    zoo: Path, ssd: Ssd, val50: Callable[..., Detection], val50_outputs: list[Outputs]
) -> None:
    """Ours are clipped to the picture and the kept ones are not, so boxes at the border may differ."""
    task = val50()
    folder = zoo / "datasets/coco_val50"
    truth = read_instances(folder / "annotations/instances_val2017.json")
    ours = from_answers(ssd.answers(task, val50_outputs), truth)
    kept = json.loads((folder / "ref_detections_ssd_val2017.json").read_text())
    assert [truth.images[image].id for image in ours.image] == [entry["image_id"] for entry in kept]
    assert ours.category.tolist() == [entry["category_id"] for entry in kept]
    np.testing.assert_allclose(ours.score, [entry["score"] for entry in kept], atol=1e-6)
    boxes = np.array([entry["bbox"] for entry in kept])
    corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    sides = np.array([(image.width, image.height) * 2 for image in truth.images], float)[ours.image]
    clipped = np.clip(corners, 0, sides)
    np.testing.assert_allclose(
        ours.box, np.concatenate([clipped[:, :2], clipped[:, 2:] - clipped[:, :2]], axis=1), atol=1e-3
    )


def transposed(outputs: Outputs) -> Outputs:
    return [outputs[0][..., [1, 0, 3, 2]], *outputs[1:]]


def test_a_wrong_class_offset_misses_the_reference(
    ssd: Ssd, val50: Callable[..., Detection], val50_outputs: list[Outputs]
) -> None:
    task = val50(class_offset=0)
    assert task.score(ssd.answers(task, val50_outputs))["coco_ap"] != REFERENCE_AP


def test_transposed_boxes_miss_the_reference(
    ssd: Ssd, val50: Callable[..., Detection], val50_outputs: list[Outputs]
) -> None:
    task = val50()
    assert task.score(ssd.answers(task, list(map(transposed, val50_outputs))))["coco_ap"] != REFERENCE_AP


def test_shifted_pictures_miss_the_reference(
    ssd: Ssd, val50: Callable[..., Detection], val50_outputs: list[Outputs]
) -> None:
    task = val50()
    assert task.score(ssd.answers(task, val50_outputs[1:] + val50_outputs[:1]))["coco_ap"] != REFERENCE_AP


def test_the_samples_of_the_other_order_miss_the_reference(
    ssd: Ssd, val50: Callable[..., Detection], val50_outputs: list[Outputs]
) -> None:
    task = val50(order="name")
    assert task.score(ssd.answers(task, val50_outputs))["coco_ap"] != REFERENCE_AP


def test_permuted_outputs_score_the_reference_by_name_and_miss_it_under_each_others_names(
    ssd: Ssd, val50: Callable[..., Detection], val50_outputs: list[Outputs]
) -> None:
    task = val50()
    order = [2, 0, 3, 1]  # as TensorFlow 2 exports them
    permuted = [[values[place] for place in order] for values in val50_outputs]
    by_name = ssd.answers(task, permuted, [ssd.outputs[place] for place in order])
    assert task.score(by_name)["coco_ap"] == REFERENCE_AP
    swap = {"classes": "TFLite_Detection_PostProcess:2", "scores": "TFLite_Detection_PostProcess:1"}
    swapped = val50(outputs=swap)
    with pytest.raises(LogError, match="cannot be"):  # scores are no classes
        swapped.score(ssd.answers(swapped, val50_outputs))


def coco_test(zoo: Path, archive: str, **options: Any) -> Detection:
    folder = zoo / "datasets/mlperf_mobile"
    truth = folder / "v1_0_assets_coco_val.pbtxt"
    return Detection(DataRef(folder / archive, truth=truth), DetectionOptions(**options))


def test_the_apps_ten_pictures_score_the_apps_figure_which_is_not_cocos(zoo: Path, ssd: Ssd) -> None:
    task = coco_test(zoo, "v3_0_datasets_coco-test.zip")
    task.check_truth()
    found = ssd.run(task)
    score = partial(ssd.answers, task)
    figures = task.score(score(found))
    assert figures["tflite_map"] == pytest.approx(0.2322, abs=5e-5)
    assert figures["coco_ap"] == pytest.approx(0.6633, abs=5e-5)
    wrong = task.score(score(found[1:] + found[:1]))
    assert wrong["tflite_map"] < 0.1
    assert wrong["coco_ap"] < 0.1


def test_the_apps_other_ten_pictures_of_the_same_names_are_refused(zoo: Path) -> None:
    with pytest.raises(DataMissing, match=r"belongs to .*coco-test\.zip"):
        coco_test(zoo, "v0_7_datasets_coco_tiny.zip").check_truth()


@pytest.mark.parametrize(
    ("options", "columns", "said"),
    [
        ({"inverse_map": True}, 91, "inverse_map is true, but the model has 91 class scores"),
        ({"inverse_map": False}, 80, "inverse_map is false, but the model has 80 class scores"),
        ({"class_offset": 7}, 91, "class_offset is 7, but the 91 class scores of the model are COCO's"),
        ({"class_offset": -3}, 80, "class_offset is -3"),
    ],
)
def test_options_that_contradict_the_number_of_class_scores_are_refused_unless_the_files_ids_count(
    options: dict[str, Any], columns: int, said: str
) -> None:
    with pytest.raises(ModelMismatch, match=said):
        Detection.fit(DetectionOptions(**options), columns)
    assert Detection.fit(DetectionOptions(**options, category_ids="file"), columns).category_ids == "file"


def test_categories_of_no_object_are_refused_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match=r"is of the categories \[999\]: there are 1, 90"):
        Detection(DataRef(write_coco(tmp_path)), DetectionOptions(categories=(999,))).check_truth()
    with pytest.raises(ValueError, match="categories is empty"):
        DetectionOptions(categories=())


def test_options_for_stored_boxes_are_said_to_change_nothing_for_a_json(tmp_path: Path) -> None:
    task = Detection(DataRef(write_coco(tmp_path)), DetectionOptions(stored_boxes="xywh", stored_classes="from_0"))
    (said,) = task.warnings()
    assert said.startswith("stored_boxes and stored_classes change nothing")


def test_a_set_of_crowd_regions_alone_is_refused_since_nobody_is_asked_to_find_them(tmp_path: Path) -> None:
    Image.new("RGB", (100, 100)).save(tmp_path / "a.png")
    box = {"image_id": 1, "category_id": 1, "bbox": [10, 10, 30, 30], "area": 900, "iscrowd": 1}
    truth = {
        "images": [{"id": 1, "file_name": "a.png", "width": 100, "height": 100}],
        "categories": [{"id": 1}],
        "annotations": [{"id": 1, **box}, {"id": 2, **box}],
    }
    (tmp_path / "instances_a.json").write_text(json.dumps(truth))
    with pytest.raises(DataMissing, match=r"all 2 objects that .* has in the 1 pictures are crowd regions"):
        Detection(DataRef(tmp_path), DetectionOptions()).check_truth()
