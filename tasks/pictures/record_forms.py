"""The forms of tf.train.Example that pictures are stored in: which feature holds what, and a picture's objects read by one.

image/encoded, image/filename   TensorFlow's ImageNet, its object detection API's COCO, DeepLab's ADE20K
image, file_name                TensorFlow Datasets'
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from accuracy.errors import TruthError
from accuracy.records.example import Array, Example
from accuracy.truth.boxes.stored_boxes import ClassForm, PictureObjects


class RecordForm(NamedTuple):
    """Names of features."""

    picture: str
    names: tuple[str, ...]
    """The first that is there."""
    label: str
    first_label: int
    """What the first class that counts is called."""
    label_names: tuple[str, ...]
    """The label in words; the first that is there."""
    id: str
    sides: tuple[str, str] | None
    """Height and width; None takes the picture's own."""
    box: tuple[str, ...]
    """Lists of ymin, xmin, ymax and xmax in fractions of the sides, or one list of all."""
    category: str
    category_name: str
    categories: ClassForm
    area: str
    crowd: str
    mask: str
    mask_format: str


FORMS = (
    RecordForm(
        picture="image/encoded",
        names=("image/filename",),
        label="image/class/label",
        first_label=1,
        label_names=("image/class/synset", "image/class/text"),
        id="image/source_id",
        sides=("image/height", "image/width"),
        box=tuple(f"image/object/bbox/{side}" for side in ("ymin", "xmin", "ymax", "xmax")),
        category="image/object/class/label",
        category_name="image/object/class/text",
        categories="coco_ids",
        area="image/object/area",
        crowd="image/object/is_crowd",
        mask="image/segmentation/class/encoded",
        mask_format="image/segmentation/class/format",
    ),
    RecordForm(
        picture="image",
        names=("file_name", "image/filename"),
        label="label",
        first_label=0,
        label_names=(),
        id="image/id",
        sides=None,
        box=("objects/bbox",),
        category="objects/label",
        category_name="",
        categories="from_0",
        area="objects/area",
        crowd="objects/is_crowd",
        mask="annotation",
        mask_format="",
    ),
)


def read_objects(
    example: Example, form: RecordForm, name: str, own_size: Callable[[], tuple[int, int]]
) -> PictureObjects:
    """What a record says of its picture's objects.

    Args:
        example: The record.
        form: Its own.
        name: Of the picture, for messages.
        own_size: Height and width, read where the form tells none.

    Raises:
        TruthError: Features that are absent, of other kinds or of other lengths.
    """
    there = example.names()
    columns = [example.floats(feature).astype(np.float64) for feature in form.box]
    if len(columns) == 1 and len(columns[0]) % 4 == 0:
        columns = list(columns[0].reshape(-1, 4).T)
    if len({len(column) for column in columns}) != 1 or len(columns) != 4:
        raise TruthError(
            f"{name} has {' and '.join(str(len(column)) for column in columns)} numbers in {form.box[0]} and so on"
        )
    top, left, bottom, right = columns
    height, width = own_size() if form.sides is None else (_one(example, feature, name) for feature in form.sides)
    return PictureObjects(
        name=name,
        id=_id(example, form) if form.id in there else None,
        width=width,
        height=height,
        boxes=np.stack([left, top, right, bottom], axis=1),
        classes=example.ints(form.category).tolist(),
        areas=_numbers(example, form.area) if form.area in there else None,
        crowd=example.ints(form.crowd) if form.crowd in there else None,
        names=_names_of_classes(example, form),
    )


def _names_of_classes(example: Example, form: RecordForm) -> Sequence[str]:
    """What the objects' classes are called; nothing where the record does not say it of each."""
    names = example.texts(form.category_name) if example.kind(form.category_name) == "bytes" else []
    return names if len(names) == len(example.ints(form.category)) else ()


def _one(example: Example, feature: str, name: str) -> int:
    values = example.ints(feature).tolist()
    if len(values) != 1:
        raise TruthError(f"{name} has {len(values)} values of {feature} instead of one")
    return int(values[0])


def _id(example: Example, form: RecordForm) -> int | None:
    """COCO's id, which is a text in TensorFlow's form; other sets have names there."""
    if form.id != "image/source_id":
        return _one(example, form.id, form.id)
    text = example.text(form.id)
    return int(text) if text.isascii() and text.isdigit() else None


def _numbers(example: Example, feature: str) -> Array:
    return example.floats(feature) if example.kind(feature) == "float" else example.ints(feature)
