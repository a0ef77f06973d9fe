"""COCO ground truth as arrays, and its official source, the instances JSON (`coco_pbtxt` reads the mobile app's).

The annotations are held as arrays, one row an object. Crowd regions are kept and marked: the official definition
(cocoapi PythonAPI/pycocotools/cocoeval.py) ignores what falls on them, TFLite's does not know them. That code also
overwrites an annotation's `ignore` flag with `iscrowd`; the flag is kept here for the VOC definition alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

import numpy as np
import numpy.typing as npt

from accuracy import text_files
from accuracy.errors import TruthError

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

_UNUSED_IDS = frozenset((12, 26, 29, 30, 45, 66, 68, 69, 71, 83))
COCO_CATEGORIES = tuple(number for number in range(1, 91) if number not in _UNUSED_IDS)
"""The 80 category ids of COCO: 1 to 90 with ten gaps."""


class CocoImage(NamedTuple):
    """One picture of the ground truth."""

    name: str
    """File name without folders."""
    id: int
    width: int
    """Pixels; 1 where the ground truth has normalised boxes and the picture's size is not known."""
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

    def select(self, indices: Sequence[int]) -> CocoTruth:
        """The ground truth of some of the images, in the order given."""
        place = np.full(len(self.images), -1, np.int64)
        place[np.asarray(indices, np.int64)] = np.arange(len(indices))
        kept = place[self.image] >= 0
        return replace(
            self,
            images=tuple(self.images[index] for index in indices),
            image=place[self.image[kept]],
            category=self.category[kept],
            box=self.box[kept],
            area=self.area[kept],
            crowd=self.crowd[kept],
            ignore=self.ignore[kept],
        )


def read_instances(path: Path) -> CocoTruth:
    """Reads COCO's instances JSON (https://cocodataset.org/#format-data), for example instances_val2017.json.

    `area` is optional (the box's is taken), as are `iscrowd` and `ignore` (0).

    Raises:
        TruthError: Not such a file, or it contradicts itself; the message names the image or annotation.
    """
    try:
        content = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise TruthError(f"{path} is not JSON: {error}") from None
    try:
        if not isinstance(content, dict):
            raise TruthError(f"a COCO ground truth is an object, this is a {type(content).__name__}")
        images = _json_images(_list(content, "images"))
        categories = _json_categories(_list(content, "categories"))
        return _json_objects(_list(content, "annotations"), images, categories)
    except TruthError as error:
        raise TruthError(f"{path}: {error}") from None


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


# --- the instances JSON ------------------------------------------------------------------------------------------


def _list(content: Mapping[str, Any], key: str) -> list[Any]:
    entries = content.get(key)
    if not isinstance(entries, list):
        raise TruthError(f"it has no list of {key}: is it COCO's instances JSON?")
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise TruthError(f"entry {number} of {key} is {entry!r}, not an object")
    return entries


def _json_images(entries: list[dict[str, Any]]) -> tuple[CocoImage, ...]:
    images = []
    for number, entry in enumerate(entries):
        name, width, height, key = (entry.get(field) for field in ("file_name", "width", "height", "id"))
        if not isinstance(name, str) or not name:
            raise TruthError(f"image {number} has no file_name (found {name!r})")
        if not (is_int(width) and is_int(height) and width > 0 and height > 0):
            raise TruthError(f"{name} has the size {width!r} x {height!r}, not two numbers of pixels")
        if not is_int(key):
            raise TruthError(f"{name} has the id {key!r}, not an integer")
        images.append(CocoImage(name.rpartition("/")[2], key, width, height))
    return without_doubles(images)


def _json_categories(entries: list[dict[str, Any]]) -> tuple[int, ...]:
    ids: list[int] = []
    for entry in entries:
        number = entry.get("id")
        if not is_int(number) or number < 0:
            raise TruthError(f"a category has the id {number!r}, not an integer from 0")
        ids.append(number)
    if len(set(ids)) != len(ids):
        raise TruthError("two categories have the same id")
    return tuple(sorted(ids))


def _json_objects(
    entries: list[dict[str, Any]], images: tuple[CocoImage, ...], categories: tuple[int, ...]
) -> CocoTruth:
    index_of = {image.id: index for index, image in enumerate(images)}

    def name(row: int) -> str:
        key = entries[row].get("image_id")
        of = images[index_of[key]].name if is_int(key) and key in index_of else f"image {key!r}"
        return f"annotation {entries[row].get('id', row)!r} of {of}"

    for row, entry in enumerate(entries):
        if fault := _fault(entry, index_of):
            raise TruthError(f"{name(row)} {fault}")
    boxes = np.array([entry["bbox"] for entry in entries], np.float64).reshape(-1, 4)
    areas = [entry.get("area") for entry in entries]
    truth = CocoTruth(
        images=images,
        categories=categories,
        image=np.array([index_of[entry["image_id"]] for entry in entries], np.int64),
        category=np.array([entry["category_id"] for entry in entries], np.int64),
        box=boxes,
        area=np.where([area is None for area in areas], boxes[:, 2] * boxes[:, 3], np.array(areas, np.float64)),
        crowd=np.array([entry.get("iscrowd", 0) for entry in entries], np.bool_),
        ignore=np.array([entry.get("ignore", 0) for entry in entries], np.bool_),
    )
    check(truth, name)
    return truth


def _fault(entry: dict[str, Any], images: Mapping[int, int]) -> str | None:
    """What is wrong with the types of an annotation, None where nothing is."""
    if not is_int(entry.get("image_id")) or entry["image_id"] not in images:
        return "belongs to no image of the file"
    if not is_int(entry.get("category_id")):
        return f"has the category {entry.get('category_id')!r}, not an integer"
    box = entry.get("bbox")
    if not isinstance(box, list) or len(box) != 4 or not all(map(is_number, box)):
        return f"has the box {box!r}, not four finite numbers"
    if not is_number(entry.get("area", 0)):
        return f"has the area {entry['area']!r}, not a finite number"
    for flag in ("iscrowd", "ignore"):
        if entry.get(flag, 0) not in (0, 1):
            return f"has {flag} = {entry[flag]!r}, not 0 or 1"
    return None


def check(truth: CocoTruth, name: Callable[[int], str]) -> None:
    """Holds objects of finite numbers against the rules that every source must keep.

    Args:
        truth: The ground truth.
        name: What to call the object of a row.

    Raises:
        TruthError: A box, area or category that cannot be.
    """
    for wrong, what, values in (
        ((truth.box[:, 2:] <= 0).any(axis=1), "has a box without a positive size", truth.box),
        (truth.area < 0, "has a negative area", truth.area),
        (~np.isin(truth.category, truth.categories), "has a category that is not on the list", truth.category),
    ):
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise TruthError(f"{name(row)} {what}: {values[row].tolist()} ({np.count_nonzero(wrong)} such objects)")


def without_doubles(images: Sequence[CocoImage]) -> tuple[CocoImage, ...]:
    """The images, if no two share a name or an id.

    Raises:
        TruthError: Two do.
    """
    for field in ("name", "id"):
        seen: set[object] = set()
        for image in images:
            value = getattr(image, field)
            if value in seen:
                raise TruthError(f"two images have the {field} {value!r}")
            seen.add(value)
    return tuple(images)


def is_int(value: object) -> TypeGuard[int]:
    """True for an integer that a float64 holds exactly; JSON's true is none."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= 1 << 53


def is_number(value: object) -> TypeGuard[float]:
    """True for an integer or float that is finite and of sane size."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -1e15 < value < 1e15
