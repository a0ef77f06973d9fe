"""The pictures of Hugging Face data sets, with the labels, boxes and masks in the columns beside them.

    label, or the only ClassLabel                   labels, counted from 0
    objects: bbox, category, area, iscrowd          boxes
    annotation, label, mask, ... of the kind Image  masks

Where `datasets` gives a column as a list of structures or as a structure of lists, both are read.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from accuracy.errors import TruthError
from accuracy.outside.shown import brief, some
from accuracy.truth.boxes.stored_boxes import PictureObjects, StoredBoxes
from accuracy.truth.class_names import ClassNames
from tasks.base import DataMissing
from tasks.pictures.folders import Pictures, first
from tasks.pictures.pixels.decoding import size_of
from tasks.pictures.stored_truth import StoredLabels, StoredMasks
from tasks.pictures.stores import Stored
from tasks.sets.hub import HubName, load

_PICTURES = ("image", "img", "pixel_values")
_MASKS = ("annotation", "label", "labels", "mask", "segmentation_mask", "semantic_segmentation", "seg_map")
_OBJECTS = "objects"
_BOX = "bbox"
_CATEGORIES = ("category", "category_id", "label")
_CROWD = ("iscrowd", "is_crowd")
_NAMES = ("file_name", "filename")
_IDS = ("image_id", "id")
_BATCH = 1000


def open_hub_pictures(path: Path, count: int | None = None) -> Pictures:
    """The pictures of a data set with a column of images, and what is stored beside them.

    They are called by their file names where the set has kept these and they differ, else `row 0`, `row 1` and so on.

    Args:
        path: `hf:...`.
        count: Use the first `count` pictures only; None for all.

    Raises:
        DataMissing: The library or the data set is not here, or it has no column of images, or more than one that may
            be meant.
    """
    rows = load(HubName.parse(str(path)))
    kinds = {name: type(feature).__name__ for name, feature in rows.features.items()}
    picture = _column(path, kinds, "Image", _PICTURES)
    if picture is None:
        listed = ", ".join(f"{name} ({kind})" for name, kind in kinds.items()) or "none"
        raise DataMissing(f"{path} has no column of images: its columns are {listed}")
    table = _Rows(path, rows, picture, kinds)
    return Pictures(path, table, table.keys, first(path, tuple(table.keys), count), table, "rows")


def _column(path: Path, kinds: Mapping[str, str], kind: str, preferred: Sequence[str]) -> str | None:
    found = [name for name, its in kinds.items() if its == kind]
    if len(found) < 2:
        return next(iter(found), None)
    if usual := [name for name in preferred if name in found]:
        return usual[0]
    raise DataMissing(
        f"{path} has more than one column of the kind {kind}: {', '.join(found)}. Keep the one that is meant."
    )


class _Rows:
    """Pictures by the number of their row, still encoded, and what the rows have beside them."""

    def __init__(self, path: Path, rows: Any, picture: str, kinds: Mapping[str, str]) -> None:
        self._path = path
        self._rows = rows
        self._kinds = kinds
        self._picture = picture
        self._encoded = {picture: _undecoded(rows, picture)}
        self._undecoded = rows.with_format("arrow")
        # Nothing says that a table may be read from several threads at once; decoding, which takes longer, may be.
        self._lock = threading.Lock()
        files = [Path(entry["filename"]) for entry in rows.cache_files]
        self._stamp = " ".join(
            [
                rows._fingerprint,
                *(f"{at.st_size} {at.st_mtime_ns} {at.st_ctime_ns} {at.st_ino}" for at in (f.stat() for f in files)),
            ]
        )
        self.keys = {name: str(number) for number, name in enumerate(self._names())}
        """The row's number by the picture's name."""

    def read(self, key: str) -> Stored:
        """The picture, and the whole row, of which all but pictures is in the form that Python writes it in."""
        with self._lock:
            row = self._undecoded[int(key)].to_pylist()[0]
        pictures = {name: row.pop(name) for name, kind in sorted(self._kinds.items()) if kind == "Image"}
        beside = [_content(found) for name, found in pictures.items() if name != self._picture and found is not None]
        picture = _content(pictures[self._picture])
        return Stored(picture, b"\0".join([repr(sorted(row.items())).encode(), picture, *beside]))

    def opening(self, key: str) -> bytes:
        return self._read(self._picture, int(key))

    def size(self, key: str) -> None:
        """A table does not say it of one row."""

    def files(self) -> Sequence[Path]:
        """None: all lies in the rows."""
        return ()

    def stamp(self, key: str) -> str:
        return f"{key} {self._stamp}"

    def classes(self) -> Sequence[str]:
        """Of every column of classes, after the column's name."""
        listed = {name: getattr(feature, "names", None) for name, feature in self._rows.features.items()}
        listed |= {name: getattr(field, "names", None) for name, field in self._object_fields().items()}
        return [f"{column}: {name}" for column, names in listed.items() for name in names or ()]

    def _object_fields(self) -> Mapping[str, Any]:
        return _fields(self._rows.features.get(_OBJECTS))

    def labels(self, names: Sequence[str], verified: Sequence[str]) -> StoredLabels | None:
        del verified
        kinds = self._kinds
        column = "label" if kinds.get("label") in ("ClassLabel", "Value") else None
        column = column or _column(self._path, kinds, "ClassLabel", ())
        if column is None:
            return None
        whole = dict(zip(self.keys, self._rows[column], strict=True))
        if absent := [name for name, value in whole.items() if value is None]:
            raise DataMissing(
                f"{len(absent):,} of the {len(whole):,} rows of {self._path} have no {column} ({some(absent)}): choose a "
                "split that has one in every row, or name the labels with --truth"
            )
        values = [whole[name] for name in names]
        if all(isinstance(value, int) and not isinstance(value, bool) for value in whole.values()):
            listed = getattr(self._rows.features[column], "names", None)
            classes = None if listed is None else ClassNames(tuple(listed), f"the column {column} of {self._path}")
            return StoredLabels(values, 0, column, classes=classes)
        if all(isinstance(value, str) for value in whole.values()):
            source = f"the column {column} of {self._path}"
            return StoredLabels((), 0, source, class_of=values, named=tuple(sorted(set(whole.values()))))
        raise DataMissing(
            f"the column {column} of {self._path} holds no class numbers, but for example {brief(repr(values[0]))}"
        )

    def boxes(self, names: Sequence[str], verified: Sequence[str]) -> StoredBoxes | None:
        del verified
        fields = self._object_fields()
        category = _one_of(fields, _CATEGORIES)
        if _BOX not in fields or category is None:
            return None
        classes = getattr(fields[category], "names", None)
        source = f"{_OBJECTS}.{category}"
        crowds = _one_of(fields, _CROWD) is not None
        return StoredBoxes(source, lambda: self._objects(names, category, fields), None, classes, crowds)

    def masks(self, names: Sequence[str], verified: Sequence[str]) -> StoredMasks | None:
        del verified
        others = {name: kind for name, kind in self._kinds.items() if name != self._picture}
        column = _column(self._path, others, "Image", _MASKS)
        if column is None:
            return None
        self._encoded.setdefault(column, _undecoded(self._rows, column))
        return StoredMasks(self._path, column, names, lambda name: self._read(column, int(self.keys[name])))

    def _read(self, column: str, number: int) -> bytes:
        with self._lock:
            picture = self._encoded[column][number][column]
        return _content(picture)

    def _numbers(self, names: Sequence[str]) -> list[int] | range:
        numbers = [int(self.keys[name]) for name in names]
        # A range of rows stays a slice of the table; a list of them would be looked up one by one.
        return range(len(numbers)) if numbers == list(range(len(numbers))) else numbers

    def _names(self) -> list[str]:
        column = _one_of(self._kinds, _NAMES)
        found = self._rows[column] if column else self._paths()
        names = [PurePosixPath(name).name for name in found if isinstance(name, str)]
        if len(set(names)) == len(self._rows) and all(names):
            return names
        return [f"row {number}" for number in range(len(self._rows))]

    def _paths(self) -> Any:
        """What the pictures' files were called, without reading the pictures."""
        flat = self._encoded[self._picture].flatten()
        column = f"{self._picture}.path"
        return flat.select_columns([column])[column] if column in flat.column_names else ()

    def _objects(self, names: Sequence[str], category: str, fields: Mapping[str, Any]) -> Iterator[PictureObjects]:
        sized = {"width", "height"} <= self._kinds.keys()
        number_of = _one_of(self._kinds, _IDS)
        crowd = _one_of(fields, _CROWD)
        columns = [_OBJECTS, *(("width", "height") if sized else ()), *([number_of] if number_of else ())]
        rows = self._rows.select(self._numbers(names)).select_columns(columns)
        for name, row in zip(names, rows, strict=True):
            objects = _as_columns(name, row[_OBJECTS], fields)
            height, width = (row["height"], row["width"]) if sized else self._size(name)
            if not (isinstance(height, int) and isinstance(width, int)):
                raise TruthError(f"{name} in {self._path} has the size {width!r}x{height!r}, not two numbers of pixels")
            number = row[number_of] if number_of else None
            yield PictureObjects(
                name=name,
                id=number if isinstance(number, int) else None,
                width=width,
                height=height,
                boxes=_numbers(name, objects[_BOX]).reshape(-1, 4),
                classes=_classes(name, objects[category]),
                areas=_numbers(name, objects["area"]) if "area" in fields else None,
                crowd=_numbers(name, objects[crowd]) if crowd else None,
            )

    def _size(self, name: str) -> tuple[int, int]:
        size = size_of(self._read(self._picture, int(self.keys[name])), name)
        if size is None:
            raise TruthError(f"{name} in {self._path} has no header, and no column tells its size")
        return size


def _undecoded(rows: Any, column: str) -> Any:
    import datasets

    return rows.select_columns([column]).cast_column(column, datasets.Image(decode=False))


def _content(picture: Mapping[str, Any] | None) -> bytes:
    """An encoded picture, from its row or the file that the row names."""
    if picture is None:
        raise OSError("the row has no picture")
    if picture["bytes"] is not None:
        return bytes(picture["bytes"])
    return Path(picture["path"]).read_bytes()


def _fields(feature: Any) -> Mapping[str, Any]:
    """The fields of a column of objects, each as it is for one object."""
    inner = _element(feature)
    if not isinstance(inner, dict):
        return {}
    return {name: _element(field) if inner is feature else field for name, field in inner.items()}


def _element(feature: Any) -> Any:
    """What a list is of."""
    if isinstance(feature, list):
        return feature[0]
    return getattr(feature, "feature", feature)


def _one_of(there: Mapping[str, Any], names: Sequence[str]) -> str | None:
    return next((name for name in names if name in there), None)


def _as_columns(name: str, objects: Any, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    if objects is None:
        return {field: [] for field in fields}
    if isinstance(objects, list):
        return {field: [entry[field] for entry in objects] for field in fields}
    if not isinstance(objects, dict):
        raise TruthError(f"{name} has {objects!r} for objects")
    return objects


def _numbers(name: str, values: Any) -> Any:
    """As float64; the number of boxes' sides is checked by the caller's shape."""
    try:
        numbers = np.array(values, np.float64)
    except (TypeError, ValueError):
        raise TruthError(f"{name} has an object without all its numbers: {str(values)[:100]}") from None
    if numbers.ndim == 2 and numbers.shape[1] != 4:
        raise TruthError(f"{name} has boxes of {numbers.shape[1]} numbers, not 4")
    return numbers


def _classes(name: str, values: Any) -> list[int | str]:
    for value in values:
        if not isinstance(value, int | str) or isinstance(value, bool):
            raise TruthError(f"{name} has an object of the class {value!r}")
    return list(values)
