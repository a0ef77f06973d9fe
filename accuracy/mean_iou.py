"""Mean intersection over union of class maps, as the MLPerf mobile benchmark counts it.

The rule (MA flutter/cpp/datasets/ade20k.cc): classes 1 to 31 are scored; over all pictures a pixel whose prediction p
and truth g agree on a scored class is a true positive of it; otherwise it is a false negative of g, and a false
positive of p only where g is a scored class too (what is unlabelled or beyond them never accuses a prediction).
IoU = tp / (tp + fp + fn). The mean divides by 31 even where a class is absent, so small sets score low; the
reference script (MO vision/deeplab/.../segmentation_inference_eval_seg_tflite.py) takes the mean over what occurs.

    python -m accuracy.mean_iou --predictions DIR --truth DIR
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from accuracy.confidence.interval import bootstrap_mean_iou
from accuracy.errors import TruthError
from accuracy.metric import command
from accuracy.metric.doubt import remark
from accuracy.metric.map_readings import MapReadings
from accuracy.metric.score import Score, beyond_note
from accuracy.metric.tally import Tally
from accuracy.truth.masks import Masks

IntArray = npt.NDArray[np.integer[Any]]

ADE20K_CLASSES = 31
"""Scored classes of the mobile benchmark: 32 less the background, class 0."""

CHANCE = 0.15
"""Of the mean over the classes that occur: pictures are mostly of a few large ones, which another's map may hit as well."""


class MeanIoU:
    """Counts pixels of class maps, picture by picture; a picture leaves less than 1 KB.

    Example:
        metric = MeanIoU()
        metric.update(predicted, truth)
        metric.compute()["miou"]
    """

    def __init__(self, classes: int = ADE20K_CLASSES) -> None:
        """Scores the classes 1 to `classes`.

        Raises:
            ValueError: Fewer than 1 or more than 255 classes.
        """
        if not 0 < classes < 256:
            raise ValueError(f"{classes} classes cannot be scored: 1 to 255 can")
        self.classes = classes
        self._areas: list[IntArray] = []  # a picture's hits, truths and accused: [3, classes]
        known = np.arange(256)
        self._to_scored = np.where(known <= classes, known, 0).astype(np.uint16)

    def update(self, prediction: IntArray, truth: IntArray) -> None:
        """Counts one picture.

        Args:
            prediction: Class ids [height, width]; what lies outside 1 to `classes` is no scored class.
            truth: Class ids of the same shape.

        Raises:
            ValueError: Shapes that differ, or values that are no integers.
        """
        if prediction.shape != truth.shape:
            raise ValueError(f"a class map of shape {prediction.shape} has a ground truth of shape {truth.shape}")
        side = self.classes + 1
        cells = self._scored(truth) * np.uint16(side) + self._scored(prediction)  # at most 256 * 256 - 1
        # [truth, prediction]; 0 is all that is not scored
        pixels = np.bincount(cells.ravel(), minlength=side * side).reshape(side, side)
        areas = (pixels.diagonal()[1:], pixels[1:].sum(axis=1), pixels[1:, 1:].sum(axis=0))
        self._areas.append(np.array(areas, np.int64))

    @classmethod
    def of(cls, tally: Tally, classes: int = ADE20K_CLASSES) -> MeanIoU:
        """With the pictures of a `tally` of so many classes."""
        metric = cls(classes)
        metric._areas = list(tally["areas"])
        return metric

    def tally(self) -> Tally:
        """`areas`: int64 [pictures, 3, classes], the pixels of hits, truths and accused."""
        return {"areas": self._stacked()}

    def per_class(self) -> list[tuple[int, float]]:
        """(class, IoU) of every class that was predicted or occurs, in order of class."""
        hits, _, union = self._sums()
        return [(int(c) + 1, float(hits[c] / union[c])) for c in np.flatnonzero(union)]

    def compute(self) -> Mapping[str, float]:
        """The three means, as fractions of 1.

        `miou` divides by all scored classes, `miou_present` by those that occur in the ground truth, `miou_union` by
        those that occur or were predicted. The last two are left out where they would divide by none.
        """
        hits, truths, union = self._sums()
        iou = np.divide(hits, union, out=np.zeros(self.classes), where=union > 0)
        means = {"miou": float(iou.mean())}
        if truths.any():
            means["miou_present"] = float(iou[truths > 0].mean())
        if union.any():
            means["miou_union"] = float(iou[union > 0].mean())
        return means

    def score(self) -> Score:
        """As `compute`, with the bootstrap interval of `miou` and the IoU of every class as `per_class` has it."""
        hits, truths, accused = (self._stacked()[:, kind] for kind in range(3))
        return Score(
            self.compute(),
            "pictures",
            len(self._areas),
            bootstrap_mean_iou(hits, truths, accused),
            redrawn=self._redrawn,
            details={"iou_by_class": {str(number): iou for number, iou in self.per_class()}},
        )

    def _redrawn(self, weights: npt.NDArray[np.float64]) -> Mapping[str, npt.NDArray[np.float64]]:
        """See `accuracy.metric.score.Redrawn`; a class that is in no picture of a set has the mean of the others."""
        areas = self._stacked().astype(np.float64)
        hits, truths, accused = (weights @ areas[:, kind] for kind in range(3))
        union = truths + accused - hits
        iou = np.divide(hits, union, out=np.zeros_like(hits), where=union > 0)
        total, found, there = iou.sum(axis=1), np.count_nonzero(union, axis=1), truths > 0
        occurring = np.count_nonzero(areas.sum(axis=(0, 1)))
        present, in_truth = (iou * there).sum(axis=1), np.count_nonzero(there, axis=1)
        return {
            "miou": _over(total, found) * occurring / self.classes,
            "miou_present": _over(present, in_truth),
            "miou_union": _over(total, found),
        }

    def _sums(self) -> tuple[IntArray, IntArray, IntArray]:
        hits, truths, accused = self._stacked().sum(axis=0)
        return hits, truths, truths + accused - hits

    def _stacked(self) -> npt.NDArray[np.int64]:
        """[pictures, 3, classes]; `accused` counts predictions where the truth is a scored class."""
        return np.array(self._areas, np.int64).reshape(-1, 3, self.classes)

    def _scored(self, class_map: IntArray) -> npt.NDArray[np.uint16]:
        if class_map.dtype == np.uint8:
            return self._to_scored[class_map]
        if not np.issubdtype(class_map.dtype, np.integer):
            raise ValueError(f"a class map of {class_map.dtype} holds no class ids")
        return np.where((class_map > 0) & (class_map <= self.classes), class_map, 0).astype(np.uint16)


def _over(
    sums: npt.NDArray[np.float64], counts: npt.NDArray[np.intp] | npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    means: npt.NDArray[np.float64] = np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0)
    return means


def pairs(predictions: Masks, truth: Masks) -> Iterator[tuple[IntArray, IntArray]]:
    """Every class map of `truth` with its prediction, by file name without suffix.

    Raises:
        TruthError: A prediction is missing or has another size than its truth.
    """
    predictions.require(truth.stems)
    for stem in truth.stems:
        predicted, expected = predictions.read(stem), truth.read(stem)
        if predicted.shape != expected.shape:
            raise TruthError(f"{stem}: predicted at {predicted.shape}, but its ground truth has {expected.shape}")
        yield predicted, expected


def score_files(predictions: Path, truth: Path) -> Mapping[str, float]:
    """Scores a folder or zip of class maps (PNG or .raw) against the ground truth of the same names.

    Raises:
        TruthError: Either cannot be used, or they do not belong together.
    """
    metric, found, wanted = MeanIoU(), Masks.open(predictions), Masks.open(truth)
    for predicted, true in pairs(found, wanted):
        try:
            metric.update(predicted, true)
        except ValueError as error:
            raise TruthError(str(error)) from None
    if "miou_present" not in metric.compute():
        raise TruthError(f"no map in {truth} has any of the classes 1 to {metric.classes}: nothing can be scored")
    readings = MapReadings(lambda _: pairs(found, wanted), MeanIoU, metric.classes + 1)
    doubt = remark("miou_present", metric.compute()["miou_present"], CHANCE, readings)
    return metric.score().with_notes([*([doubt] if doubt else []), *beyond_note(found.stems, wanted.stems, truth)])


if __name__ == "__main__":
    sys.exit(command.run(score_files, "Mean IoU of class maps, PNG or .raw, in folders or zips, paired by name."))
