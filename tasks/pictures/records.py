"""Pictures in TFRecord files, with their ground truth, as TensorFlow's own data sets are stored. No TensorFlow is needed.

Two forms of tf.train.Example are known by their features:

    image/encoded, image/filename   TensorFlow's ImageNet, its object detection API's COCO, DeepLab's ADE20K
    image, file_name                TensorFlow Datasets'

What each has for labels, boxes and masks stands in `FORMS`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from accuracy.errors import TruthError
from accuracy.records.example import Example
from accuracy.records.record_files import RecordFile
from accuracy.truth.boxes.stored_boxes import PictureObjects, StoredBoxes
from accuracy.truth.class_names import ClassNames, read_class_names
from tasks.base import DataMissing
from tasks.pictures.folders import Pictures, first
from tasks.pictures.pixels.decoding import size_of
from tasks.pictures.record_forms import FORMS, RecordForm, read_objects
from tasks.pictures.stored_truth import StoredLabels, StoredMasks
from tasks.pictures.stores import Stored
from tasks.sets.record_sets import files_of

_VERIFIED_BEHIND = 1 << 24
"""Bytes of the records of pictures that are not in use."""


def open_records(path: Path, count: int | None = None) -> Pictures:
    """Finds the pictures of a set, their names and labels; reads no picture. Boxes and masks are read when asked for.

    Args:
        path: A file or folder, of which `tasks.sets.record_sets.is_record_set` holds.
        count: Use the first `count` pictures only; None for all.

    Raises:
        DataMissing: A file is absent, cut or corrupt, is of neither form, or two pictures have one name.
    """
    try:
        return _open(path, count)
    except TruthError as error:
        raise DataMissing(str(error)) from None


def _open(path: Path, count: int | None) -> Pictures:
    path, found = files_of(path)
    files = [RecordFile.open(file) for file in found]
    form = _form(path, next(files[0].examples()))
    place: dict[str, int] = {}
    labels: dict[str, int] = {}
    class_of: dict[str, str] = {}
    several: dict[str, int] = {}
    with_boxes: set[str] = set()
    with_mask: set[str] = set()
    knows_crowds = False
    for number, (where, example) in enumerate(_examples(files)):
        there = set(example.names())
        name = _name(example, form, there) or where
        if name in place:
            raise DataMissing(f"{where} is named {name}, as record {place[name]} of the set is: names must differ")
        place[name] = number
        if form.label in there and len(values := example.ints(form.label)):
            labels[name] = int(values[0])
            if len(values) > 1:
                several[name] = len(values)
            if named := next((feature for feature in form.label_names if feature in there), None):
                class_of[name] = example.text(named)
        if form.category in there:
            with_boxes.add(name)
        knows_crowds = knows_crowds or form.crowd in there
        if form.mask in there:
            with_mask.add(name)
    called = _without_folders(place)
    keys = {called[name]: str(number) for name, number in place.items()}
    labels = {called[name]: label for name, label in labels.items()}
    class_of = {called[name]: said for name, said in class_of.items()}
    with_boxes, with_mask = ({called[name] for name in each} for each in (with_boxes, with_mask))
    labels_are, boxes_are = (_listed_names(found[0].parent, feature) for feature in (form.label, form.category))
    records = _Records(
        path, files, form, keys, labels, several, class_of, labels_are, boxes_are, with_boxes, with_mask, knows_crowds
    )
    return Pictures(path, records, keys, first(path, tuple(keys), count), records, "records")


def _listed_names(folder: Path, feature: str) -> ClassNames | None:
    """The names of a label's classes as TensorFlow Datasets lists them."""
    path = _list_of_names(folder, feature)
    return read_class_names(path) if path.is_file() else None


def _list_of_names(folder: Path, feature: str) -> Path:
    """`label.labels.txt`, `objects-label.labels.txt`."""
    return folder / f"{feature.replace('/', '-')}.labels.txt"


def _name(example: Example, form: RecordForm, there: set[str]) -> str | None:
    """The picture's file name as it is written; None where the record tells none."""
    feature = next((name for name in form.names if name in there), None)
    names = example.texts(feature) if feature else []
    return names[0] if len(names) == 1 and names[0].rpartition("/")[2] else None


def _without_folders(names: Collection[str]) -> Mapping[str, str]:
    """What each picture is called: its file's name alone, unless those of several folders are alike."""
    short = {name: name.rpartition("/")[2] for name in names}
    return short if len(set(short.values())) == len(short) else {name: name for name in names}


def _examples(files: Sequence[RecordFile]) -> Iterator[tuple[str, Example]]:
    for file in files:
        for index, example in enumerate(file.examples()):
            yield f"{file.path.name} record {index}", example


def _form(path: Path, first: Example) -> RecordForm:
    there = first.names()
    for form in FORMS:
        if form.picture in there:
            return form
    wanted = " or ".join(form.picture for form in FORMS)
    raise DataMissing(
        f"the records in {path} hold no pictures: they have {', '.join(there) or 'nothing'}, not {wanted}"
    )


@dataclass(frozen=True, slots=True)
class _Records:
    """The pictures by the number of the record in the set, and what each is stored with."""

    path: Path
    record_files: Sequence[RecordFile]
    form: RecordForm
    keys: Mapping[str, str]
    """The record's number by the picture's name, in the set's order."""
    stored_labels: Mapping[str, int]
    """By the picture's name."""
    several: Mapping[str, int]
    """How many there are where a record has more than one, by the picture's written name."""
    class_of: Mapping[str, str]
    """Its class in words or as a synset, likewise, where the record says it."""
    label_names: ClassNames | None
    """TensorFlow Datasets' list of the classes, from the file that lies beside the records."""
    box_names: ClassNames | None
    """Likewise of the boxes'."""
    with_boxes: Collection[str]
    """Names of the pictures whose records have boxes, if only an empty list."""
    with_mask: Collection[str]
    knows_crowds: bool

    def read(self, key: str) -> Stored:
        file, index = self._place(key)
        try:
            example = file.read(index)
            return Stored(example.content(self.form.picture), example.whole)
        except TruthError as error:
            raise OSError(str(error)) from None

    def opening(self, key: str) -> bytes:
        file, index = self._place(key)
        return file.glance(index).content(self.form.picture)

    def size(self, key: str) -> int:
        file, index = self._place(key)
        return file.size(index)

    def stamp(self, key: str) -> str:
        file, index = self._place(key)
        return f"{file.path.name} {file.stamp(index)}"

    def files(self) -> Sequence[Path]:
        folder = self.record_files[0].path.parent
        listed = [_list_of_names(folder, feature) for feature in (self.form.label, self.form.category)]
        return [path for path in listed if path.is_file()]

    def classes(self) -> Sequence[str]:
        return ()  # of the lists of names, which are files

    def labels(self, names: Sequence[str], verified: Sequence[str]) -> StoredLabels | None:
        form = self.form
        if not self._all(form.label, self.stored_labels):
            return None
        if several := next(iter(self.several.items()), None):
            name, count = several
            raise DataMissing(
                f"{name} in {self.path} has {count} labels in {form.label}: one class a picture is scored"
            )
        values = [self.stored_labels[name] for name in names]
        return StoredLabels(
            values,
            form.first_label,
            form.label,
            classes=self.label_names,
            class_of=[self.class_of[name] for name in names] if len(self.class_of) == len(self.keys) else None,
            verify=partial(self._verify, verified),
        )

    def boxes(self, names: Sequence[str], verified: Sequence[str]) -> StoredBoxes | None:
        form = self.form
        if not self._all(form.category, self.with_boxes):
            return None
        classes = form.categories if self.box_names is None else self.box_names.names
        read = partial(self._objects, names, verified)
        return StoredBoxes(form.category, read, "fractions", classes, self.knows_crowds)

    def masks(self, names: Sequence[str], verified: Sequence[str]) -> StoredMasks | None:
        if not self._all(self.form.mask, self.with_mask):
            return None
        return StoredMasks(self.path, self.form.mask, names, partial(self._mask, frozenset(verified)))

    def _all(self, feature: str, having: Collection[str]) -> bool:
        """Whether the records have a feature: all of them, or none."""
        if having and len(having) < len(self.keys):
            first = next(name for name in self.keys if name not in having)
            raise DataMissing(
                f"{len(having)} of the {len(self.keys)} records in {self.path} have {feature}, not all of them: {first} has "
                "none"
            )
        return len(having) > 0

    def _objects(self, names: Sequence[str], verified: Sequence[str]) -> list[PictureObjects]:
        self._verify(verified)
        wanted = set(names)
        found = {
            name: read_objects(example, self.form, name, partial(self._size, name))
            for name, (_, example) in zip(self.keys, _examples(self.record_files), strict=True)
            if name in wanted
        }
        return [found[name] for name in names]

    def _verify(self, names: Sequence[str]) -> None:
        """Holds records against their checksums: what was read of them so far is not verified.

        Those of these pictures, and of the others so many as take a second at most.
        """
        name_of = {int(self.keys[name]): name for name in names}
        left = _VERIFIED_BEHIND
        for name, key in self.keys.items():
            if int(key) not in name_of and (left := left - self.size(key)) >= 0:
                name_of[int(key)] = name
            if left < 0:
                break
        first = 0
        for file in self.record_files:
            here = [number - first for number in sorted(name_of) if first <= number < first + len(file)]
            corrupt = file.first_corrupt(here)
            if corrupt is not None:
                name = name_of[first + corrupt]
                raise TruthError(f"{name} in {self.path} cannot be read: {file.corrupt(corrupt)}")
            first += len(file)

    def _size(self, name: str) -> tuple[int, int]:
        size = size_of(self.read(self.keys[name]).picture, name)
        if size is None:
            raise TruthError(f"{name} in {self.path} has no header, and the record does not tell its size")
        return size

    def _mask(self, verified: Collection[str], name: str) -> bytes:
        form = self.form
        file, index = self._place(self.keys[name])
        example = file.read(index) if name in verified else file.glance(index)
        if form.mask_format in example.names() and (kind := example.text(form.mask_format)).lower() != "png":
            raise ValueError(f"{form.mask_format} is {kind!r}, but png is read")
        return example.content(form.mask)

    def _place(self, key: str) -> tuple[RecordFile, int]:
        index = int(key)
        for file in self.record_files:
            if index < len(file):
                return file, index
            index -= len(file)
        raise OSError(f"the set has no record {key}")
