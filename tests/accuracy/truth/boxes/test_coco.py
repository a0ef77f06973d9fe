from __future__ import annotations

import json
import math
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accuracy import coco_ap, tflite_map, voc_map
from accuracy.errors import TruthError
from accuracy.truth.boxes.coco import COCO_CATEGORIES, places_by_id
from accuracy.truth.boxes.coco_pbtxt import read_pbtxt
from accuracy.truth.boxes.instances import read_instances
from accuracy.truth.text_proto import TextProtoError, parse_text_proto

quick = settings(deadline=None, derandomize=True, max_examples=60)


def instances(**changes: Any) -> dict[str, Any]:
    content = {
        "images": [
            {"id": 7, "file_name": "val/b.jpg", "width": 640, "height": 480},
            {"id": 3, "file_name": "a.jpg", "width": 300, "height": 200},
        ],
        "categories": [{"id": 90, "name": "toothbrush"}, {"id": 1, "name": "person"}],
        "annotations": [
            {"id": 5, "image_id": 3, "category_id": 90, "bbox": [1, 2.5, 30, 40], "area": 700.5, "iscrowd": 0},
            {"id": 6, "image_id": 7, "category_id": 1, "bbox": [0, 0, 64, 48], "iscrowd": 1, "ignore": 1},
        ],
    }
    return content | changes


def written(folder: Path, content: Any) -> Path:
    path = folder / "instances_val2017.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.mark.parametrize("metric", [coco_ap, tflite_map, voc_map])
def test_files_without_any_object_are_not_scored(tmp_path: Path, metric: ModuleType) -> None:
    (tmp_path / "found.json").write_text("[]")
    with pytest.raises(TruthError, match=r"instances_val2017\.json has no object"):
        metric.score_files(tmp_path / "found.json", written(tmp_path, instances(annotations=[])))


# --- the instances JSON ----------------------------------------------------------------------------------------------


def test_the_images_keep_the_files_order_and_an_image_without_objects_counts(tmp_path: Path) -> None:
    content = instances()
    content["annotations"].pop(0)
    truth = read_instances(written(tmp_path, content))
    assert [image.name for image in truth.images] == ["b.jpg", "a.jpg"]
    assert truth.image.tolist() == [0]


def test_names_after_folders_as_windows_writes_them_are_the_files_own(tmp_path: Path) -> None:
    images = [{"id": 3, "file_name": "val2017\\a.jpg"}, {"id": 7, "file_name": "D:/set\\val/b.jpg"}]
    truth = read_instances(written(tmp_path, instances(images=images)))
    assert [image.name for image in truth.images] == ["a.jpg", "b.jpg"]


def test_objects_come_as_arrays_with_crowds_marked(tmp_path: Path) -> None:
    truth = read_instances(written(tmp_path, instances()))
    assert truth.categories == (1, 90)
    assert truth.image.tolist() == [1, 0]
    assert truth.box.tolist() == [[1, 2.5, 30, 40], [0, 0, 64, 48]]
    assert truth.area.tolist() == [700.5, 64 * 48]  # the second has none of its own
    assert truth.crowd.tolist() == truth.ignore.tolist() == [False, True]


def test_a_selection_renumbers_the_images_in_the_order_given(tmp_path: Path) -> None:
    truth = read_instances(written(tmp_path, instances()))
    turned = truth.select([1, 0])
    assert [image.name for image in turned.images] == ["a.jpg", "b.jpg"]
    assert turned.image.tolist() == [0, 1]
    assert truth.select([1]).category.tolist() == [90]


def changed(place: str, **changes: Any) -> dict[str, Any]:
    content = instances()
    content[place][0] |= changes
    return content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "is an object, this is a list"),
        ({"images": []}, "no list of categories"),
        (instances(images=[1]), "entry 0 of images is 1"),
        (changed("images", file_name=7), "image 7 has the file_name 7, not a text"),
        (changed("images", id=None), r"image 0 \('val/b.jpg'\) has the id None, neither a whole number nor a text"),
        (changed("images", id=7.5), "has the id 7.5, neither"),
        (changed("images", id=True), "has the id True, neither"),
        (
            changed("images", id="7"),
            "annotation 6 of image 7 has the image_id 7, but the file lists it as the text '7'",
        ),
        (changed("images", id=3), "two images have the id 3: b.jpg and a.jpg"),
        (changed("categories", id=1), "two categories have the id 1: 'toothbrush' and 'person'"),
        (changed("categories", id=[1]), r"a category has the id \[1\]"),
        (changed("annotations", image_id="3"), "has the image_id '3', a text, but the file lists it as the number 3"),
        (changed("annotations", image_id=[3]), r"annotation 5 of image \[3\] has the image_id \[3\], neither"),
        (
            changed("annotations", category_id="1"),
            "a.jpg has the category_id '1', a text, but the file lists it as the",
        ),
        (instances(categories=[{"id": 5}]), "none of its 2 annotations is of an image and a category that it lists"),
        (changed("annotations", bbox=[0, 0, 5]), r"a.jpg has the box \[0, 0, 5\], not four"),
        (changed("annotations", bbox=[0, math.nan, 5, 5]), r"a.jpg has the box \[0, nan, 5, 5\], not four finite"),
        (changed("annotations", bbox=[0, 0, math.inf, 5]), "not four finite"),
        (changed("annotations", area=math.nan), "a.jpg has the area nan"),
        (changed("annotations", area=-1), "a.jpg has a negative area"),
        (changed("annotations", iscrowd="0"), "a.jpg has iscrowd = '0', not 0 or 1"),
    ],
)
def test_ground_truth_that_contradicts_itself_is_refused_by_name(tmp_path: Path, content: Any, message: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(TruthError, match=message) as caught:
        read_instances(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("content", "remark"),
    [
        (changed("annotations", image_id=4), "1 annotations are of an image that the file does not list"),
        (changed("annotations", category_id=2), "1 annotations are of a category that the file does not list"),
        (
            changed("annotations", category_id=1 << 70),
            "(the first: annotation 5 of a.jpg, category 11805916207174113034",
        ),
        (changed("annotations", bbox=[0, 7, 30, 0]), "1 objects have a box without width or height"),
        (changed("annotations", bbox=[0, 0, 5, -1]), "(the first: annotation 5 of a.jpg, [0.0, 0.0, 5.0, -1.0])"),
        (changed("annotations", id=0), "1 annotations have the id 0, which pycocotools takes for none"),
        (changed("annotations", iscrowd=2), "1 flags are neither 0 nor 1, and count as 1"),
        (instances(images=[*instances()["images"], instances()["images"][0]]), "1 images are listed more than once"),
    ],
)
def test_what_cocos_tool_passes_over_is_counted_in_a_remark(tmp_path: Path, content: Any, remark: str) -> None:
    [said] = read_instances(written(tmp_path, content)).remarks
    assert remark in said
    assert read_instances(written(tmp_path, instances())).remarks == ()


def test_a_box_of_no_height_in_the_apps_file_is_an_object_that_nothing_finds(tmp_path: Path) -> None:
    truth = read_pbtxt(
        written_proto(tmp_path, proto(("a.jpg", proto_object(1, 0.5, 0, 0.5, 1)))), {"a.jpg": (100, 100)}
    )
    assert truth.box.tolist() == [[50, 0, 0, 100]]
    assert "line 2: the object of a.jpg" in truth.remarks[0]


@pytest.mark.parametrize(
    ("place", "changes"),
    [
        ("images", {"width": 640.0, "height": 480.0}),
        ("images", {"width": None}),
        ("images", {"width": 0}),
        ("images", {"width": "640"}),
        ("images", {"file_name": None}),
        ("images", {"file_name": "a.jpg"}),
        ("annotations", {"area": None}),
        ("annotations", {"iscrowd": None, "ignore": None}),
        ("annotations", {"iscrowd": False}),
        ("annotations", {"image_id": 3.0, "category_id": 90.0}),
        ("annotations", {"id": "five"}),
        ("categories", {"id": 90.0}),
    ],
)
def test_fields_that_a_figure_does_not_need_may_be_anything(tmp_path: Path, place: str, changes: Any) -> None:
    truth, plain = (read_instances(written(tmp_path, content)) for content in (changed(place, **changes), instances()))
    assert truth.remarks == ()
    assert truth.box.tolist() == plain.box.tolist()
    assert truth.image.tolist() == plain.image.tolist()
    assert truth.category.tolist() == plain.category.tolist()
    assert truth.crowd.tolist() == plain.crowd.tolist()
    assert truth.images[0].width == (0 if changes.get("width", 1) in (None, 0, "640") else 640)


def test_ids_may_be_texts_and_longer_than_a_float_holds(tmp_path: Path) -> None:
    content = instances()
    for image, key in zip(content["images"], ("frame_9", 1 << 70), strict=True):
        image["id"] = key
    for category, key in zip(content["categories"], ("brush", "person"), strict=True):
        category["id"] = key
    for annotation, image, category in zip(
        content["annotations"], (1 << 70, "frame_9"), ("brush", "person"), strict=True
    ):
        annotation |= {"image_id": image, "category_id": category}
    truth = read_instances(written(tmp_path, content))
    assert truth.numbers == {"brush": 1, "person": 2}
    assert truth.image.tolist() == [1, 0]
    assert truth.category.tolist() == [1, 2]
    content["categories"] = [{"id": "90"}, {"id": "1"}]
    for annotation, category in zip(content["annotations"], ("90", "1"), strict=True):
        annotation["category_id"] = category
    assert read_instances(written(tmp_path, content)).category.tolist() == [90, 1]
    # Detections of equal score are ranked by the ids: numbers by value, texts after them.
    assert places_by_id(truth.images).tolist() == [1, 0]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TruthError, match=r"nowhere.json cannot be read"):
        read_instances(tmp_path / "nowhere.json")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=6,
)


@quick
@given(
    st.sampled_from(["images", "categories", "annotations"]),
    st.sampled_from(["id", "file_name", "width", "image_id", "category_id", "bbox", "area", "iscrowd"]),
    json_values,
)
def test_no_value_of_any_field_ends_in_anything_but_a_clear_error(
    tmp_path_factory: pytest.TempPathFactory, place: str, field: str, value: Any
) -> None:
    path = written(tmp_path_factory.mktemp("truth"), changed(place, **{field: value}))
    try:
        truth = read_instances(path)
    except TruthError:
        return
    assert np.isfinite(truth.box).all()
    assert np.isfinite(truth.area).all()


# --- the text proto --------------------------------------------------------------------------------------------------


def proto_object(number: int, left: float, top: float, right: float, bottom: float) -> str:
    box = f"normalized_top: {top!r} normalized_bottom: {bottom!r} normalized_left: {left!r} normalized_right: {right!r}"
    return f"  objects {{ class_id: {number}\n bounding_box {{ {box} }} }}\n"


def proto(*images: tuple[str, str]) -> str:
    return "".join(
        f'detection_results {{\n{objects}  image_name: "{name}"\n  image_id: {row} }}\n'
        for row, (name, objects) in enumerate(images, 1)
    )


def written_proto(folder: Path, text: str) -> Path:
    path = folder / "coco_val.pbtxt"
    path.write_text(text)
    return path


def test_a_pbtxt_gives_the_pictures_that_are_asked_for_in_pixels(tmp_path: Path) -> None:
    text = proto(("a.jpg", proto_object(1, 0, 0, 1, 1)), ("b.jpg", proto_object(90, 0.25, 0.5, 0.75, 1)), ("c.jpg", ""))
    truth = read_pbtxt(written_proto(tmp_path, text), {"c.jpg": (10, 10), "b.jpg": (200, 100)})
    assert [(image.name, image.width, image.height) for image in truth.images] == [
        ("c.jpg", 10, 10),
        ("b.jpg", 200, 100),
    ]
    assert truth.image.tolist() == [1]
    assert truth.box.tolist() == [[50, 50, 100, 50]]
    assert truth.area.tolist() == [5000]
    assert truth.categories == COCO_CATEGORIES


def test_without_the_pictures_sizes_areas_are_not_known(tmp_path: Path) -> None:
    truth = read_pbtxt(written_proto(tmp_path, proto(("a.jpg", proto_object(1, 0, 0, 0.5, 1)))))
    assert truth.box.tolist() == [[0, 0, 0.5, 1]]
    assert np.isnan(truth.area).all()


unit = st.floats(0, 0.5, width=32)


@quick
@given(st.lists(st.lists(st.tuples(st.sampled_from(COCO_CATEGORIES), unit, unit), max_size=3), min_size=1, max_size=3))
def test_a_pbtxt_and_the_json_of_the_same_boxes_agree(
    tmp_path_factory: pytest.TempPathFactory, images: list[list[tuple[int, float, float]]]
) -> None:
    folder = tmp_path_factory.mktemp("both")
    names = [f"{row}.jpg" for row in range(len(images))]
    objects = ["".join(proto_object(c, x, y, x + 0.25, y + 0.5) for c, x, y in rows) for rows in images]
    text = proto(*zip(names, objects, strict=True))
    content = {
        "images": [{"id": row, "file_name": name, "width": 64, "height": 32} for row, name in enumerate(names, 1)],
        "categories": [{"id": number} for number in COCO_CATEGORIES],
        "annotations": [
            {"image_id": row, "category_id": c, "bbox": [x * 64, y * 32, 16, 16]}
            for row, boxes in enumerate(images, 1)
            for c, x, y in boxes
        ],
    }
    by_proto = read_pbtxt(written_proto(folder, text), dict.fromkeys(names, (64, 32)))
    by_json = read_instances(written(folder, content))
    assert by_proto.images == by_json.images
    for field in ("image", "category", "crowd", "ignore"):
        assert getattr(by_proto, field).tolist() == getattr(by_json, field).tolist()
    np.testing.assert_allclose(by_proto.box, by_json.box, atol=1e-9)
    np.testing.assert_allclose(by_proto.area, by_json.area, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no detection_results"),
        ("label: 1", "no detection_results"),
        ("detection_results {\n", "line 2: expected a field or '}', found the end of the file"),
        ("detection_results: 5", "line 1: expected a message in braces, found 5"),
        ('detection_results {\n image_name: "a" }\n$', r"line 3: '\$' does not belong here"),
        ("detection_results {\n image_id: 1 }", "line 1: a result without an image_name"),
        (proto(("a.jpg", "objects { class_id: 1 }")), "0 fields bounding_box"),
        (proto(("a.jpg", proto_object(1, 0.5, 0, 320, 1))), "normalized_right is 320, not a fraction"),
        (proto(("a.jpg", proto_object(1, math.nan, 0, 1, 1))), "normalized_left is nan, not a fraction"),
        (proto(("a.jpg", proto_object(12, 0, 0, 1, 1))), "a.jpg has a category that is not on the list: 12"),
        (proto(("a.jpg", "objects { class_id: 1.5 bounding_box { } }")), "class_id is 1.5, not an integer"),
        (proto(("a.jpg", ""), ("a.jpg", "")), "two images have the name 'a.jpg'"),
        (proto(("b.jpg", "")), "no entry for 1 of 1 pictures: a.jpg"),
    ],
)
def test_a_broken_pbtxt_is_refused_with_the_line_or_the_picture(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TruthError, match=message) as caught:
        read_pbtxt(written_proto(tmp_path, text), {"a.jpg": (100, 100)})
    assert "coco_val.pbtxt" in str(caught.value)


def test_the_apps_own_file_is_read_whole(zoo: Path) -> None:
    truth = read_pbtxt(zoo / "datasets/mlperf_mobile/v1_0_assets_coco_val.pbtxt")
    assert (len(truth.images), len(truth.box)) == (300, 718)
    assert truth.images[0].name == "000000000001.jpg"
    assert truth.category[:2].tolist() == [9, 9]
    np.testing.assert_allclose(truth.box[0], [0.14, 0.3212121, 0.44, 0.5151515], atol=1e-9)


# --- the text form itself --------------------------------------------------------------------------------------------


def test_the_text_form_knows_numbers_strings_lists_comments_and_both_brackets() -> None:
    message = parse_text_proto(
        "a: 1, b: -0x1F; c: 1.5f  # a comment }\nd: 'x\\n\\x41' \"\\101'\" e: [1, TRUE] f < g: -inf > f { g: .5e1 }"
    )
    plain = {name: [value.content for value in values] for name, values in message.items()}
    inner = [value.content["g"][0].content for value in message["f"] if isinstance(value.content, dict)]
    assert plain | {"f": []} == {"a": [1], "b": [-31], "c": [1.5], "d": ["x\nAA'"], "e": [1, "TRUE"], "f": []}
    assert inner == [-math.inf, 5.0]
    assert message["d"][0].line == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a", "line 1: expected a value of a, found the end of the file"),
        ("a 5", "expected a value of a, found '5'"),
        ("a: {\n}}", "line 2: expected a field, found '}'"),
        ("a: [1 2]", "expected ',' or ']', found '2'"),
        ('a: "x\n"', "line 1: '\"' does not belong here"),
        ("a {" * 100, "nested deeper than 64"),
    ],
)
def test_what_is_no_text_proto_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(TextProtoError) as caught:
        parse_text_proto(text)
    assert message in str(caught.value)


@quick
@given(st.text(alphabet=list("ab:{}<>[],;\"'\\#\n 0x1.-ef"), max_size=40))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    message = "line 1"
    try:
        parse_text_proto(text)
    except TextProtoError as error:
        message = str(error)
    assert message.startswith("line ")
