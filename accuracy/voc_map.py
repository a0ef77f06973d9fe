"""PASCAL VOC's mean average precision at an IoU of 0.5.

Source: the VOC devkit's VOCevaldet.m, with the average precision of VOC 2010 and later (the whole area under the
precision-recall curve, made monotonic; VOC 2007 took eleven points). A detection takes the object that it overlaps
most, free or not: the second detection of an object is a mistake. Objects marked `difficult` are neither asked for nor
held against anyone; COCO's crowd regions and `ignore` flags take their part here.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from accuracy.answers.detections import Detections
from accuracy.answers.overlap import iou
from accuracy.metric import command
from accuracy.metric.scored_results import score_results
from accuracy.truth.boxes.coco import CocoTruth, Float64

IOU_THRESHOLD = 0.5


def voc_map(truth: CocoTruth, detections: Detections) -> dict[str, float]:
    """Scores detections as PASCAL VOC does.

    VOC's boxes are whole pixels with both borders included; these are not, so no 1 is added to widths and heights.

    Args:
        truth: The pictures sent through the model, and no others.
        detections: What the model answered. Detections of equal score are ranked as they come.

    Returns:
        {"voc_map50": mean over the classes with an object that is not difficult}; empty where there is none.
    """
    difficult = truth.crowd | truth.ignore
    classes = np.unique(truth.category[~difficult])
    truth_boxes = _corners(truth.box)
    found_boxes = _corners(detections.box)
    total = 0.0
    for number in classes:
        objects = np.flatnonzero(truth.category == number)
        found = np.flatnonzero(detections.category == number)
        ranked = found[np.argsort(-detections.score[found], kind="stable")]
        best, overlap = _best_objects(
            truth.image[objects], truth_boxes[objects], detections.image[ranked], found_boxes[ranked]
        )
        hits, counted = _judge(best, overlap, difficult[objects])
        total += _area_under_curve(hits[counted], int(np.count_nonzero(~difficult[objects])))
    return {"voc_map50": total / len(classes)} if len(classes) else {}


def _corners(boxes: Float64) -> Float64:
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def _best_objects(
    truth_image: npt.NDArray[np.int64], truth_box: Float64, image: npt.NDArray[np.int64], box: Float64
) -> tuple[npt.NDArray[np.int64], Float64]:
    """For each of D detections the object of its picture that it overlaps most, and by how much (-1: none there)."""
    best = np.zeros(len(image), np.int64)
    overlap = np.full(len(image), -1.0)
    for picture in np.intersect1d(truth_image, image):
        objects, rows = np.flatnonzero(truth_image == picture), np.flatnonzero(image == picture)
        overlaps = iou(box[rows], truth_box[objects])
        choice = overlaps.argmax(axis=1)
        best[rows] = objects[choice]
        overlap[rows] = overlaps[np.arange(len(rows)), choice]
    return best, overlap


def _judge(
    best: npt.NDArray[np.int64], overlap: Float64, difficult: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Hits, and which detections count at all, for the detections of one class with the surest first."""
    near = overlap >= IOU_THRESHOLD
    counted = ~(near & difficult[best]) if len(best) else near
    hits = np.zeros(len(best), np.bool_)
    candidates = np.flatnonzero(near & counted)
    hits[candidates[np.unique(best[candidates], return_index=True)[1]]] = True  # an object's first detection hits it
    return hits, counted


def _area_under_curve(hits: npt.NDArray[np.bool_], objects: int) -> float:
    correct = np.cumsum(hits)
    precision = correct / np.arange(1, len(hits) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float(best[hits].sum() / objects)  # recall rises by 1 / objects at each hit, and nowhere else


def score_files(predictions: Path, truth: Path) -> Mapping[str, float]:
    """Scores detections in COCO's results format against an instances JSON. Raises as `score_results`."""
    return score_results(voc_map, predictions, truth)


if __name__ == "__main__":
    sys.exit(
        command.run(
            score_files,
            "PASCAL VOC's mAP at an IoU of 0.5, all points: results JSON against instances JSON.",
        )
    )
