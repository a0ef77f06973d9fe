"""COCO's pictures and ground truth as a set of samples, in one of two orders.

INF vision/.../accuracy-coco.py takes a sample's index as the place in the instances JSON's list of images; the mobile
app (MA flutter/cpp/datasets/coco.cc) as the place among the sorted file names. A log scored in the wrong order is garbage.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Literal

from accuracy.coco_pbtxt import read_pbtxt
from accuracy.coco_truth import CocoTruth, read_instances
from accuracy.errors import TruthError
from tasks.base import DataMissing, DataRef, find_truth
from tasks.by_name import picture_size, stems
from tasks.pairs import refuse_wrong_pair
from tasks.pictures import Pictures

Order = Literal["json", "name"]

_TRUTH = ("annotations/instances_*.json", "instances_*.json", "*.pbtxt")
_SHOWN = 5


class CocoData:
    """Pictures, their order and, where it is there, their ground truth."""

    pictures: Pictures
    order: Order
    """In force."""
    truth_path: Path | None

    def __init__(self, data: DataRef, order: Order) -> None:
        """Finds the pictures and the ground truth.

        With `json` the JSON's list of images makes the set: each must be there (of the first `data.count`, if given),
        and no other. With `name` the pictures make the set, as they do in the mobile app; so they do where the ground
        truth is no JSON, or where there is none.

        Args:
            data: A folder or zip archive of pictures. The ground truth is looked for in and beside it.
            order: The order wanted.

        Raises:
            DataMissing: No pictures, two ground truths, or pictures and JSON that do not belong together.
        """
        self.truth_path = data.truth or _find_truth(data.path)
        by_json = self.truth_path is not None and self.truth_path.suffix != ".pbtxt"
        self.order = "json" if by_json and order == "json" else "name"
        if self.order == "name":
            self.pictures = Pictures.open(data.path, count=data.count)
        else:
            names = self._in_json_order(Pictures.open(data.path), data.count)
            self.pictures = Pictures.open(data.path, order=names, count=data.count)

    @cached_property
    def truth(self) -> CocoTruth:
        """The ground truth of the samples, in their order.

        Raises:
            DataMissing: There is none.
            TruthError: It is corrupt, or lacks a picture.
        """
        path = self._path
        names = stems(self.pictures)
        if path.suffix == ".pbtxt":
            sizes = [picture_size(self.pictures, index) for index in range(len(names))]
            # Such a file calls every picture .jpg, whatever it was converted to (MA flutter/cpp/datasets/coco.cc).
            return read_pbtxt(
                path,
                {f"{name}.jpg": size and (size[1], size[0]) for name, size in zip(names, sizes, strict=True)},
            )
        place = {_stem(image.name): index for index, image in enumerate(self._instances.images)}
        if missing := [name for name in names if name not in place]:
            raise TruthError(f"{path} has no entry for {_some(missing, len(names))}")
        return self._instances.select([place[name] for name in names])

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
        refuse_wrong_pair(self.pictures, self._path)
        if not len(truth.box):
            raise DataMissing(f"{self.truth_path} has no object in any of the {len(self.pictures)} pictures")
        if self._path.suffix == ".pbtxt":
            return  # its sizes are the pictures' own
        sizes = [picture_size(self.pictures, index) for index in range(len(self.pictures))]
        wrong = [
            f"{image.name} is {size[1]}x{size[0]}, not {image.width}x{image.height}"
            for image, size in zip(truth.images, sizes, strict=True)
            if size and size != (image.height, image.width)
        ]
        if wrong and len(set(sizes)) > 1:
            raise DataMissing(
                f"{self.truth_path} does not belong to {self.pictures.path}: {len(wrong)} pictures have another size "
                f"({'; '.join(wrong[:_SHOWN])})"
            )

    @cached_property
    def _instances(self) -> CocoTruth:
        return read_instances(self._path)

    @property
    def _path(self) -> Path:
        if self.truth_path is None:
            raise DataMissing(
                f"no ground truth in or beside {self.pictures.path} (looked for {', '.join(_TRUTH)}). Name it with "
                "--truth FILE."
            )
        return self.truth_path

    def _in_json_order(self, pictures: Pictures, count: int | None) -> Sequence[str]:
        """The pictures' names in the order of the JSON, the first `count` of them."""
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
        wanted = listed if count is None else listed[:count]
        if missing := [name for name in wanted if name not in names]:
            raise DataMissing(
                f"{_some(missing, len(wanted))} that {self.truth_path} lists are not in {pictures.path}. To score the "
                "pictures that are there, and no others, set order: name"
            )
        return [names[name] for name in wanted]


def _find_truth(path: Path) -> Path | None:
    """None where there is none: a performance run needs none."""
    places = [path, path.parent] if path.is_dir() else [path.parent]
    if any(any(place.glob(pattern)) for place in places for pattern in _TRUTH):
        return find_truth(path, _TRUTH)
    return None


def _stem(name: str) -> str:
    return PurePosixPath(name).stem


def _some(names: Sequence[str], of: int) -> str:
    return f"{len(names)} of {of} pictures ({', '.join(names[:_SHOWN])}{', ...' if len(names) > _SHOWN else ''})"
