"""Boxes and masks that are stored with the pictures: the same set in every form must give the same score."""

from __future__ import annotations

import io
import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from accuracy.answers import grids
from accuracy.answers.log import Answer
from accuracy.truth.boxes.coco import COCO_CATEGORIES
from accuracy.truth.boxes.coco_names import COCO_NAMES
from accuracy.truth.boxes.instances import read_instances
from backends.base import TensorSpec
from tasks.base import Array, DataMissing, DataRef
from tasks.codecs.detection import DetectionOptions
from tasks.codecs.segmentation import SegmentationOptions
from tasks.detection import Detection
from tasks.segmentation import Segmentation

Write = Callable[..., Path]
Made = tuple[Path, Detection]


class Boxed(NamedTuple):
    """A picture and its objects."""

    name: str
    id: int
    width: int
    height: int
    objects: list[tuple[list[int], int, int, int]]
    """Box x, y, width, height; category id, area, crowd."""

    def encoded(self) -> bytes:
        return encoded(np.random.default_rng(self.id).integers(0, 256, (self.height, self.width, 3)).astype(np.uint8))


SET = [
    Boxed("000000000632.jpg", 632, 100, 80, [([10, 20, 60, 50], 1, 2500, 0), ([0, 0, 100, 80], 90, 7000, 1)]),
    Boxed("000000000139.jpg", 139, 80, 100, [([30, 40, 50, 60], 18, 2800, 0), ([5, 5, 8, 9], 1, 60, 0)]),
    Boxed("000000000285.jpg", 285, 64, 64, []),
    Boxed("000000000724.jpg", 724, 60, 90, [([40, 30, 15, 40], 44, 500, 0)]),
]


def encoded(pixels: Array) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def folder_of(path: Path) -> Path:
    """The set as COCO distributes it, the images in the order of `SET`."""
    (path / "val2017").mkdir(parents=True)
    (path / "annotations").mkdir()
    for picture in SET:
        (path / "val2017" / picture.name).write_bytes(picture.encoded())
    objects = [(picture, found) for picture in SET for found in picture.objects]
    content = {
        "images": [{"id": p.id, "file_name": p.name, "width": p.width, "height": p.height} for p in SET],
        "categories": [{"id": number} for number in COCO_CATEGORIES],
        "annotations": [
            {"id": row, "image_id": p.id, "bbox": box, "category_id": category, "area": area, "iscrowd": crowd}
            for row, (p, (box, category, area, crowd)) in enumerate(objects)
        ],
    }
    (path / "annotations/instances_val2017.json").write_text(json.dumps(content))
    return path


def detection_api(picture: Boxed, **changes: Any) -> dict[str, Any]:
    """As create_coco_tf_record.py of TensorFlow's object detection API writes it."""
    boxes = np.array([box for box, *_ in picture.objects], np.float64).reshape(-1, 4)
    x, y, width, height = boxes.T
    sides = {"xmin": x / picture.width, "xmax": (x + width) / picture.width}
    sides |= {"ymin": y / picture.height, "ymax": (y + height) / picture.height}
    return {
        "image/height": picture.height,
        "image/width": picture.width,
        "image/filename": picture.name,
        "image/source_id": str(picture.id),
        "image/encoded": picture.encoded(),
        "image/format": "jpeg",
        **{f"image/object/bbox/{side}": values.tolist() for side, values in sides.items()},
        "image/object/class/text": [
            COCO_NAMES[COCO_CATEGORIES.index(category)] for _, category, _, _ in picture.objects
        ],
        "image/object/class/label": [category for _, category, _, _ in picture.objects],
        "image/object/is_crowd": [crowd for *_, crowd in picture.objects],
        "image/object/area": [float(area) for _, _, area, _ in picture.objects],
    } | changes


def tensorflow_datasets(picture: Boxed) -> dict[str, Any]:
    """As TensorFlow Datasets serialises its COCO: no sizes, one list of boxes, classes from 0."""
    boxes = [
        [y / picture.height, x / picture.width, (y + height) / picture.height, (x + width) / picture.width]
        for (x, y, width, height), *_ in picture.objects
    ]
    return {
        "image": picture.encoded(),
        "image/filename": picture.name,
        "image/id": picture.id,
        "objects/bbox": [value for box in boxes for value in box],
        "objects/label": [COCO_CATEGORIES.index(category) for _, category, _, _ in picture.objects],
        "objects/is_crowd": [crowd for *_, crowd in picture.objects],
        "objects/area": [area for _, _, area, _ in picture.objects],
    }


@pytest.fixture
def datasets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The library, offline, with a cache of its own."""
    library = pytest.importorskip("datasets", reason="the extra hf is not installed: ./run.sh install hf")
    monkeypatch.setattr(library.config, "HF_DATASETS_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(library.config, "HF_HUB_OFFLINE", True)
    return library


def rows_of(pictures: list[Boxed], *, corners: bool, crowd: bool = True, named: bool = True) -> dict[str, list[Any]]:
    """The columns of a data set on the hub: detection-datasets/coco has corners, no crowd flags and no file names."""

    def box_of(box: list[int]) -> list[float]:
        x, y, width, height = map(float, box)
        return [x, y, x + width, y + height] if corners else [x, y, width, height]

    objects = []
    for picture in pictures:
        found: dict[str, list[Any]] = {
            "bbox_id": list(range(len(picture.objects))),
            "category": [COCO_CATEGORIES.index(category) for _, category, _, _ in picture.objects],
            "bbox": [box_of(box) for box, *_ in picture.objects],
            "area": [area for _, _, area, _ in picture.objects],
        }
        objects.append(found | ({"iscrowd": [flag for *_, flag in picture.objects]} if crowd else {}))
    return {
        "image": [{"bytes": picture.encoded(), "path": picture.name if named else None} for picture in pictures],
        "image_id": [picture.id for picture in pictures],
        "width": [picture.width for picture in pictures],
        "height": [picture.height for picture in pictures],
        "objects": objects,
    }


def features_of(datasets: Any, *, crowd: bool = True, listed: bool = False) -> Any:
    """`listed`: a list of objects rather than an object of lists, which other sets have and the library tells apart."""
    whole, kinds = datasets.Value("int64"), datasets.ClassLabel(names=list(COCO_NAMES))
    one = {"bbox_id": whole, "category": kinds, "bbox": datasets.Sequence(datasets.Value("float32"), 4), "area": whole}
    one |= {"iscrowd": whole} if crowd else {}
    objects = [one] if listed else datasets.Sequence(one)
    return datasets.Features(
        {"image": datasets.Image(), "image_id": whole, "width": whole, "height": whole, "objects": objects}
    )


def save(datasets: Any, path: Path, rows: Mapping[str, list[Any]], features: Any = None) -> Path:
    datasets.Dataset.from_dict(dict(rows), features=features).save_to_disk(path)
    return Path(f"hf:{path}")


def answers(task: Detection, moved: float = 0.0) -> list[Answer]:
    """What a model would log that finds every object of `SET`, a little beside it, and one that is not there."""
    by_name = {picture.name: picture for picture in SET}
    logged = []
    for index, name in enumerate(task._data.pictures.names):
        picture = by_name[name]
        rows = [
            [
                index,
                y / picture.height,
                x / picture.width,
                (y + h) / picture.height,
                (x + w * (1 + moved)) / picture.width,
                0.9 - 0.1 * number,
                category,
            ]
            for number, ((x, y, w, h), category, _, _) in enumerate(picture.objects)
        ]
        rows.append([index, 0.1, 0.1, 0.3, 0.2, 0.5, 18])
        logged.append(Answer(index, np.array(rows, np.float32).tobytes()))
    return logged


def task_of(path: Path, truth: Path | None = None, count: int | None = None, **options: Any) -> Detection:
    return Detection(DataRef(path, truth, count), DetectionOptions(**options))


# --- boxes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["detection api", "tensorflow datasets", "hub corners", "hub sizes", "hub listed"])
@pytest.mark.parametrize("moved", [0.0, 0.2, 0.35])
def test_every_form_scores_as_the_same_pictures_in_a_folder(
    form: str, moved: float, write_records: Write, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if form.startswith("hub"):
        datasets = request.getfixturevalue("datasets")
        features = features_of(datasets, listed=form == "hub listed")
        rows = rows_of(SET, corners=form == "hub corners")
        if form == "hub listed":
            rows["objects"] = [
                [dict(zip(found, one, strict=True)) for one in zip(*found.values(), strict=True)]
                for found in rows["objects"]
            ]
        path = save(datasets, tmp_path / "set", rows, features)
    else:
        record = detection_api if form == "detection api" else tensorflow_datasets
        path = write_records(tmp_path / "val.tfrecord", [record(picture) for picture in SET])
    task, other = task_of(path), task_of(folder_of(tmp_path / "folder"))
    task.check_truth()
    assert task._data.pictures.names == other._data.pictures.names
    assert [image.id for image in task._data.truth.images] == [picture.id for picture in SET]
    found, wanted = task.score(answers(task, moved)), other.score(answers(other, moved))
    assert wanted["coco_ap"] > 0.1
    assert dict(found) == pytest.approx(dict(wanted), abs=1e-6)
    picture = TensorSpec("image", (1, 16, 16, 3), np.dtype(np.uint8))
    outputs = [TensorSpec(str(at), (1, 10, 4)[: 3 - (at > 0)], np.dtype(np.float32)) for at in range(3)]
    outputs.append(TensorSpec("TFLite_Detection_PostProcess:3", (1,), np.dtype(np.float32)))
    roles = {"boxes": "0", "classes": "1", "scores": "2", "count": "TFLite_Detection_PostProcess:3"}
    for one, two in zip(
        *(
            [t.codec([picture], outputs).preprocess(i)[0] for i in range(4)]
            for t in (task_of(path, outputs=roles), task_of(tmp_path / "folder", outputs=roles))
        ),
        strict=True,
    ):
        assert np.array_equal(one, two)


def test_the_result_says_where_boxes_and_order_are_from(write_records: Write, tmp_path: Path) -> None:
    path = write_records(tmp_path / "val.tfrecord", [detection_api(picture) for picture in SET])
    assert task_of(path).describe_data() == {
        "count": 4,
        "pictures": str(path),
        "order": "records",
        "truth": "image/object/class/label",
    }
    by_name = task_of(path, order="name", count=2)
    assert by_name._data.pictures.names == ("000000000139.jpg", "000000000285.jpg")
    assert by_name.describe_data()["order"] == "name"
    assert [image.name for image in by_name._data.truth.images] == ["000000000139.jpg", "000000000285.jpg"]


def test_a_log_in_the_apps_order_scores_the_same(write_records: Write, tmp_path: Path) -> None:
    path = write_records(tmp_path / "val.tfrecord", [detection_api(picture) for picture in SET])
    task, mobile = task_of(path), task_of(path, order="name")
    rewritten = list(task.rewrite(answers(task, 0.2), mobile))
    assert dict(mobile.score(rewritten)) == pytest.approx(dict(task.score(answers(task, 0.2))))
    # The twin: a log of the one order, taken for one of the other.
    assert task.score(rewritten)["coco_ap"] < mobile.score(rewritten)["coco_ap"]


def test_a_ground_truth_that_is_named_wins(write_records: Write, tmp_path: Path) -> None:
    path = write_records(tmp_path / "val.tfrecord", [detection_api(picture) for picture in reversed(SET)])
    truth = folder_of(tmp_path / "folder") / "annotations/instances_val2017.json"
    task = task_of(path, truth)
    task.check_truth()
    assert task.describe_data()["order"] == "json"
    assert task.describe_data()["truth"] == str(truth)
    assert task._data.pictures.names == tuple(picture.name for picture in SET)
    # One that merely lies beside the records does not.
    shutil.copy(truth, tmp_path / "instances_val2017.json")
    assert task_of(path).describe_data()["truth"] == "image/object/class/label"


def test_records_without_boxes_run_and_have_no_score(write_records: Write, tmp_path: Path) -> None:
    path = write_records(tmp_path / "val.tfrecord", [{"image/encoded": SET[0].encoded()}])
    task = task_of(path)
    assert task.describe_data()["truth"] is None
    with pytest.raises(DataMissing, match=r"no ground truth in or beside .*--truth"):
        task.check_truth()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"image/object/class/label": [1]}, r"139\.jpg has 2 boxes and 1 classes in image/object/class/label"),
        ({"image/object/class/label": [1, 12]}, r"139\.jpg has the class 12 in .*none of COCO's 80"),
        ({"image/object/class/label": [1, 0]}, r"139\.jpg has the class 0 in"),
        ({"image/object/bbox/xmax": [0.5, 1.2]}, r"object 1 of 000000000139\.jpg .*as fractions does not lie in"),
        ({"image/object/bbox/xmin": [0.5]}, r"139\.jpg has 2 and 1 and 2 and 2 numbers in image/object/bbox"),
        ({"image/object/bbox/ymin": ["a", "b"]}, r"record 1.*'image/object/bbox/ymin' is a bytes list; float"),
        ({"image/object/is_crowd": [0]}, "2 boxes and 1 crowd flags"),
        ({"image/object/area": [1.0, -1.0]}, r"139\.jpg has an object of an impossible area"),
        ({"image/height": []}, r"139\.jpg has 0 values of image/height"),
        ({"image/height": 300}, r"does not belong to .*139\.jpg is 80x100, not 80x300"),
        ({"image/source_id": "632"}, r"632\.jpg and 000000000139\.jpg have one id, 632"),
    ],
)
def test_records_that_contradict_themselves_are_refused_with_the_picture(
    changes: dict[str, Any], says: str, write_records: Write, tmp_path: Path
) -> None:
    records = [detection_api(SET[0]), detection_api(SET[1], **changes), *map(detection_api, SET[2:])]
    with pytest.raises(DataMissing, match=says):
        task_of(write_records(tmp_path / "val.tfrecord", records)).check_truth()


def test_boxes_in_some_records_only_are_refused_with_the_first_that_has_none(
    write_records: Write, tmp_path: Path
) -> None:
    records = [detection_api(picture) for picture in SET]
    del records[2]["image/object/class/label"]
    with pytest.raises(DataMissing, match=r"3 of the 4 records in .* have image/object/class/label.*285\.jpg has none"):
        task_of(write_records(tmp_path / "val.tfrecord", records))
    del records[1]["image/object/bbox/ymax"]
    records[2]["image/object/class/label"] = []
    with pytest.raises(DataMissing, match=r"record 1 is no readable .*no feature 'image/object/bbox/ymax'"):
        task_of(write_records(tmp_path / "val.tfrecord", records)).check_truth()


def test_a_file_cut_in_a_record_is_refused(write_records: Write, tmp_path: Path) -> None:
    path = write_records(tmp_path / "val.tfrecord", [detection_api(picture) for picture in SET])
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataMissing, match=r"record 3 is cut: \d+ bytes are announced and \d+ left"):
        task_of(path)


def test_a_box_that_was_changed_on_the_disk_is_seen_by_the_checksum(write_records: Write, tmp_path: Path) -> None:
    path = write_records(tmp_path / "val.tfrecord", [detection_api(picture) for picture in SET])
    data = bytearray(path.read_bytes())
    at = data.rindex(np.array([70 / 90], "<f4").tobytes())  # ymax of the last picture's object
    data[at] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataMissing, match=r"724\.jpg in .* cannot be read: .*record 3 is corrupt"):
        task_of(path).check_truth()


def test_another_numbering_of_the_classes_is_an_option_away(write_records: Write, tmp_path: Path) -> None:
    records = [detection_api(picture) for picture in SET]
    for record in records:
        record["image/object/class/label"] = [COCO_CATEGORIES.index(c) + 1 for c in record["image/object/class/label"]]
    path = write_records(tmp_path / "val.tfrecord", records)
    task, plain = task_of(path, stored_classes="from_1"), task_of(path)
    assert task.score(answers(task))["coco_ap"] == pytest.approx(1.0)
    assert task._data.truth.category.tolist() == [c for picture in SET for _, c, _, _ in picture.objects]
    assert plain._data.truth.category.tolist() != task._data.truth.category.tolist()


@settings(
    deadline=None,
    derandomize=True,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_damaged_records_never_end_in_another_error(write_records: Write, tmp_path: Path, data: st.DataObject) -> None:
    whole = write_records(tmp_path / "val.tfrecord", [detection_api(picture) for picture in SET[:2]]).read_bytes()
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged.tfrecord"
    path.write_bytes(damaged[: data.draw(st.integers(1, len(whole)))])
    try:
        task_of(path).check_truth()
    except DataMissing as error:
        assert str(error)  # noqa: PT017 - any other error fails the test
    else:
        assert bytes(damaged).startswith(path.read_bytes())
        assert task_of(path)._data.truth.category.tolist() in ([1, 90], [1, 90, 18, 1])


# --- boxes of the hub --------------------------------------------------------------------------------------------------


def test_a_set_without_crowd_flags_and_file_names_is_read_by_rows(datasets: Any, tmp_path: Path) -> None:
    rows = rows_of(SET, corners=True, crowd=False, named=False)
    task = task_of(save(datasets, tmp_path / "set", rows, features_of(datasets, crowd=False)))
    task.check_truth()
    assert task._data.pictures.names == ("row 0", "row 1", "row 2", "row 3")
    assert task.describe_data()["order"] == "rows"
    assert task.describe_data()["truth"] == "objects.category, without crowd flags"
    assert not task._data.truth.crowd.any()
    assert [image.id for image in task._data.truth.images] == [632, 139, 285, 724]


@pytest.mark.parametrize("said", ["xyxy", "xywh"])
def test_boxes_read_the_wrong_way_are_refused(said: Any, datasets: Any, tmp_path: Path) -> None:
    name = save(datasets, tmp_path / "set", rows_of(SET, corners=said == "xywh"), features_of(datasets))
    with pytest.raises(DataMissing, match=f"as {said} does not lie in the .* picture"):
        task_of(name, stored_boxes=said).check_truth()
    task_of(name).check_truth()


def test_boxes_that_can_be_read_both_ways_must_be_told(datasets: Any, tmp_path: Path) -> None:
    one = [SET[0]._replace(objects=[([10, 10, 20, 20], 1, 400, 0)])]
    name = save(datasets, tmp_path / "set", rows_of(one, corners=False), features_of(datasets))
    with pytest.raises(DataMissing, match=r"say which they are with --set dataset\.stored_boxes=xyxy or xywh"):
        task_of(name).check_truth()
    assert task_of(name, stored_boxes="xywh")._data.truth.box.tolist() == [[10, 10, 20, 20]]


def test_plain_class_numbers_must_be_told(datasets: Any, tmp_path: Path) -> None:
    name = save(datasets, tmp_path / "set", rows_of(SET, corners=True) | {"image": encoded_only()}, plain(datasets))
    with pytest.raises(DataMissing, match=r"objects\.category are plain numbers: .*dataset\.stored_classes"):
        task_of(name).check_truth()
    task_of(name, stored_classes="from_0").check_truth()
    with pytest.raises(DataMissing, match="has the class 0 in"):
        task_of(name, stored_classes="from_1").check_truth()


def encoded_only() -> list[dict[str, Any]]:
    return [{"bytes": picture.encoded(), "path": None} for picture in SET]


def plain(datasets: Any) -> Any:
    features = features_of(datasets)
    whole = datasets.Value("int64")
    one: dict[str, Any] = dict.fromkeys(("bbox_id", "category", "area", "iscrowd"), whole)
    one["bbox"] = datasets.Sequence(datasets.Value("float32"), 4)
    return datasets.Features({**features, "objects": datasets.Sequence(one)})


def test_classes_of_another_set_are_refused_by_their_names(datasets: Any, tmp_path: Path) -> None:
    features = features_of(datasets)
    names = ["aeroplane", *COCO_NAMES[1:]]
    one = {"category": datasets.ClassLabel(names=names), "bbox": datasets.Sequence(datasets.Value("float32"), 4)}
    rows = rows_of(SET, corners=True)
    rows["objects"] = [{name: found[name] for name in one} for found in rows["objects"]]
    name = save(datasets, tmp_path / "set", rows, datasets.Features({**features, "objects": datasets.Sequence(one)}))
    with pytest.raises(DataMissing, match=r"632\.jpg has the class 0 \(aeroplane\) in objects\.category"):
        task_of(name).check_truth()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"width": [100, None, 64, 60]}, r"139\.jpg in .* has the size None"),
        ({"width": [100, 79, 64, 60]}, r"1 pictures have another size \(000000000139\.jpg is 80x100, not 79x100\)"),
        ({"image_id": [5, 5, 6, 7]}, r"632\.jpg and 000000000139\.jpg have one id, 5"),
        ({"width": [100, 40, 64, 60]}, r"object 0 of 000000000139\.jpg has the box"),
    ],
)
def test_rows_that_contradict_themselves_are_refused_with_the_picture(
    change: dict[str, Any], says: str, datasets: Any, tmp_path: Path
) -> None:
    name = save(datasets, tmp_path / "set", rows_of(SET, corners=True) | change, features_of(datasets))
    with pytest.raises(DataMissing, match=says):
        task_of(name).check_truth()


def test_a_set_without_objects_says_so_and_looks_nowhere_else(
    datasets: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = save(datasets, tmp_path / "set", {"image": [Image.fromarray(np.zeros((4, 4, 3), np.uint8))]})
    shutil.copytree(folder_of(tmp_path / "folder") / "annotations", tmp_path / "annotations")
    monkeypatch.chdir(tmp_path)
    task = task_of(name)
    assert task.describe_data()["truth"] is None
    with pytest.raises(
        DataMissing, match=r"hf:.* stores nothing that is a ground truth of this task .*which columns.*--truth FILE"
    ):
        task.check_truth()


# --- masks -------------------------------------------------------------------------------------------------------------

MAP = TensorSpec("map", (1, 8, 8), np.dtype(np.uint8))
PICTURE = TensorSpec("image", (1, 8, 8, 3), np.dtype(np.uint8))


def masked() -> list[tuple[str, Array, Array]]:
    """Name, picture and labels, which have classes that are not scored among them."""
    found = []
    for number, (height, width) in enumerate([(12, 9), (8, 8), (10, 16)]):
        rng = np.random.default_rng(number)
        labels = rng.choice(np.array([0, 1, 5, 31, 32, 150], np.uint8), (height, width))
        found.append(
            (f"ADE_val_{number + 1:08}.jpg", rng.integers(0, 256, (height, width, 3)).astype(np.uint8), labels)
        )
    return found


def deeplab(name: str, pixels: Array, labels: Array, **changes: Any) -> dict[str, Any]:
    """As DeepLab's build_ade20k_data.py writes it."""
    return {
        "image/encoded": encoded(pixels),
        "image/filename": f"ADE20K/images/validation/{name}",
        "image/format": "jpeg",
        "image/height": pixels.shape[0],
        "image/width": pixels.shape[1],
        "image/channels": 3,
        "image/segmentation/class/encoded": encoded(labels),
        "image/segmentation/class/format": "png",
    } | changes


def segmentation(path: Path, truth: Path | None = None, count: int | None = None) -> Segmentation:
    return Segmentation(DataRef(path, truth, count), SegmentationOptions())


def masks_folder(path: Path) -> Path:
    for folder in ("images", "annotations"):
        (path / folder).mkdir(parents=True)
    for name, pixels, labels in masked():
        (path / "images" / name).write_bytes(encoded(pixels))
        (path / "annotations" / name).with_suffix(".png").write_bytes(encoded(labels))
    return path


def maps(count: int = 3) -> list[Answer]:
    rng = np.random.default_rng(9)
    return [Answer(i, grids.pack_class_map(rng.choice(np.array([1, 5, 31], np.uint8), (8, 8)))) for i in range(count)]


@pytest.mark.parametrize("form", ["deeplab", "tensorflow datasets", "hub annotation", "hub mask", "hub pixel_values"])
def test_stored_masks_score_as_those_in_a_folder(
    form: str, write_records: Write, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if form.startswith("hub"):
        datasets = request.getfixturevalue("datasets")
        picture, mask = {"annotation": ("image", "annotation"), "mask": ("image", "mask")}.get(
            form.split()[1], ("pixel_values", "label")
        )
        rows: dict[str, list[Any]] = {
            picture: [{"bytes": encoded(pixels), "path": f"images/{name}"} for name, pixels, _ in masked()],
            mask: [{"bytes": encoded(labels), "path": None} for _, _, labels in masked()],
        }
        features = datasets.Features({picture: datasets.Image(), mask: datasets.Image()})
        path, source = save(datasets, tmp_path / "set", rows, features), mask
    elif form == "deeplab":
        path = write_records(tmp_path / "val.tfrecord", [deeplab(*found) for found in masked()])
        source = "image/segmentation/class/encoded"
    else:
        records = [{"image": encoded(p), "file_name": n, "annotation": encoded(labels)} for n, p, labels in masked()]
        path, source = write_records(tmp_path / "val.tfrecord", records), "annotation"
    task, other = segmentation(path), segmentation(masks_folder(tmp_path / "folder"))
    task.check_truth()
    assert task._pictures.names == other._pictures.names
    assert dict(task.score(maps())) == dict(other.score(maps()))
    assert task.score(maps())["miou_present"] > 0
    assert task.describe_data()["truth"] == source
    for index in range(3):
        (found,) = task.codec([PICTURE], [MAP]).preprocess(index)
        (wanted,) = other.codec([PICTURE], [MAP]).preprocess(index)
        assert np.array_equal(found, wanted)


def test_masks_under_names_that_no_file_has_are_kept_apart(write_records: Write, tmp_path: Path) -> None:
    records = [deeplab(*found) for found in masked()]
    for record in records:
        del record["image/filename"]
    task = segmentation(write_records(tmp_path / "val.tfrecord", records))
    task.check_truth()
    other = segmentation(masks_folder(tmp_path / "folder"))
    assert dict(task.score(maps())) == dict(other.score(maps()))


def test_masks_that_are_named_win(write_records: Write, tmp_path: Path) -> None:
    blank = [(name, pixels, np.zeros_like(labels)) for name, pixels, labels in masked()]
    path = write_records(tmp_path / "val.tfrecord", [deeplab(*found) for found in blank])
    with pytest.raises(DataMissing, match="has any of the classes 1 to 31"):
        segmentation(path).check_truth()
    truth = masks_folder(tmp_path / "folder") / "annotations"
    task = segmentation(path, truth)
    task.check_truth()
    assert task.describe_data()["truth"] == str(truth)


def sixteen_bits(labels: Array) -> bytes:
    return encoded(labels.astype(np.uint16) * 256)


def colours(labels: Array) -> bytes:
    return encoded(np.repeat(labels[..., None], 3, axis=2))


MASK = "image/segmentation/class/encoded"


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (
            lambda labels: {MASK: encoded(labels[:, :-1])},
            "of ADE_val_00000002.jpg in .* is 8x7, but its picture is 8x8",
        ),
        (
            lambda labels: {MASK: encoded(labels[:7, :7])},
            "of ADE_val_00000002.jpg in .* is 7x7, but its picture is 8x8",
        ),
        (lambda labels: {MASK: sixteen_bits(labels)}, "of ADE_val_00000002.jpg in .* has 16 bits a pixel"),
        (lambda labels: {MASK: colours(labels)}, "of ADE_val_00000002.jpg in .* is RGB, but an annotation holds one"),
        (lambda labels: {MASK: encoded(labels)[:60]}, "of ADE_val_00000002.jpg in .* is not a PNG that can be decoded"),
        (lambda labels: {MASK: b""}, "of ADE_val_00000002.jpg in .* is no PNG, or cut short"),
        (lambda labels: {MASK: []}, "of ADE_val_00000002.jpg in .* has 0 values"),
        (lambda labels: {f"{MASK[:-7]}format": "raw"}, "of ADE_val_00000002.jpg in .*format is 'raw', but png is read"),
    ],
)
def test_a_mask_that_is_none_is_refused_with_the_picture(
    spoil: Callable[[Array], dict[str, Any]], says: str, write_records: Write, tmp_path: Path
) -> None:
    one, two, three = masked()
    records = [deeplab(*one), deeplab(*two, **spoil(two[2])), deeplab(*three)]
    with pytest.raises(DataMissing, match=re.sub(r"\.jpg", r"\\.jpg", says)):
        segmentation(write_records(tmp_path / "val.tfrecord", records)).check_truth()


def test_masks_in_some_records_only_are_refused(write_records: Write, tmp_path: Path) -> None:
    records = [deeplab(*found) for found in masked()]
    del records[2][MASK]
    with pytest.raises(DataMissing, match=r"2 of the 3 records .* have image/segm.*ADE_val_00000003\.jpg has none"):
        segmentation(write_records(tmp_path / "val.tfrecord", records)).check_truth()


def test_a_row_without_a_mask_is_refused_by_its_name(datasets: Any, tmp_path: Path) -> None:
    pixels = encoded(np.zeros((8, 8, 3), np.uint8))
    rows: dict[str, list[Any]] = {
        "image": [{"bytes": pixels, "path": None}] * 2,
        "annotation": [{"bytes": encoded(np.ones((8, 8), np.uint8)), "path": None}, None],
    }
    features = datasets.Features({"image": datasets.Image(), "annotation": datasets.Image()})
    with pytest.raises(DataMissing, match=r"the annotation of row 1 in .* cannot be read: the row has no picture"):
        segmentation(save(datasets, tmp_path / "set", rows, features)).check_truth()


# --- the real pictures -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["detection api", "hub corners"])
def test_the_zoos_detections_score_the_same_out_of_a_stored_set(
    form: str, zoo: Path, write_records: Write, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    folder = zoo / "datasets/coco_val50"
    truth = read_instances(next((folder / "annotations").glob("instances_*.json")))
    size = {int(image.id): (image.width, image.height) for image in truth.images}
    logged: dict[int, list[list[float]]] = {int(image.id): [] for image in truth.images}
    for found in json.loads((folder / "ref_detections_ssd_val2017.json").read_text()):
        x, y, w, h = found["bbox"]
        width, height = size[found["image_id"]]
        box = [y / height, x / width, (y + h) / height, (x + w) / width]
        logged[found["image_id"]].append([*box, found["score"], found["category_id"]])
    pictures = [
        (image, (folder / "val2017" / image.name).read_bytes(), truth.image == index)
        for index, image in enumerate(truth.images)
    ]
    if form == "detection api":
        records = []
        for image, data, rows in pictures:
            x, y, w, h = truth.box[rows].T
            sides = {"xmin": x / image.width, "xmax": (x + w) / image.width}
            sides |= {"ymin": y / image.height, "ymax": (y + h) / image.height}
            records.append(
                {
                    "image/encoded": data,
                    "image/filename": image.name,
                    "image/source_id": str(image.id),
                    "image/height": image.height,
                    "image/width": image.width,
                    **{f"image/object/bbox/{side}": values.tolist() for side, values in sides.items()},
                    "image/object/class/label": truth.category[rows].tolist(),
                    "image/object/is_crowd": [int(flag) for flag in truth.crowd[rows]],
                    "image/object/area": truth.area[rows].tolist(),
                }
            )
        path = write_records(tmp_path / "val-00000-of-00001", records)
    else:
        datasets = request.getfixturevalue("datasets")
        objects = [
            {
                "bbox_id": np.flatnonzero(rows).tolist(),
                "category": [COCO_CATEGORIES.index(c) for c in truth.category[rows]],
                "bbox": np.concatenate([truth.box[rows][:, :2], truth.box[rows][:, :2] + truth.box[rows][:, 2:]], 1),
                "area": truth.area[rows].astype(int).tolist(),
                "iscrowd": truth.crowd[rows].astype(int).tolist(),
            }
            for _, _, rows in pictures
        ]
        columns: dict[str, list[Any]] = {
            "image": [{"bytes": data, "path": image.name} for image, data, _ in pictures],
            **{
                name: [getattr(image, of) for image, *_ in pictures]
                for name, of in (("image_id", "id"), ("width", "width"), ("height", "height"))
            },
            "objects": objects,
        }
        path = save(datasets, tmp_path / "set", columns, features_of(datasets))
    task = task_of(path)
    task.check_truth()
    rows = [
        Answer(index, np.array([[index, *row] for row in logged[int(image.id)]], np.float32).reshape(-1, 7).tobytes())
        for index, image in enumerate(task._data.truth.images)
    ]
    assert task.score(rows)["coco_ap"] == pytest.approx(0.192395, abs=1e-4)
    shifted = [Answer(row.index, rows[row.index - 1].data) for row in rows]
    moved = [Answer(a.index, restamped(a.data, a.index)) for a in shifted]
    assert task.score(moved)["coco_ap"] < 0.1


def restamped(data: bytes, index: int) -> bytes:
    rows = np.frombuffer(data, np.float32).reshape(-1, 7).copy()
    rows[:, 0] = index
    return rows.tobytes()


def test_classes_far_behind_the_count_still_tell_that_the_numbering_is_wrong(
    write_records: Write, tmp_path: Path
) -> None:
    records = [detection_api(picture) for picture in SET]
    records[-1] = records[-1] | {"image/object/class/label": [12]}
    path = write_records(tmp_path / "val.tfrecord", records)
    task = Detection(DataRef(path, count=2), DetectionOptions())
    with pytest.raises(DataMissing, match=r"724\.jpg has the class 12 in .*, which is none of COCO's 80"):
        task.check_truth()


def test_boxes_whose_records_call_their_classes_otherwise_are_remarked(write_records: Write, tmp_path: Path) -> None:
    name_of = dict(zip(COCO_CATEGORIES, COCO_NAMES, strict=True))
    records = [detection_api(picture) for picture in SET]
    for record, picture in zip(records, SET, strict=True):
        record["image/object/class/text"] = [name_of[category].encode() for _, category, _, _ in picture.objects]
    right = Detection(DataRef(write_records(tmp_path / "a.tfrecord", records)), DetectionOptions())._data.truth
    assert right.remarks == ()
    for record in records:
        record["image/object/class/label"] = [COCO_CATEGORIES.index(c) + 1 for c in record["image/object/class/label"]]
    (said,) = Detection(
        DataRef(write_records(tmp_path / "b.tfrecord", records)), DetectionOptions()
    )._data.truth.remarks
    assert "objects are called otherwise than the number of their class says" in said


def test_tensorflow_datasets_list_of_names_tells_the_boxes_classes(write_records: Write, tmp_path: Path) -> None:
    box = {"objects/bbox": [0.1, 0.1, 0.5, 0.5], "objects/label": [0], "file_name": "a.png"}
    record = box | {"image": encoded(np.zeros((20, 20, 3), np.uint8))}
    path = write_records(tmp_path / "coco-val.tfrecord-00000-of-00001", [record])
    assert Detection(DataRef(path), DetectionOptions())._data.truth.category.tolist() == [1]
    (tmp_path / "objects-label.labels.txt").write_text("toothbrush\nperson\n")
    assert Detection(DataRef(path), DetectionOptions())._data.truth.category.tolist() == [90]
