"""COCO ground truth as the MLPerf mobile app keeps it: TFLite's ObjectDetectionGroundTruth in text form.

Source: LRT tflite/tools/evaluation/proto/evaluation_stages.proto. Boxes are fractions of the picture's sides and the
pictures are known by name. There are no crowd regions, and no picture sizes: the areas that COCO's size classes need
come from the pictures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from accuracy.errors import TruthError
from accuracy.outside.border import reads
from accuracy.truth.boxes.coco import (
    COCO_CATEGORIES,
    CocoImage,
    CocoTruth,
    Remarks,
    check,
    is_int,
    is_number,
    read_text,
    refuse_doubles,
)
from accuracy.truth.text_proto import Message, TextProtoError, Value, parse_text_proto

_SIDES = ("left", "top", "right", "bottom")

Sizes = Mapping[str, tuple[int, int] | None]
"""File name -> (width, height) in pixels; None where the size is not known."""


class _Object(NamedTuple):
    image: int
    category: int
    corners: tuple[float, ...]
    line: int


@reads(TruthError)
def read_pbtxt(path: Path, sizes: Sizes | None = None, categories: Sequence[int] = COCO_CATEGORIES) -> CocoTruth:
    """Reads the ground truth of the pictures that are asked for.

    Args:
        path: The file, for example coco_val.pbtxt.
        sizes: The pictures in the order wanted, with their sizes; images that are not in it are left out. Without it:
            all images, their sizes not known.
        categories: The category ids that may occur: the text form has no list of its own.

    Returns:
        The ground truth; an image of unknown size counts as 1 x 1 pixels and its objects have the area NaN.

    Raises:
        TruthError: Not such a file, or it contradicts itself (the message names the line), or it lacks a picture.
    """
    try:
        results = parse_text_proto(read_text(path)).get("detection_results", [])
        truth = _truth(results, sizes or {}, categories)
        return truth if sizes is None else truth.select(_positions(truth, sizes))
    except (TextProtoError, TruthError) as error:
        raise TruthError(f"{path}: {error}") from None


def _truth(results: Sequence[Value], sizes: Sizes, categories: Sequence[int]) -> CocoTruth:
    if not results:
        raise TruthError("it has no detection_results: is it TFLite's ObjectDetectionGroundTruth?")
    images: list[CocoImage] = []
    objects: list[_Object] = []
    for index, result in enumerate(results):
        message = _submessage(result)
        name = _only(message, "image_name", "", result.line)
        if not isinstance(name, str) or not name:
            raise TruthError(f"line {result.line}: a result without an image_name")
        number = _integer(message, "image_id", index + 1, result.line)
        images.append(CocoImage(name, number, *(sizes.get(name) or (1, 1))))
        objects.extend(_object(value, index) for value in message.get("objects", ()))
    image = np.array([entry.image for entry in objects], np.int64)
    corners = np.array([entry.corners for entry in objects], np.float64).reshape(-1, 4)
    scale = np.array([(picture.width, picture.height) for picture in images], np.float64)[image]
    extent = (corners[:, 2:] - corners[:, :2]) * scale
    known = np.array([sizes.get(picture.name) is not None for picture in images], np.bool_)[image]
    refuse_doubles(images, "name")
    refuse_doubles(images, "id")
    truth = CocoTruth(
        images=tuple(images),
        categories=tuple(sorted(categories)),
        image=image,
        category=np.array([entry.category for entry in objects], np.int64),
        box=np.concatenate([corners[:, :2] * scale, extent], axis=1),
        area=np.where(known, extent.prod(axis=1), np.nan),
        crowd=np.zeros(len(objects), np.bool_),
        ignore=np.zeros(len(objects), np.bool_),
    )
    remarks = Remarks()
    check(truth, lambda row: f"line {objects[row].line}: the object of {images[objects[row].image].name}", remarks)
    return replace(truth, remarks=remarks.sentences())


def _object(value: Value, image: int) -> _Object:
    message = _submessage(value)
    bounds = _submessage(_one(message, "bounding_box", value.line))
    corners = tuple(_fraction(bounds, f"normalized_{side}", value.line) for side in _SIDES)
    return _Object(image, _integer(message, "class_id", 0, value.line), corners, value.line)


def _positions(truth: CocoTruth, sizes: Sizes) -> list[int]:
    index_of = {image.name: index for index, image in enumerate(truth.images)}
    if missing := [name for name in sizes if name not in index_of]:
        raise TruthError(f"it has no entry for {len(missing)} of {len(sizes)} pictures: {', '.join(missing[:5])}")
    return [index_of[name] for name in sizes]


def _submessage(value: Value) -> Message:
    if not isinstance(value.content, dict):
        raise TruthError(f"line {value.line}: expected a message in braces, found {value.content!r}")
    return value.content


def _one(message: Message, field: str, line: int) -> Value:
    values = message.get(field, [])
    if len(values) != 1:
        raise TruthError(f"line {line}: {len(values)} fields {field}, expected one")
    return values[0]


def _only(message: Message, field: str, default: str | float, line: int) -> Any:
    """The field's one value; a field that is not there has its default, as protocol buffers have it."""
    return _one(message, field, line).content if field in message else default


def _integer(message: Message, field: str, default: int, line: int) -> int:
    value = _only(message, field, default, line)
    if not is_int(value):
        raise TruthError(f"line {line}: {field} is {value!r}, not an integer")
    return int(value)


def _fraction(message: Message, field: str, line: int) -> float:
    value = _only(message, field, 0.0, line)
    if not is_number(value) or not -0.5 <= value <= 1.5:
        raise TruthError(f"line {line}: {field} is {value!r}, not a fraction of the picture's side (0 to 1)")
    return float(value)
