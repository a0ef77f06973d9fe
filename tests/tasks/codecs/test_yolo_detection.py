"""YOLO: heads and exports decoded, boxes thinned out, the golden picture of the Efinix model, and what is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from PIL import Image

from accuracy.answers.log import Answer
from accuracy.answers.wire import unpack_detections
from backends.base import TensorSpec
from tasks.base import DataMissing, DataRef, ModelMismatch
from tasks.codecs.yolo_detection import YoloCodec, YoloOptions
from tasks.outputs.yolo_heads import read_cfg, suppress
from tasks.pictures.folders import Pictures
from tasks.yolo_detection import YoloDetection

Array = npt.NDArray[Any]
ANCHORS = ((115.0, 73.0, 119.0, 199.0, 242.0, 238.0), (12.0, 18.0, 37.0, 49.0, 52.0, 132.0))
PICTURE = TensorSpec("picture", (1, 96, 96, 3), np.dtype(np.float32))


def tensor(*shape: int) -> TensorSpec:
    return TensorSpec("head", shape, np.dtype(np.float32))


def bound(*outputs: TensorSpec, **options: Any) -> YoloCodec:
    return YoloCodec(Pictures.none(), YoloOptions(**options), [PICTURE], outputs)


# --- decoding ------------------------------------------------------------------------------------------------------


def test_a_box_lies_where_its_cell_anchor_and_logits_say_whatever_the_order_of_the_outputs() -> None:
    fine, coarse = np.full((1, 6, 6, 18), -20, np.float32), np.full((1, 3, 3, 18), -20, np.float32)
    # The second anchor of the place in row 4, column 1: centre, size, objectness, class.
    fine[0, 4, 1, 6:12] = 0.0, math.log(3), math.log(2), 0.0, math.log(4), math.log(9)
    found = bound(tensor(1, 6, 6, 18), tensor(1, 3, 3, 18), anchors=ANCHORS).find([fine, coarse])
    x, y, width, height = (0.5 + 1) / 6, (0.75 + 4) / 6, 2 * 37 / 96, 49 / 96
    wanted = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
    assert found.boxes[0] == pytest.approx(wanted, abs=1e-6)
    assert found.objectness == pytest.approx([0.8])
    assert found.scores == pytest.approx([0.8 * 0.9])


@pytest.mark.parametrize("form", ["v5", "v8"])
@pytest.mark.parametrize("in_pixels", [False, True])
def test_an_export_has_centres_and_sizes_in_either_orientation(form: Any, in_pixels: bool) -> None:
    extra = [0.9] if form == "v5" else []
    rows = np.array([[0.5, 0.25, 0.2, 0.1, *extra, 0.1, 0.8], [0.1, 0.1, 0.1, 0.1, *[0.1] * len(extra), 0.2, 0.1]])
    if in_pixels:
        rows[:, :4] *= 96
    values = rows.astype(np.float32)[None]
    units = "pixels" if in_pixels else "fractions"
    for turned in (values, values.transpose(0, 2, 1).copy()):
        codec = bound(tensor(*turned.shape), form=form, classes=2, box_units=units)
        found = codec.find([turned])
        assert found.boxes == pytest.approx(np.array([[0.4, 0.2, 0.6, 0.3]]), abs=1e-6)
        assert found.classes.tolist() == [1]
        assert found.scores == pytest.approx([0.8 * 0.9 if form == "v5" else 0.8])
        assert unpack_detections(codec.postprocess([turned]))[0, 6] == 2


def test_a_quantised_head_says_what_its_floats_say() -> None:
    raw = np.random.default_rng(3).integers(-128, 128, (1, 3, 3, 18)).astype(np.int8)
    scale, zero = 0.05, 4
    quantised = TensorSpec("head", (1, 3, 3, 18), np.dtype(np.int8), scale, zero)
    floats = (raw.astype(np.float32) - np.float32(zero)) * np.float32(scale)
    one = bound(quantised, anchors=ANCHORS[:1]).find([raw])
    other = bound(tensor(1, 3, 3, 18), anchors=ANCHORS[:1]).find([floats])
    assert len(one.scores) > 3
    for left, right in zip(one, other, strict=True):
        assert left == pytest.approx(right, abs=1e-6)


# --- suppression ---------------------------------------------------------------------------------------------------


def slowly(boxes: Array, scores: Array, classes: Array, kind: str, threshold: float) -> list[int]:
    """The same, a pair at a time."""
    kept: list[int] = []
    for place in sorted(range(len(boxes)), key=lambda each: -scores[each]):
        a = boxes[place].tolist()
        for other in kept:
            b = boxes[other].tolist()
            shared = max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
            union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
            overlap = shared / union
            if kind == "diou":
                apart = math.dist(((a[0] + a[2]) / 2, (a[1] + a[3]) / 2), ((b[0] + b[2]) / 2, (b[1] + b[3]) / 2)) ** 2
                around = (max(a[2], b[2]) - min(a[0], b[0])) ** 2 + (max(a[3], b[3]) - min(a[1], b[1])) ** 2
                overlap -= (apart / around) ** 0.6
            if classes[place] == classes[other] and overlap > threshold:
                break
        else:
            kept.append(place)
    return kept


@pytest.mark.parametrize("kind", ["iou", "diou"])
def test_suppression_keeps_what_a_slow_one_keeps(kind: Any) -> None:
    chance = np.random.default_rng(9)
    for _ in range(20):
        middle, half = chance.uniform(0.2, 0.8, (30, 2)), chance.uniform(0.05, 0.3, (30, 2))
        boxes = np.concatenate([middle - half, middle + half], axis=1)
        scores, classes = chance.uniform(0, 1, 30), chance.integers(0, 2, 30)
        assert suppress(boxes, scores, classes, kind, 0.4, 0.6) == slowly(boxes, scores, classes, kind, 0.4)


# --- the golden picture ----------------------------------------------------------------------------------------------


def golden(zoo: Path, kernels: OpResolverType, **options: Any) -> tuple[Array, Array]:
    """Our boxes with score, and the published ones, [k, 6] each."""
    folder = zoo / "datasets" / "efinix_golden" / "ypd"
    model = str(zoo / "models" / "efinix" / "yolo_person_detect.tflite")
    interpreter = Interpreter(model, num_threads=1, experimental_op_resolver_type=kernels)
    interpreter.allocate_tensors()
    (taken,), given = interpreter.get_input_details(), interpreter.get_output_details()
    specs = [
        TensorSpec(each["name"], tuple(map(int, each["shape"])), np.dtype(each["dtype"]), *each["quantization"])
        for each in (taken, *given)
    ]
    codec = YoloCodec(Pictures.none(), YoloOptions(anchors=ANCHORS, **options), specs[:1], specs[1:])
    data = next(folder.glob("*.bin")).read_bytes()
    # The file holds int8 already, a byte less 128.
    (values,) = codec.prepare("golden.bin", (np.frombuffer(data, np.uint8) ^ 128).tobytes())
    interpreter.set_tensor(taken["index"], values)
    interpreter.invoke()
    found = codec.find([interpreter.get_tensor(each["index"]) for each in given])
    text = (folder / "ref_tinyml_ypd.txt").read_text()
    published = [
        [float(value) for value in line.strip(" ;").split(",")] for line in text.splitlines() if line.count(",") == 5
    ]
    return np.concatenate([found.boxes, found.objectness[:, None], found.scores[:, None]], axis=1), np.array(published)


def near(ours: Array, published: Array, columns: int) -> int:
    """How many of the published boxes have one of ours within 0.01."""
    apart = abs(ours[:, None, :columns] - published[None, :, :columns]).max(axis=2)
    return int((apart.min(axis=0) < 0.01).sum())


def test_all_17_published_boxes_come_out_with_the_reference_kernels_and_not_with_another_suppression(zoo: Path) -> None:
    ours, published = golden(zoo, OpResolverType.BUILTIN_REF)
    assert len(ours) == len(published) == near(ours, published, 6) == 17
    others, _ = golden(zoo, OpResolverType.BUILTIN_REF, suppression="iou")
    assert len(others) == 16


def test_with_the_default_kernels_as_many_boxes_come_out_and_12_lie_where_they_should(zoo: Path) -> None:
    ours, published = golden(zoo, OpResolverType.AUTO)
    assert len(ours) == 17
    assert near(ours, published, 4) >= 12


# --- configurations, and what is refused -----------------------------------------------------------------------------

CFG = """[net]
width=96
[yolo]  # coarse
mask = 3,4,5
anchors = 12, 18, 37, 49, 52,132, 115, 73, 119,199, 242,238
classes=1
scale_x_y = 1.05
[convolutional]
filters=18
[yolo]
mask = 0,1,2
anchors = 12, 18, 37, 49, 52,132, 115, 73, 119,199, 242,238
"""


def test_a_darknet_configuration_has_the_same_anchors(tmp_path: Path) -> None:
    (tmp_path / "yolo.cfg").write_text(CFG)
    coarse, fine = read_cfg(tmp_path / "yolo.cfg")
    assert [size for pair in coarse.sizes for size in pair] == list(ANCHORS[0])
    assert [size for pair in fine.sizes for size in pair] == list(ANCHORS[1])
    assert (coarse.scale_xy, fine.scale_xy) == (1.05, 1.0)
    bound(tensor(1, 3, 3, 18), tensor(1, 6, 6, 18), cfg=tmp_path / "yolo.cfg")
    (tmp_path / "yolo.cfg").write_text("[yolo]\nmask=7\nanchors=1,2\n")
    with pytest.raises(DataMissing, match=r"\[yolo\] section 1 .* no anchors that fit its mask"):
        read_cfg(tmp_path / "yolo.cfg")


@pytest.mark.parametrize(
    ("outputs", "options", "said"),
    [
        ([(1, 3, 3, 18)], {"anchors": ANCHORS}, "has 1 heads, but there are anchors for 2"),
        (
            [(1, 3, 3, 18)],
            {"anchors": ((1.0, 2.0),)},
            r"18 values at each of 3x3 places, but 1 anchors of 4 \+ 1 \+ 1 need 6",
        ),
        ([(1, 3, 3, 18)], {}, "raw heads need anchors"),
        ([(1, 3, 3, 18)] * 2, {"anchors": ANCHORS}, "of different grids"),
        ([(1, 100, 9)], {"form": "v5", "classes": 80}, r"YOLOv5 of 80 classes has \[1, boxes, 85\]"),
        ([(1, 9, 9), (1, 9, 9)], {"form": "v8"}, "an export of YOLOv8 has one output"),
    ],
)
def test_outputs_and_anchors_that_do_not_fit_are_refused(outputs: Any, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelMismatch, match=said):
        bound(*(tensor(*shape) for shape in outputs), **options)


@pytest.mark.parametrize(
    "wrong", [{"anchors": ((1.0, 2.0, 3.0),)}, {"anchors": ((0.0, 1.0),)}, {"object_threshold": 1.0}, {"classes": 0}]
)
def test_options_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        YoloOptions(**wrong)


def test_only_the_categories_that_count_are_scored_and_pictures_without_them_stay(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "annotations").mkdir()
    for name in ("a", "b"):
        Image.new("RGB", (100, 100)).save(tmp_path / "images" / f"{name}.png")
    objects = [(1, 1, [10, 10, 40, 40]), (1, 3, [60, 60, 30, 30]), (2, 3, [0, 0, 50, 50])]
    truth = {
        "images": [
            {"id": n, "file_name": f"{name}.png", "width": 100, "height": 100} for n, name in ((1, "a"), (2, "b"))
        ],
        "categories": [{"id": 1, "name": "person"}, {"id": 3, "name": "car"}],
        "annotations": [
            {"id": n, "image_id": image, "category_id": kind, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
            for n, (image, kind, box) in enumerate(objects, 1)
        ],
    }
    (tmp_path / "annotations" / "instances_x.json").write_text(json.dumps(truth))
    row = np.array([[0, 0.1, 0.1, 0.5, 0.5, 0.9, 1], [0, 0.6, 0.6, 0.9, 0.9, 0.8, 3]], np.float32)
    false = np.array([[1, 0, 0, 0.5, 0.5, 0.95, 1]], np.float32)
    answers = [Answer(0, row.tobytes()), Answer(1, false.tobytes())]

    def score(**options: Any) -> Any:
        options = {"inverse_map": False, "category_ids": "coco", **options}
        return YoloDetection(DataRef(tmp_path), YoloOptions(**options)).score(answers)

    assert score()["coco_ap50"] == pytest.approx((0.5 + 0.5) / 2, abs=0.01)
    assert next(iter(score())) == "coco_ap50"
    assert score().interval is not None
    assert score(categories=(1,))["coco_ap50"] == pytest.approx(0.5, abs=0.01)
    assert score(categories=(3,))["coco_ap50"] == pytest.approx(0.5, abs=0.01)
