"""Boxes that are stored with the pictures they are in (TFRecord files, Hugging Face data sets), as COCO ground truth.

Such sets follow several customs, and a box or class read by the wrong one is still a box or class. So what is read is
held against the pictures' sizes and COCO's categories, and what fits no custom or more than one is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from accuracy.errors import TruthError
from accuracy.truth.boxes.box_forms import are_fractions
from accuracy.truth.boxes.coco import COCO_CATEGORIES, CocoImage, CocoTruth, Float64, Int64, Remarks, check, is_int
from accuracy.truth.boxes.coco_names import coco_id

Array = npt.NDArray[Any]
BoxForm = Literal["xyxy", "xywh", "fractions"]
"""Two corners in pixels; a corner and the size in pixels; two corners in fractions of the picture's sides."""
ClassForm = Literal["coco_ids", "from_0", "from_1"]
"""COCO's category ids, or its 80 categories counted in their order."""

_CALLED_OTHERWISE = (
    "objects are called otherwise than the number of their class says: "
    "is --set dataset.stored_classes=from_1 or from_0 meant?"
)
_SLACK_PIXELS = 1.0
"""How far a box may stick out of its picture: COCO's are rounded, and some do."""
_PIXEL_FORMS: tuple[BoxForm, ...] = ("xyxy", "xywh")


class PictureObjects(NamedTuple):
    """What one picture is stored with."""

    name: str
    """Of the picture."""
    id: int | None
    """Its COCO id; None where it has none."""
    width: int
    """Pixels."""
    height: int
    boxes: Float64
    """[n, 4] in the order x, y, x, y (or width, height)."""
    classes: Sequence[int | str]
    """[n] as they are stored."""
    areas: Array | None = None
    """[n] pixels; None takes the boxes'."""
    crowd: Array | None = None
    """[n]; None where nothing is said, so that nothing counts as a crowd."""
    names: Sequence[str] = ()
    """[n] what the classes are called beside their numbers; empty where nothing is said."""


@dataclass(frozen=True, slots=True)
class StoredBoxes:
    """The boxes of pictures, as they are stored."""

    source: str
    """What they are called there."""
    read: Callable[[], Iterable[PictureObjects]]
    """Every picture's, in order."""
    boxes: BoxForm | None
    """How they are written by the custom of such sets; None where there are several."""
    classes: ClassForm | Sequence[str] | None
    """What the classes mean by that custom, or the names of those that are numbers; None where there are several."""
    knows_crowds: bool = True
    """False where nothing marks crowd regions: each then counts as an object that should have been found."""

    def __str__(self) -> str:
        """For the result."""
        return self.source if self.knows_crowds else f"{self.source}, without crowd flags"

    def truth(self, boxes: BoxForm | None = None, classes: ClassForm | None = None) -> CocoTruth:
        """The ground truth of the pictures, in their order.

        Args:
            boxes: How the boxes are written; None for the custom, or for the one way in which all lie in their pictures.
            classes: What the classes mean; None for the custom.

        Raises:
            TruthError: Boxes outside their picture, classes that COCO does not have, or what can be read in two ways;
                the message names the picture.
        """
        pictures = list(self.read())
        for picture in pictures:
            if fault := _fault(picture):
                raise TruthError(f"{picture.name} {fault} in {self.source}")
        image = np.repeat(np.arange(len(pictures)), [len(picture.boxes) for picture in pictures])
        box = _Boxes(self.source, pictures, image).read(boxes or self.boxes)
        area = _column([picture.areas for picture in pictures], pictures, np.nan)
        truth = CocoTruth(
            images=_images(pictures),
            categories=COCO_CATEGORIES,
            image=image.astype(np.int64),
            category=self._categories(pictures, classes or self.classes),
            box=box,
            area=np.where(np.isnan(area), box[:, 2] * box[:, 3], area),
            crowd=_column([picture.crowd for picture in pictures], pictures, 0).astype(np.bool_),
            ignore=np.zeros(len(image), np.bool_),
        )
        remarks = Remarks()
        names = [name for picture in pictures for name in picture.names or [""] * len(picture.boxes)]
        for row, (name, category) in enumerate(zip(names, truth.category.tolist(), strict=True)):
            if coco_id(name) not in (None, category):
                remarks.add(_CALLED_OTHERWISE, f"{name} for class {category} in {_object(pictures, image, row)}")
        check(truth, lambda row: _object(pictures, image, row), remarks)
        return replace(truth, remarks=remarks.sentences())

    def _categories(self, pictures: Sequence[PictureObjects], form: ClassForm | Sequence[str] | None) -> Int64:
        names = None if form is None or isinstance(form, str) else form
        ids = _ids_by_class(form)

        def category(name: str, value: int | str) -> int:
            if form is None and isinstance(value, int):
                raise TruthError(
                    f"the classes of {self.source} are plain numbers: say what they are with --set "
                    "dataset.stored_classes=coco_ids (COCO's, with gaps), from_0 or from_1 (its 80 in order)"
                )
            number = coco_id(value, exactly=True) if isinstance(value, str) else ids.get(value)
            if number is None:
                called = f" ({names[value]})" if names and isinstance(value, int) and 0 <= value < len(names) else ""
                raise TruthError(
                    f"{name} has the class {value!r}{called} in {self.source}, which is none of COCO's 80: what "
                    "its classes are can be said with --set dataset.stored_classes=coco_ids, from_0 or from_1"
                )
            return number

        return np.array([category(picture.name, value) for picture in pictures for value in picture.classes], np.int64)


class _Boxes:
    """The boxes of all pictures, to be read in one form or another."""

    def __init__(self, source: str, pictures: Sequence[PictureObjects], image: Int64) -> None:
        self._source = source
        self._pictures = pictures
        self._image = image
        self._stored = np.concatenate([*(picture.boxes for picture in pictures), np.zeros((0, 4))])
        self._sides = np.array([(picture.width, picture.height) for picture in pictures], np.float64).reshape(-1, 2)[
            image
        ]

    def read(self, form: BoxForm | None) -> Float64:
        """[B, 4] x, y, width, height in pixels."""
        if form != "fractions" and are_fractions(self._stored, self._sides):
            raise TruthError(
                f"every box of {self._source} lies between 0 and 1: these are fractions of the pictures' sides, and boxes in "
                "pixels are read here"
            )
        if form is not None:
            if fault := self._fault(form):
                raise TruthError(fault)
            return self._as(form)
        faults = {form: self._fault(form) for form in _PIXEL_FORMS}
        fitting = [self._as(form) for form, fault in faults.items() if fault is None]
        if not fitting:
            raise TruthError("; ".join(fault for fault in faults.values() if fault))
        if len(fitting) > 1 and not np.array_equal(fitting[0], fitting[1]):
            raise TruthError(
                f"the boxes of {self._source} lie in their pictures as two corners and as corner and size: say which they are "
                "with --set dataset.stored_boxes=xyxy or xywh"
            )
        return fitting[0]

    def _as(self, form: BoxForm) -> Float64:
        boxes = self._stored.astype(np.float64)
        if form == "fractions":
            boxes = boxes * np.tile(self._sides, 2)
        if form != "xywh":
            boxes[:, 2:] -= boxes[:, :2]
        return boxes

    def _fault(self, form: BoxForm) -> str | None:
        """What is wrong with the first box that is no box in its picture."""
        boxes = self._as(form)
        with np.errstate(invalid="ignore"):
            fits = (boxes[:, 2:] >= 0) & (boxes[:, :2] >= -_SLACK_PIXELS)
            fits &= boxes[:, :2] + boxes[:, 2:] <= self._sides + _SLACK_PIXELS
        wrong = np.flatnonzero(~fits.all(axis=1))
        if not wrong.size:
            return None
        row = int(wrong[0])
        picture = self._pictures[self._image[row]]
        return (
            f"{_object(self._pictures, self._image, row)} has the box {self._stored[row].tolist()} in {self._source}, which "
            f"as {form} does not lie in the {picture.width}x{picture.height} picture ({wrong.size} such boxes)"
        )


def _fault(picture: PictureObjects) -> str | None:
    """What is wrong with the columns of a picture."""
    columns = {"classes": picture.classes, "areas": picture.areas, "crowd flags": picture.crowd}
    for what, column in columns.items():
        if column is not None and len(column) != len(picture.boxes):
            return f"has {len(picture.boxes)} boxes and {len(column)} {what}"
    if picture.width < 1 or picture.height < 1:
        return f"has the size {picture.width}x{picture.height}"
    for what, numbers in (("area", picture.areas), ("crowd flag", picture.crowd)):
        if numbers is not None and not (np.isfinite(numbers) & (numbers >= 0)).all():
            return f"has an object of an impossible {what} (of {np.asarray(numbers).tolist()})"
    return None


def _ids_by_class(form: ClassForm | Sequence[str] | None) -> Mapping[int, int]:
    """COCO's ids of the classes that are numbers."""
    if form == "coco_ids":
        return {number: number for number in COCO_CATEGORIES}
    if form == "from_0" or form == "from_1":
        return dict(enumerate(COCO_CATEGORIES, int(form == "from_1")))
    return {number: found for number, name in enumerate(form or ()) if (found := coco_id(name, exactly=True))}


def _images(pictures: Sequence[PictureObjects]) -> tuple[CocoImage, ...]:
    """COCO's ids where every picture has one, else their places from 1."""
    ids = [picture.id for picture in pictures]
    known = all(number is not None for number in ids)
    first: dict[int, str] = {}
    for picture in pictures:
        if picture.id is None:
            continue
        if not is_int(picture.id):
            raise TruthError(f"{picture.name} has the id {picture.id}, which is none of COCO's")
        if picture.id in first:
            raise TruthError(
                f"{first[picture.id]} and {picture.name} have one id, {picture.id}: is a picture there twice?"
            )
        first[picture.id] = picture.name
    numbers = (picture.id if known and picture.id is not None else place for place, picture in enumerate(pictures, 1))
    return tuple(
        CocoImage(picture.name, number, picture.width, picture.height)
        for picture, number in zip(pictures, numbers, strict=True)
    )


def _object(pictures: Sequence[PictureObjects], image: Int64, row: int) -> str:
    first = int(np.searchsorted(image, image[row]))
    return f"object {row - first} of {pictures[image[row]].name}"


def _column(values: Sequence[Array | None], pictures: Sequence[PictureObjects], other: float) -> Float64:
    """One number an object of all pictures, `other` where a picture has none."""
    parts = [
        np.full(len(picture.boxes), other) if part is None else np.asarray(part, np.float64)
        for part, picture in zip(values, pictures, strict=True)
    ]
    return np.concatenate([*parts, np.zeros(0)])
