"""Pictures in TFRecord files, with their labels, as TensorFlow's own data sets are stored. No TensorFlow is needed.

Two forms of tf.train.Example are known by their features:

    image/encoded, image/class/label, image/filename   TensorFlow's ImageNet and COCO records; labels count from 1
    image, label, file_name                            TensorFlow Datasets'; labels count from 0

A set is one file, or the files of a folder in the order of their names; of `validation-00000-of-00128` none may be missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from accuracy.errors import TruthError
from accuracy.example import Example
from accuracy.record_files import RecordFile
from tasks.base import DataMissing
from tasks.pictures import Pictures, StoredLabels, select

_SUFFIXES = (".record", ".records", ".tfrec", ".tfrecord", ".tfrecords")
_SHARD = re.compile(r"(?P<set>.+)-(?P<number>\d{5})-of-(?P<total>\d{5})(?:\.\w+)?")


class _Form(NamedTuple):
    """Names of features."""

    picture: str
    label: str
    name: str
    first_label: int
    """What the first class that counts is called."""


_FORMS = (_Form("image/encoded", "image/class/label", "image/filename", 1), _Form("image", "label", "file_name", 0))


def is_record_set(path: Path) -> bool:
    """Whether a path is a TFRecord file, or a folder with TFRecord files in it, by their names."""
    if path.is_dir():
        return any(_is_record_file(child) for child in path.iterdir())
    return path.is_file() and _is_record_file(path)


def open_records(path: Path, count: int | None = None) -> Pictures:
    """Finds the pictures of a set, their names and labels; reads no picture.

    Args:
        path: A file or folder, of which `is_record_set` holds.
        count: Use the first `count` pictures only; None for all.

    Raises:
        DataMissing: A file is absent, cut or corrupt, is of neither form, or two pictures have one name.
    """
    try:
        return _open(path, count)
    except TruthError as error:
        raise DataMissing(str(error)) from None


def _open(path: Path, count: int | None) -> Pictures:
    files = [RecordFile.open(file) for file in (_files(path) if path.is_dir() else [path])]
    place: dict[str, int] = {}
    labels: list[int] = []
    form = _form(path, next(files[0].examples()))
    for number, (where, example) in enumerate(_examples(files)):
        names = example.texts(form.name) if form.name in example.names() else []
        name = names[0] if len(names) == 1 and names[0] else where
        if name in place:
            raise DataMissing(f"{where} is named {name}, as record {place[name]} of the set is: names must differ")
        place[name] = number
        if form.label in example.names():
            labels += example.ints(form.label).tolist()[:1]
    if len(labels) not in (0, len(place)):
        raise DataMissing(f"{len(labels)} of the {len(place)} records in {path} have {form.label}, not all of them")
    chosen = select(path, tuple(place), None, count)
    stored = StoredLabels(labels[: len(chosen)], form.first_label, form.label) if labels else None
    store = _Store(files, form.picture)
    return Pictures(path, store, {name: str(number) for name, number in place.items()}, chosen, stored, "records")


def _examples(files: Sequence[RecordFile]) -> Iterator[tuple[str, Example]]:
    for file in files:
        for index, example in enumerate(file.examples()):
            yield f"{file.path.name} record {index}", example


def _form(path: Path, first: Example) -> _Form:
    there = first.names()
    for form in _FORMS:
        if form.picture in there:
            return form
    wanted = " or ".join(form.picture for form in _FORMS)
    raise DataMissing(
        f"the records in {path} hold no pictures: they have {', '.join(there) or 'nothing'}, not {wanted}"
    )


@dataclass(frozen=True, slots=True)
class _Store:
    """The pictures' bytes by the number of the record in the set."""

    files: Sequence[RecordFile]
    feature: str

    def read(self, key: str) -> bytes:
        file, index = self._place(key)
        try:
            return file.read(index).content(self.feature)
        except TruthError as error:
            raise OSError(str(error)) from None

    def stamp(self, key: str) -> str:
        file, index = self._place(key)
        return f"{file.path.name} {file.stamp(index)}"

    def _place(self, key: str) -> tuple[RecordFile, int]:
        index = int(key)
        for file in self.files:
            if index < len(file):
                return file, index
            index -= len(file)
        raise OSError(f"the set has no record {key}")


def _is_record_file(path: Path) -> bool:
    name = path.name.lower()
    return not name.startswith(".") and (name.endswith(_SUFFIXES) or _SHARD.fullmatch(name) is not None)


def _files(folder: Path) -> list[Path]:
    files = sorted(child for child in folder.iterdir() if _is_record_file(child) and child.is_file())
    shards = [match for file in files if (match := _SHARD.fullmatch(file.name))]
    sets = sorted({match["set"] for match in shards})
    if len(sets) > 1 or (shards and len(shards) != len(files)):
        raise DataMissing(
            f"{folder} has records of more than one set ({', '.join(sets)}): keep each in a folder of its own"
        )
    there = {int(match["number"]) for match in shards}
    totals = {int(match["total"]) for match in shards}
    if missing := sorted(set(range(max(totals, default=0))) - there):
        raise DataMissing(
            f"{folder} lacks {len(missing)} of the {max(totals)} files of {sets[0]}, the first is {missing[0]}"
        )
    return files
