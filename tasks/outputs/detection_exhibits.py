"""Pictures with what a detector found in them beside what is there."""

from __future__ import annotations

import heapq
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from accuracy.answers.detections import Detections
from accuracy.truth.boxes.coco import CocoTruth
from tasks.outputs.exhibits import Exhibit, ExhibitBox, Exhibition, UInt8Array

_SURE = 0.3
"""What a detector is less sure of is not drawn: it gives all it has, down to next to nothing."""
_HIT_IOU = 0.5
"""From here on a box is one that was found, as in PASCAL VOC."""
_MOST_BOXES = 20
_Boxes = npt.NDArray[np.float64]


def exhibit_detections(
    truth: CocoTruth, detections: Detections, most: int, picture: Callable[[int], UInt8Array | None]
) -> Exhibition:
    """The worst pictures first: by F1 of the detections of at least 0.3, at an IoU of 0.5.

    Args:
        truth: What is there; crowds are not drawn.
        detections: What was found.
        most: So many pictures at most.
        picture: The sample of an index, RGB; None where it cannot be shown.
    """
    judged = [_Judged(truth, detections, index) for index in range(len(truth.images))]
    worst = heapq.nsmallest(most, range(len(judged)), key=lambda index: (judged[index].quality, index))
    exhibits = []
    for index in worst:
        pixels = picture(index)
        size = (pixels.shape[1], pixels.shape[0]) if pixels is not None else (0, 0)
        exhibits.append(judged[index].exhibit(truth, pixels, size))
    return Exhibition(tuple(exhibits), len(judged))


class _Judged:
    """One picture's boxes, matched greedily, the surest first."""

    def __init__(self, truth: CocoTruth, detections: Detections, index: int) -> None:
        self._index = index
        self._true = np.flatnonzero((truth.image == index) & ~truth.crowd)
        found = np.flatnonzero((detections.image == index) & (detections.score >= _SURE))
        self._found = found[np.argsort(-detections.score[found], kind="stable")]
        self._detections = detections
        self._hit: set[int] = set()
        self._was_found: set[int] = set()
        for row in self._found:
            alike = [
                one
                for one in self._true
                if one not in self._was_found and truth.category[one] == detections.category[row]
            ]
            if alike and (overlaps := _iou(detections.box[row], truth.box[alike])).max() >= _HIT_IOU:
                self._hit.add(int(row))
                self._was_found.add(int(alike[int(overlaps.argmax())]))

    @property
    def quality(self) -> float:
        """F1; 1 where there is nothing and nothing was found."""
        both = len(self._true) + len(self._found)
        return 2 * len(self._hit) / both if both else 1.0

    def exhibit(self, truth: CocoTruth, pixels: UInt8Array | None, size: tuple[int, int]) -> Exhibit:
        image = truth.images[self._index]
        # Normalised truth of a picture whose size is not known has sides of 1.
        width, height = (image.width, image.height) if image.width > 0 and image.height > 0 else size
        said, true = [], []
        if width and height:
            for row in self._found[:_MOST_BOXES]:
                label, score = (
                    self._name(truth, int(self._detections.category[row])),
                    float(self._detections.score[row]),
                )
                said.append(_box(self._detections.box[row], width, height, label, score, right=int(row) in self._hit))
            for row in self._true[:_MOST_BOXES]:
                label = self._name(truth, int(truth.category[row]))
                true.append(_box(truth.box[row], width, height, label, None, right=int(row) in self._was_found))
        return Exhibit(
            image.name,
            self.quality,
            f"{len(self._found)} found at {_SURE:g} or surer, {len(self._hit)} of them right",
            f"{len(self._true)} there, {len(self._true) - len(self._was_found)} missed",
            picture=pixels,
            said_boxes=tuple(said),
            true_boxes=tuple(true),
        )

    @staticmethod
    def _name(truth: CocoTruth, category: int) -> str:
        return truth.names.get(category, f"category {category}")


def _box(
    box: npt.NDArray[np.float64], width: int, height: int, label: str, score: float | None, *, right: bool
) -> ExhibitBox:
    x, y, wide, high = (float(value) for value in box)
    return ExhibitBox(x / width, y / height, wide / width, high / height, label, score, right)


def _iou(one: _Boxes, others: _Boxes) -> _Boxes:
    """Of x, y, width, height."""
    low = np.maximum(one[:2], others[:, :2])
    high = np.minimum(one[:2] + one[2:], others[:, :2] + others[:, 2:])
    both = np.prod(np.maximum(high - low, 0), axis=1)
    overlap: _Boxes = both / np.maximum(np.prod(one[2:]) + np.prod(others[:, 2:], axis=1) - both, 1e-12)
    return overlap
