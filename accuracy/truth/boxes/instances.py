"""COCO's own ground truth, the instances JSON (https://cocodataset.org/#format-data), read as pycocotools reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from accuracy.errors import TruthError
from accuracy.outside.border import reads
from accuracy.truth.boxes.coco import (
    MOST_ID,
    CocoImage,
    CocoTruth,
    Id,
    Remarks,
    as_id,
    check,
    id_fault,
    id_of,
    id_order,
    is_number,
    is_plain_number,
    read_text,
)

_TWICE = "images are listed more than once, and count once"
_NO_IMAGE = "annotations are of an image that the file does not list, and are left out as pycocotools does"
_NO_CATEGORY = "annotations are of a category that the file does not list, and are left out as pycocotools does"
_ZERO = (
    "annotations have the id 0, which pycocotools takes for none: a detection that it matches with one counts as wrong there "
    "and as right here, so its figure is lower"
)
_SAME_ID = (
    "annotations have an id that another before them has, and count as they are written; pycocotools takes the last of one id "
    "for all of them, so its figure is another"
)
_FLAG = "flags are neither 0 nor 1, and count as 1"


@reads(TruthError)
def read_instances(path: Path) -> CocoTruth:
    """Reads COCO's instances JSON (https://cocodataset.org/#format-data), for example instances_val2017.json.

    It takes what pycocotools takes, and says so in `remarks`: objects of pictures or classes that the file does not list
    are left out, and a box without width or height is an object that nothing finds. `area` may be absent or null (the
    box's is taken), as may `iscrowd` and `ignore` (0), `file_name`, `width` and `height`.

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
        remarks = Remarks()
        images = _json_images(_list(content, "images"), remarks)
        listed = _list(content, "categories")
        categories = _json_categories(listed)
        truth = _json_objects(_list(content, "annotations"), images, categories, remarks)
        return replace(truth, names=_json_names(listed, categories))
    except TruthError as error:
        raise TruthError(f"{path}: {error}") from None


def _list(content: Mapping[str, Any], key: str) -> list[Any]:
    entries = content.get(key)
    if not isinstance(entries, list):
        raise TruthError(f"it has no list of {key}: is it COCO's instances JSON?")
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise TruthError(f"entry {number} of {key} is {entry!r}, not an object")
    return entries


def _json_images(entries: list[dict[str, Any]], remarks: Remarks) -> tuple[CocoImage, ...]:
    images: dict[Id, CocoImage] = {}
    for number, entry in enumerate(entries):
        name, key = entry.get("file_name"), as_id(entry.get("id"))
        if key is None:
            raise TruthError(
                f"image {number} ({name!r}) has the id {entry.get('id')!r}, neither a whole number nor a text"
            )
        if name is not None and not isinstance(name, str):
            raise TruthError(f"image {key!r} has the file_name {name!r}, not a text")
        width, height = (_side(entry.get(side)) for side in ("width", "height"))
        known = width and height
        image = CocoImage(
            (name or "").replace("\\", "/").rpartition("/")[2] or f"image {key}",
            key,
            *((width, height) if known else (0, 0)),
        )
        if key not in images:
            images[key] = image
        elif images[key] == image:
            remarks.add(_TWICE, image.name)
        else:
            raise TruthError(f"two images have the id {key!r}: {images[key].name} and {image.name}")
    return tuple(images.values())


def _side(value: object) -> int:
    """A picture's width or height in pixels; 0 where it is none."""
    return int(value) if is_number(value) and value > 0 and value == int(value) else 0


def _json_categories(entries: list[dict[str, Any]]) -> dict[Id, int]:
    """What the file calls each category, and the number that it has here: its own, unless it is a text or too long."""
    ids: dict[Id, object] = {}
    for entry in entries:
        key = as_id(entry.get("id"))
        if key is None:
            raise TruthError(f"a category has the id {entry.get('id')!r}, neither a whole number nor a text")
        name = entry.get("name")
        if ids.setdefault(key, name) != name:
            raise TruthError(f"two categories have the id {key!r}: {ids[key]!r} and {name!r}")
    plain = {key: int(key) for key in ids if isinstance(key, int) or is_plain_number(key)}
    if len(plain) == len(ids) == len(set(plain.values())) and all(abs(number) <= MOST_ID for number in plain.values()):
        return plain
    return {key: number for number, key in enumerate(sorted(ids, key=id_order), 1)}


def _json_names(entries: list[dict[str, Any]], categories: Mapping[Id, int]) -> dict[int, str]:
    """The categories' names by number, as far as they have any."""
    named = ((categories[id_of(entry["id"])], entry.get("name")) for entry in entries)
    return {number: name for number, name in named if isinstance(name, str)}


def _json_objects(
    entries: list[dict[str, Any]], images: tuple[CocoImage, ...], categories: Mapping[Id, int], remarks: Remarks
) -> CocoTruth:
    index_of = {image.id: index for index, image in enumerate(images)}

    def name(row: int) -> str:
        image = as_id(entries[row].get("image_id"))
        of = images[index_of[image]].name if image in index_of else f"image {entries[row].get('image_id')!r}"
        return f"annotation {entries[row].get('id', row)!r} of {of}"

    kept, by_id = [], dict[object, dict[str, Any]]()
    for row, entry in enumerate(entries):
        if fault := _fault(entry, index_of, categories):
            raise TruthError(f"{name(row)} {fault}")
        if as_id(entry["image_id"]) not in index_of:
            remarks.add(_NO_IMAGE, name(row))
        elif as_id(entry["category_id"]) not in categories:
            remarks.add(_NO_CATEGORY, f"{name(row)}, category {entry['category_id']!r}")
        else:
            kept.append(row)
            if entry.get("id") == 0:
                remarks.add(_ZERO, name(row))
            if _same_id(entry, by_id):
                remarks.add(_SAME_ID, name(row))
        for flag in ("iscrowd", "ignore"):
            if entry.get(flag) not in (None, 0, 1):
                remarks.add(_FLAG, f"{name(row)}, {flag} = {entry[flag]!r}")
    if entries and not kept:
        raise TruthError(f"none of its {len(entries)} annotations is of an image and a category that it lists")
    rows = [entries[row] for row in kept]
    boxes = np.array([entry["bbox"] for entry in rows], np.float64).reshape(-1, 4)
    areas = np.array([entry.get("area") for entry in rows], np.float64)
    truth = CocoTruth(
        images=images,
        categories=tuple(sorted(categories.values())),
        image=np.array([index_of[id_of(entry["image_id"])] for entry in rows], np.int64),
        category=np.array([categories[id_of(entry["category_id"])] for entry in rows], np.int64),
        box=boxes,
        area=np.where(np.isnan(areas), np.maximum(boxes[:, 2:], 0).prod(axis=1), areas),
        crowd=np.array([entry.get("iscrowd") or 0 for entry in rows], np.bool_),
        ignore=np.array([entry.get("ignore") or 0 for entry in rows], np.bool_),
        numbers=categories,
    )
    check(truth, lambda row: name(kept[row]), remarks)
    return replace(truth, remarks=remarks.sentences())


def _same_id(entry: dict[str, Any], by_id: dict[object, dict[str, Any]]) -> bool:
    """Whether another object has this one's id already; `by_id` are those before it."""
    key = as_id(entry.get("id"))
    return key is not None and any(
        by_id.setdefault(key, entry).get(what) != entry.get(what)
        for what in ("image_id", "category_id", "bbox", "area", "iscrowd")
    )


def _fault(entry: dict[str, Any], images: Mapping[Id, int], categories: Mapping[Id, int]) -> str | None:
    """What cannot be of an annotation, None where nothing is."""
    for key, known in (("image_id", images), ("category_id", categories)):
        if fault := id_fault(entry.get(key), known):
            return f"has the {key} {fault}"
    box = entry.get("bbox")
    if not isinstance(box, list) or len(box) != 4 or not all(map(is_number, box)):
        return f"has the box {box!r}, not four finite numbers"
    if entry.get("area") is not None and not is_number(entry["area"]):
        return f"has the area {entry['area']!r}, not a finite number"
    for flag in ("iscrowd", "ignore"):
        if entry.get(flag) is not None and not isinstance(entry[flag], int | float):
            return f"has {flag} = {entry[flag]!r}, not 0 or 1"
    return None
