"""COCO ground truth as arrays, whatever it is read from: `instances` reads COCO's own JSON, `coco_pbtxt` the mobile app's.

The annotations are held as arrays, one row an object. Crowd regions are kept and marked: the official definition
(cocoapi PythonAPI/pycocotools/cocoeval.py) ignores what falls on them, TFLite's does not know them. That code also
overwrites an annotation's `ignore` flag with `iscrowd`; the flag is kept here for the VOC definition alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias, TypeGuard

import numpy as np
import numpy.typing as npt

from accuracy.errors import TruthError
from accuracy.outside import text_files

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

_UNUSED_IDS = frozenset((12, 26, 29, 30, 45, 66, 68, 69, 71, 83))
COCO_CATEGORIES = tuple(number for number in range(1, 91) if number not in _UNUSED_IDS)
"""The 80 category ids of COCO: 1 to 90 with ten gaps."""

MOST_ID = (1 << 63) - 1
"""Of a category: the last that an int64 holds."""
_LONG = 19
_FLAT = (
    "objects have a box without width or height, which no detection can hit: they count as missed, as in pycocotools"
)


Id: TypeAlias = int | str
"""What a file calls a picture or a class: COCO numbers them, other tools also write text."""


class CocoImage(NamedTuple):
    """One picture of the ground truth."""

    name: str
    """File name without folders."""
    id: Id
    width: int
    """Pixels; 0 where the file does not say, 1 where it has normalised boxes and the picture's size is not known."""
    height: int


@dataclass(frozen=True, slots=True)
class CocoTruth:
    """Ground truth of a set of pictures. All arrays have one row an object, B in all."""

    images: tuple[CocoImage, ...]
    """In the file's order; an image without objects counts."""
    categories: tuple[int, ...]
    """Every category id that may occur, ascending."""
    image: Int64
    """[B] index into `images`."""
    category: Int64
    """[B] category id."""
    box: Float64
    """[B, 4] x, y, width, height in pixels."""
    area: Float64
    """[B] pixels of the object's mask, else of its box; NaN where the picture's size is unknown."""
    crowd: Bool
    """[B] True for a region of many objects."""
    ignore: Bool
    """[B] the annotation's own `ignore` flag."""
    numbers: Mapping[Id, int] = field(default_factory=dict)
    """What the file calls each category -> its id here; empty where the two are the same."""
    names: Mapping[int, str] = field(default_factory=dict)
    """Of the categories, by id, where the file has any."""
    left_out: int = 0
    """Images of the file that are not among `images`."""
    remarks: tuple[str, ...] = ()
    """What was read otherwise than it is written, as COCO's own tool does: a sentence each, with a count."""

    @property
    def number_of(self) -> Mapping[Id, int]:
        """What the file calls each category -> its id here."""
        return self.numbers or {number: number for number in self.categories}

    def of_categories(self, wanted: Sequence[int]) -> CocoTruth:
        """The ground truth of some categories alone; images without any of them stay."""
        kept = np.isin(self.category, np.asarray(wanted, np.int64))
        arrays = {name: getattr(self, name)[kept] for name in ("image", "category", "box", "area", "crowd", "ignore")}
        return replace(self, categories=tuple(each for each in self.categories if each in wanted), **arrays)

    def select(self, indices: Sequence[int]) -> CocoTruth:
        """The ground truth of some of the images, in the order given."""
        place = np.full(len(self.images), -1, np.int64)
        place[np.asarray(indices, np.int64)] = np.arange(len(indices))
        kept = place[self.image] >= 0
        return replace(
            self,
            left_out=self.left_out + len(self.images) - len(indices),
            images=tuple(self.images[index] for index in indices),
            image=place[self.image[kept]],
            category=self.category[kept],
            box=self.box[kept],
            area=self.area[kept],
            crowd=self.crowd[kept],
            ignore=self.ignore[kept],
        )


class Remarks:
    """Counts what is read otherwise than it is written."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._first: dict[str, str] = {}

    def add(self, what: str, which: str) -> None:
        """One more.

        Args:
            what: Of all of one kind, and what is made of them.
            which: This one; the first is named.
        """
        self._counts[what] += 1
        self._first.setdefault(what, which)

    def sentences(self) -> tuple[str, ...]:
        """One a kind."""
        return tuple(f"{count:,} {what} (the first: {self._first[what]})" for what, count in self._counts.items())


def read_text(path: Path) -> str:
    """The file as text.

    Raises:
        TruthError: It cannot be read, or is no text in UTF-8.
    """
    try:
        return text_files.read_text(path)
    except text_files.NotText as error:
        raise TruthError(f"{path} cannot be read: {error}") from None
    except OSError as error:
        raise TruthError(f"the ground truth {path} cannot be read: {error.strerror or error}") from None


def as_id(value: object) -> Id | None:
    """An id as it is told from others; None for what is none. A whole number may be written with a point, as 7.0."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)) else None


def id_of(value: object) -> Id:
    """As `as_id`, of what was checked to be one.

    Raises:
        TruthError: It is none.
    """
    key = as_id(value)
    if key is None:
        raise TruthError(f"{value!r} is no id")
    return key


def id_fault(value: object, known: Mapping[Id, int]) -> str | None:
    """What is wrong with a reference to an image or category; nothing where it is only not on the list.

    The same number as a text is another id to COCO's tool, which would pass over the object without a word.
    """
    key = as_id(value)
    if key is None:
        return f"{value!r}, neither a whole number nor a text"
    if key in known:
        return None
    if isinstance(key, int) and str(key) in known:
        return f"{value!r}, but the file lists it as the text {str(key)!r}: write both alike"
    if isinstance(key, str) and is_plain_number(key) and int(key) in known:
        return f"{value!r}, a text, but the file lists it as the number {int(key)}: write both alike"
    return None


def is_plain_number(text: str) -> bool:
    """Whether a text is a number that an int64 holds, such as "17"."""
    return text.isascii() and text.isdecimal() and len(text) < _LONG


def id_order(key: Id) -> tuple[bool, Any]:
    """What ids are sorted by: numbers by their value, before texts."""
    return isinstance(key, str), key


def places_by_id(images: Sequence[CocoImage]) -> Int64:
    """[P] the place of each picture by its id, from 0: COCO's tool ranks detections of equal score by it."""
    order = sorted(range(len(images)), key=lambda index: id_order(images[index].id))
    places = np.empty(len(images), np.int64)
    places[order] = np.arange(len(images))
    return places


def check(truth: CocoTruth, name: Callable[[int], str], remarks: Remarks) -> None:
    """Holds objects of finite numbers against the rules that every source must keep.

    Args:
        truth: The ground truth.
        name: What to call the object of a row.
        remarks: Counts the boxes without a size; COCO's train2017 has two.

    Raises:
        TruthError: An area or category that cannot be.
    """
    for row in np.flatnonzero((truth.box[:, 2:] <= 0).any(axis=1)).tolist():
        remarks.add(_FLAT, f"{name(row)}, {truth.box[row].tolist()}")
    for wrong, what, values in (
        (truth.area < 0, "has a negative area", truth.area),
        (~np.isin(truth.category, truth.categories), "has a category that is not on the list", truth.category),
    ):
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise TruthError(f"{name(row)} {what}: {values[row].tolist()} ({np.count_nonzero(wrong)} such objects)")


def refuse_doubles(images: Sequence[CocoImage], field: Literal["name", "id"]) -> None:
    """Refuses images that cannot be told apart by this field.

    Raises:
        TruthError: Two share a value.
    """
    for value, times in Counter(getattr(image, field) for image in images).items():
        if times > 1:
            raise TruthError(f"two images have the {field} {value!r}")


def is_int(value: object) -> TypeGuard[int]:
    """True for an integer that an int64 holds; JSON's true is none."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MOST_ID


def is_number(value: object) -> TypeGuard[float]:
    """True for an integer or float that is finite and of sane size."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -1e15 < value < 1e15
