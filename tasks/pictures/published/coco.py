"""COCO's pictures and ground truth as a set of samples, in one of two orders.

INF vision/.../accuracy-coco.py takes a sample's index as the place in the instances JSON's list of images; the mobile
app (MA flutter/cpp/datasets/coco.cc) as the place among the sorted file names. A log scored in the wrong order is garbage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Literal

from accuracy.errors import TruthError
from accuracy.outside.shown import some as shown
from accuracy.truth.boxes.box_forms import form_fault
from accuracy.truth.boxes.coco import CocoTruth, refuse_doubles
from accuracy.truth.boxes.coco_names import by_coco_ids, coco_id
from accuracy.truth.boxes.coco_pbtxt import read_pbtxt
from accuracy.truth.boxes.instances import read_instances
from accuracy.truth.boxes.stored_boxes import BoxForm, ClassForm, StoredBoxes
from tasks.base import DataMissing, DataRef
from tasks.pictures.folders import Pictures
from tasks.pictures.published.wrong_pairs import refuse_wrong_pair
from tasks.pictures.sets import open_pictures
from tasks.pictures.truth_by_name import picture_size, stems
from tasks.sets.truth_beside import find_truth, no_truth, places_beside

Order = Literal["json", "name"]

_TRUTH = ("annotations/instances_*.json", "instances_*.json", "*.pbtxt")
_SHOWN = 5


class CocoData:
    """Pictures, their order and, where it is there, their ground truth."""

    pictures: Pictures
    order: str
    """In force: `json`, `name`, or `records` and `rows` for sets that have an order of their own."""
    truth_path: Path | None
    """None where there is none, or where it is stored with the pictures."""

    def __init__(
        self,
        data: DataRef,
        order: Order,
        boxes: BoxForm | None = None,
        classes: ClassForm | None = None,
        *,
        by_names: bool = True,
    ) -> None:
        """Finds the pictures and the ground truth.

        What is stored with the pictures counts unless `data.truth` names another. With `json` the JSON's list of images
        makes the set: each must be there (of the first `data.count`, if given), and no other. With `name` the pictures
        make the set, as they do in the mobile app; so they do where the ground truth is no JSON, or where there is none;
        records and rows then stay in their order.

        Args:
            data: Whatever `open_pictures` opens. The ground truth is looked for in and beside it.
            order: The order wanted.
            boxes: How stored boxes are written, as `StoredBoxes.truth`.
            classes: What stored classes mean, likewise.
            by_names: Whether a JSON's categories count as COCO's where all have COCO's names, whatever their ids.

        Raises:
            DataMissing: No pictures, two ground truths, or pictures and JSON that do not belong together.
        """
        self._forms = boxes, classes
        self._by_names = by_names
        whole = open_pictures(data.path)
        self._is_stored = data.truth is None and whole.boxes is not None
        self.truth_path = None if self._is_stored else data.truth or _find_truth(data.path)
        if order == "json" and self.truth_path is not None and self.truth_path.suffix != ".pbtxt":
            self.order = "json"
            self.pictures = whole.select(self._in_json_order(whole, data.count), data.count)
        elif order == "name" or whole.order == "file names":
            self.order = "name"
            self.pictures = whole.select(sorted(whole.all_names), data.count)
        else:
            self.order = whole.order
            self.pictures = whole.select(whole.all_names, data.count)

    @property
    def stored(self) -> StoredBoxes | None:
        """The boxes that lie with the pictures, unless others are named."""
        return self.pictures.boxes if self._is_stored else None

    @cached_property
    def truth(self) -> CocoTruth:
        """The ground truth of the samples, in their order.

        Raises:
            DataMissing: There is none.
            TruthError: It is corrupt, or lacks a picture.
        """
        return self._whole_truth if len(self._whole) == len(self.pictures) else self._whole_truth.select(self._in_use)

    @property
    def _whole(self) -> Pictures:
        """The pictures behind a count as well: they too say whether the truth is the set's, and how it is written."""
        return self.pictures.uncounted

    @property
    def _in_use(self) -> range:
        return range(len(self.pictures))

    @cached_property
    def _whole_truth(self) -> CocoTruth:
        if self._is_stored and self._whole.boxes is not None:
            return self._whole.boxes.truth(*self._forms)
        path = self._path
        names = stems(self._whole)
        if path.suffix == ".pbtxt":
            sizes = [picture_size(self._whole, index) for index in range(len(names))]
            # Such a file calls every picture .jpg, whatever it was converted to (MA flutter/cpp/datasets/coco.cc).
            return read_pbtxt(
                path,
                {f"{name}.jpg": size and (size[1], size[0]) for name, size in zip(names, sizes, strict=True)},
            )
        place = {_stem(image.name): index for index, image in enumerate(self._instances.images)}
        if missing := [name for name in names if name not in place]:
            raise TruthError(f"{path} has no entry for {_some(missing, len(names))}")
        return self._with_sizes(self._instances.select([place[name] for name in names]))

    @property
    def notes(self) -> tuple[str, ...]:
        """What was read otherwise than the ground truth is written, and what of it does not count."""
        # Those behind a count are no samples of this run; those that are not there would stop a run of the whole set.
        left_out, remarks = self._whole_truth.left_out, (*self.truth.remarks, *self._strange_names())
        if not left_out:
            return remarks
        return (
            *remarks,
            f"{left_out:,} pictures of {self._truth_name} are not in {self.pictures.path}: they are not asked and do not count",
        )

    def _strange_names(self) -> list[str]:
        """That none of the names is COCO's, where COCO's ids are what the model counts by."""
        names = list(self.truth.names.values()) if self._by_names else []
        if not names or any(coco_id(name) is not None for name in names):
            return []
        return [
            f"the categories of {self._truth_name} ({shown(names)}) are none of COCO's: their ids were taken for COCO's, by "
            "which the model's classes are read. Where the model is of these classes, say --set dataset.category_ids=file"
        ]

    def check(self) -> None:
        """Holds the ground truth against the pictures.

        Raises:
            DataMissing: It is not there, corrupt or without any object, it lacks a picture, is known to belong to
                others, or gives a picture another size than it has (unless all have one size, as pictures do that
                were resized beforehand).
        """
        try:
            truth = self.truth
        except TruthError as error:
            raise DataMissing(str(error)) from None
        if self.stored is None:
            refuse_wrong_pair(self.pictures, self._path)
        if not len(truth.box):
            raise DataMissing(f"{self._truth_name} has no object in any of the {len(self.pictures)} pictures")
        if truth.crowd.all():
            raise DataMissing(
                f"all {len(truth.box)} objects that {self._truth_name} has in the {len(self.pictures)} pictures are crowd "
                "regions (iscrowd 1), which coco_ap asks nobody to find: nothing can be scored"
            )
        if self.stored is None and (fault := form_fault(self._whole_truth)):
            raise DataMissing(f"the boxes of {self._truth_name} {fault}")
        if self.truth_path is not None and self.truth_path.suffix == ".pbtxt":
            return  # its sizes are the pictures' own
        sizes = [picture_size(self._whole, index) for index in range(len(self._whole))]
        wrong = [
            f"{image.name} is {size[1]}x{size[0]}, not {image.width}x{image.height}"
            for image, size in zip(self._whole_truth.images, sizes, strict=True)
            if size and size != (image.height, image.width)
        ]
        if wrong and len(set(sizes)) > 1:
            raise DataMissing(
                f"{self._truth_name} does not belong to {self.pictures.path}: {len(wrong)} pictures have another size "
                f"({'; '.join(wrong[:_SHOWN])})"
            )

    @cached_property
    def _instances(self) -> CocoTruth:
        truth = read_instances(self._path)
        refuse_doubles(truth.images, "name")
        if self._by_names and (named := by_coco_ids(truth)) is not truth:
            return named
        if texts := [key for key, number in truth.numbers.items() if str(key) != str(number)]:
            raise TruthError(
                f"{self._path} calls its categories {shown(texts)}: a model's classes are numbers, so "
                "number them as the model does"
            )
        return truth

    def _with_sizes(self, truth: CocoTruth) -> CocoTruth:
        """The sizes that the JSON does not give are the pictures' own."""
        images = list(truth.images)
        for index, image in enumerate(images):
            if image.width:
                continue
            size = picture_size(self._whole, index)
            if size is None:
                raise TruthError(f"{self._path} gives {image.name} no width and height, and its file has no header")
            images[index] = image._replace(width=size[1], height=size[0])
        return replace(truth, images=tuple(images))

    @property
    def _path(self) -> Path:
        if self.truth_path is None:
            raise no_truth(self.pictures.path, ", ".join(_TRUTH))
        return self.truth_path

    @property
    def _truth_name(self) -> str:
        return self.stored.source if self.stored is not None else str(self.truth_path)

    def _in_json_order(self, pictures: Pictures, count: int | None) -> Sequence[str]:
        """The pictures' names in the order of the JSON; those behind the first `count` need not be there."""
        try:
            listed = [_stem(image.name) for image in self._instances.images]
        except TruthError as error:
            raise DataMissing(str(error)) from None
        names = dict(zip(stems(pictures), pictures.names, strict=True))
        if extra := sorted(set(names) - set(listed)):
            raise DataMissing(
                f"{self.truth_path} has no entry for {_some(extra, len(names))} in {pictures.path}: remove them, or "
                "name the ground truth that has them with --truth"
            )
        wanted = listed[:count]
        if missing := [name for name in wanted if name not in names]:
            raise DataMissing(
                f"{_some(missing, len(wanted))} that {self.truth_path} lists are not in {pictures.path}. To score the "
                "pictures that are there, and no others, --set dataset.order=name"
            )
        return [names[name] for name in listed if name in names]


def _find_truth(path: Path) -> Path | None:
    """None where there is none: a performance run needs none."""
    if any(any(place.glob(pattern)) for place in places_beside(path) for pattern in _TRUTH):
        return find_truth(path, _TRUTH)
    return None


def _stem(name: str) -> str:
    return PurePosixPath(name).stem


def _some(names: Sequence[str], of: int) -> str:
    return f"{len(names)} of {of} pictures ({', '.join(names[:_SHOWN])}{', ...' if len(names) > _SHOWN else ''})"
