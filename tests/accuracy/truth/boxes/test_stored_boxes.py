from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accuracy.errors import TruthError
from accuracy.truth.boxes.coco import COCO_CATEGORIES, CocoTruth
from accuracy.truth.boxes.coco_names import COCO_NAMES
from accuracy.truth.boxes.instances import read_instances
from accuracy.truth.boxes.stored_boxes import BoxForm, ClassForm, PictureObjects, StoredBoxes

quick = settings(deadline=None, derandomize=True, max_examples=60)
WIDTH, HEIGHT = 64, 48


def one(
    boxes: Sequence[Sequence[float]],
    classes: Sequence[int | str],
    name: str = "a.jpg",
    number: int | None = None,
    **more: Any,
) -> PictureObjects:
    return PictureObjects(name, number, WIDTH, HEIGHT, np.array(boxes, np.float64).reshape(-1, 4), classes, **more)


def stored(
    *pictures: PictureObjects, boxes: BoxForm | None = None, classes: ClassForm | Sequence[str] | None = COCO_NAMES
) -> StoredBoxes:
    return StoredBoxes("objects.category", lambda: pictures, boxes, classes)


@st.composite
def objects(draw: st.DrawFn) -> tuple[list[list[int]], list[int]]:
    """Boxes x, y, width, height in whole pixels within the picture, and the place of each one's category."""
    boxes = []
    for _ in range(draw(st.integers(1, 6))):
        x, y = draw(st.integers(0, WIDTH - 1)), draw(st.integers(0, HEIGHT - 1))
        boxes.append([x, y, draw(st.integers(1, WIDTH - x)), draw(st.integers(1, HEIGHT - y))])
    return boxes, [draw(st.integers(0, 79)) for _ in boxes]


def written(box: list[int], form: BoxForm) -> list[float]:
    x, y, width, height = box
    if form == "xywh":
        return [x, y, width, height]
    corners: list[float] = [x, y, x + width, y + height]
    return [v / side for v, side in zip(corners, (WIDTH, HEIGHT) * 2, strict=True)] if form == "fractions" else corners


@quick
@given(objects(), st.sampled_from(["xyxy", "xywh", "fractions"]), st.sampled_from(["coco_ids", "from_0", "from_1"]))
def test_every_form_gives_the_ground_truth_of_the_instances_json(
    found: tuple[list[list[int]], list[int]], form: BoxForm, classes: ClassForm
) -> None:
    boxes, places = found
    numbers = {"coco_ids": COCO_CATEGORIES, "from_0": range(80), "from_1": range(1, 81)}[classes]
    picture = one([written(box, form) for box in boxes], [numbers[place] for place in places], number=7)
    truth = stored(picture, boxes=form, classes=classes).truth()
    assert [(image.name, image.id, image.width, image.height) for image in truth.images] == [("a.jpg", 7, 64, 48)]
    np.testing.assert_allclose(truth.box, boxes, atol=1e-9)
    np.testing.assert_allclose(truth.area, [width * height for _, _, width, height in boxes])
    assert truth.category.tolist() == [COCO_CATEGORIES[place] for place in places]
    assert not truth.crowd.any()


@quick
@given(objects(), st.sampled_from(["xyxy", "xywh"]))
def test_a_form_that_nothing_tells_is_found_or_asked_for_but_never_guessed_wrong(
    found: tuple[list[list[int]], list[int]], form: BoxForm
) -> None:
    boxes, places = found
    picture = one([written(box, form) for box in boxes], places)
    other: BoxForm = "xywh" if form == "xyxy" else "xyxy"
    np.testing.assert_array_equal(stored(picture).truth(form).box, boxes)
    try:
        others = stored(picture).truth(other).box
    except TruthError:  # only one reading fits, so it is the one that is meant
        np.testing.assert_array_equal(stored(picture).truth().box, boxes)
        return
    if not np.array_equal(others, boxes):
        with pytest.raises(TruthError, match=r"say which they are with --set dataset\.stored_boxes"):
            stored(picture).truth()


def test_corners_and_sizes_are_told_apart_by_the_picture() -> None:
    corners, sizes = one([[30, 20, 60, 40]], [0]), one([[30, 10, 20, 30]], [0])
    assert stored(corners).truth().box.tolist() == [[30, 20, 30, 20]]
    assert stored(sizes).truth().box.tolist() == [[30, 10, 20, 30]]
    both = stored(one([[10, 10, 20, 20]], [0]))
    with pytest.raises(TruthError, match=r"lie in their pictures as two corners and as corner and size: say which"):
        both.truth()
    assert both.truth("xyxy").box.tolist() == [[10, 10, 10, 10]]
    assert both.truth("xywh").box.tolist() == [[10, 10, 20, 20]]


def test_the_other_reading_is_refused_and_not_scored() -> None:
    with pytest.raises(
        TruthError, match=r"object 0 of a\.jpg has the box .* as xywh does not lie in the 64x48 picture"
    ):
        stored(one([[30, 20, 60, 40]], [0])).truth("xywh")
    with pytest.raises(TruthError, match=r"object 1 of a\.jpg .* as xyxy does not lie in"):
        stored(one([[1, 1, 2, 2], [30, 10, 20, 30]], [0, 0])).truth("xyxy")


@pytest.mark.parametrize(
    ("box", "form"),
    [
        ([0, 0, 66, 10], "xyxy"),
        ([-2, 0, 10, 10], "xyxy"),
        ([5, 5, 4, 10], "xyxy"),
        ([5, 5, -1, 10], "xywh"),
        ([0.5, 0.5, 0.25, 1.0], "fractions"),
        ([0.0, 0.0, 1.2, 1.0], "fractions"),
        ([float("nan"), 0, 10, 10], "xyxy"),
        ([0, 0, float("inf"), 10], "xywh"),
    ],
)
def test_a_box_that_is_none_in_its_picture_is_named(box: list[float], form: BoxForm) -> None:
    whole = [0.0, 0.0, 1.0, 1.0] if form == "fractions" else [0, 0, 10, 10]
    pictures = one([], [], "a.jpg"), one([whole, box], [0, 0], "b.jpg")
    with pytest.raises(TruthError, match=rf"object 1 of b\.jpg has the box .*as {form} does not lie in .*1 such boxes"):
        stored(*pictures, boxes=form).truth()


@pytest.mark.parametrize(
    ("box", "form"), [([5, 5, 5, 10], "xyxy"), ([5, 5, 0, 10], "xywh"), ([0.5, 0, 0.5, 1], "fractions")]
)
def test_a_box_without_width_is_an_object_that_nothing_finds(box: list[float], form: BoxForm) -> None:
    whole = [0.0, 0.0, 1.0, 1.0] if form == "fractions" else [0, 0, 10, 10]
    truth = stored(one([whole, box], [0, 0], "b.jpg"), boxes=form).truth()
    assert truth.box[1, 2] == 0
    assert "1 objects have a box without width or height" in truth.remarks[0]
    assert "object 1 of b.jpg" in truth.remarks[0]


def test_where_neither_reading_fits_both_are_said() -> None:
    with pytest.raises(TruthError, match=r"as xyxy does not lie in .*; .*as xywh does not lie in"):
        stored(one([[30, 20, 60, 40], [30, 10, 20, 30]], [0, 0])).truth()


def test_a_box_may_stick_out_by_a_pixel_as_rounded_ones_do() -> None:
    assert stored(one([[-0.5, 0, 64.9, 48.5]], [0])).truth("xyxy").box.tolist() == [[-0.5, 0, 65.4, 48.5]]


def test_fractions_are_not_taken_for_pixels() -> None:
    with pytest.raises(TruthError, match="lies between 0 and 1: these are fractions"):
        stored(one([[0.1, 0.1, 0.5, 0.9]], [0])).truth()


def test_names_of_classes_are_cocos_whatever_their_case_and_order() -> None:
    names = ["Toothbrush", "traffic_light", "background", "person"]
    picture = one([[0, 0, 64, 48]] * 3, [3, 0, 1])
    assert stored(picture, classes=names).truth().category.tolist() == [1, 90, 10]
    assert stored(one([[0, 0, 64, 48]], ["hair drier"]), classes=None).truth().category.tolist() == [89]


@pytest.mark.parametrize(
    ("value", "classes", "says"),
    [
        (0, ["aeroplane"], r"b\.jpg has the class 0 \(aeroplane\) in objects\.category, which is none of COCO's 80"),
        (-1, COCO_NAMES, r"b\.jpg has the class -1 in"),
        (80, COCO_NAMES, r"b\.jpg has the class 80 in"),
        (12, "coco_ids", r"b\.jpg has the class 12 in .*stored_classes=coco_ids, from_0 or from_1"),
        (0, "from_1", r"b\.jpg has the class 0 in"),
        (80, "from_0", r"b\.jpg has the class 80 in"),
        ("aeroplane", None, r"b\.jpg has the class 'aeroplane' in"),
        (3, None, r"are plain numbers: say what they are with --set dataset\.stored_classes"),
    ],
)
def test_a_class_that_coco_does_not_have_is_named(
    value: int | str, classes: ClassForm | Sequence[str] | None, says: str
) -> None:
    with pytest.raises(TruthError, match=says):
        stored(one([[0, 0, 64, 48]], [value], "b.jpg"), classes=classes).truth()


@pytest.mark.parametrize(
    ("picture", "says"),
    [
        (one([[0, 0, 64, 48]], [0, 1]), r"a\.jpg has 1 boxes and 2 classes in objects\.category"),
        (one([[0, 0, 64, 48]], [0], areas=np.array([1.0, 2.0])), "1 boxes and 2 areas"),
        (one([[0, 0, 64, 48]], [0], crowd=np.array([])), "1 boxes and 0 crowd flags"),
        (one([[0, 0, 64, 48]], [0], areas=np.array([np.nan])), "an object of an impossible area"),
        (one([[0, 0, 64, 48]], [0], areas=np.array([-1.0])), "an object of an impossible area"),
        (one([], [])._replace(width=0), "has the size 0x48"),
        (one([], [], number=1 << 63), "which is none of COCO's"),
    ],
)
def test_columns_that_do_not_fit_together_are_named(picture: PictureObjects, says: str) -> None:
    with pytest.raises(TruthError, match=says):
        stored(picture).truth()


def test_two_pictures_of_one_id_are_named() -> None:
    with pytest.raises(TruthError, match=r"a\.jpg and b\.jpg have one id, 5: is a picture there twice"):
        stored(one([], [], "a.jpg", 5), one([], [], "b.jpg", 5)).truth()


def test_where_not_every_picture_has_an_id_their_places_count() -> None:
    truth = stored(one([], [], "a.jpg", 5), one([], [], "b.jpg")).truth()
    assert [image.id for image in truth.images] == [1, 2]


def test_pictures_without_objects_count_and_a_set_of_them_is_empty() -> None:
    truth = stored(one([], [], "a.jpg"), one([[0, 0, 64, 48]], [0], "b.jpg"), one([], [], "c.jpg")).truth()
    assert len(truth.images) == 3
    assert truth.image.tolist() == [1]
    assert len(stored(one([], [])).truth().box) == 0


def test_the_names_are_those_of_cocos_own_file(zoo: Path) -> None:
    path = zoo / "datasets/eval_checks/coco_map/instances_val2014_100.json"
    categories = json.loads(path.read_text())["categories"]
    assert {entry["id"]: entry["name"] for entry in categories} == dict(zip(COCO_CATEGORIES, COCO_NAMES, strict=True))


def test_cocos_own_boxes_lie_in_their_pictures_and_the_form_is_found(zoo: Path) -> None:
    truth = read_instances(zoo / "datasets/eval_checks/coco_map/instances_val2014_100.json")
    assert_found(truth, truth.box)
    corners = np.concatenate([truth.box[:, :2], truth.box[:, :2] + truth.box[:, 2:]], axis=1)
    assert_found(truth, corners)


def assert_found(truth: CocoTruth, boxes: Any) -> None:
    """What is stored so is read as what it is, with no word on how it is written."""
    pictures = [
        PictureObjects(
            image.name,
            int(image.id),
            image.width,
            image.height,
            boxes[truth.image == index],
            truth.category[truth.image == index].tolist(),
            truth.area[truth.image == index],
            truth.crowd[truth.image == index],
        )
        for index, image in enumerate(truth.images)
    ]
    found = stored(*pictures, classes="coco_ids").truth()
    order = np.argsort(truth.image, kind="stable")
    np.testing.assert_allclose(found.box, truth.box[order], atol=1e-9)
    assert found.images == truth.images
    for name in ("image", "category", "area", "crowd"):
        np.testing.assert_array_equal(getattr(found, name), getattr(truth, name)[order])
