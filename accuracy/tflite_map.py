"""The mobile app's mAP: TFLite's ObjectDetectionAveragePrecisionStage.

Source: LRT tflite/tools/evaluation/stages/object_detection_average_precision_stage.cc and utils/image_metrics.cc. It
differs from COCO's: every class that occurs in the ground truth or in the predictions counts, so that a class which is
only predicted adds an AP of 0; crowd regions are objects like others; there are no size classes and no limit on the
number of detections; a detection takes the free object that it overlaps most.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from accuracy.answers.detections import Detections
from accuracy.answers.overlap import iou
from accuracy.errors import TruthError
from accuracy.metric import command
from accuracy.metric.scored_results import score_results
from accuracy.truth.boxes.coco import CocoTruth, Float64, Int64

Float32 = npt.NDArray[np.float32]

IOU_THRESHOLDS: Float32 = np.float32(0.5) + np.arange(10, dtype=np.float32) * np.float32(0.05)
"""Summed in float32, as the stage does: the tenth is one ulp from the nearest float to 0.95."""
_RECALL_STEPS = 100


def tflite_map(truth: CocoTruth, detections: Detections) -> dict[str, float]:
    """Scores detections as the MLPerf mobile app does.

    Overlaps and recalls are computed in float32, as the stage does: it decides which side of a threshold they fall.

    Args:
        truth: The pictures sent through the model, and no others.
        detections: What the model answered. Detections of equal score are ranked as they come; the stage leaves
            their order to chance.

    Returns:
        {"tflite_map": mean over ten IoU thresholds and all classes that occur}; empty where none occurs.

    Raises:
        TruthError: The size of a picture is not known.
    """
    if unknown := [picture.name for picture in truth.images if not picture.width]:
        raise TruthError(
            f"tflite_map compares boxes in fractions of their picture's sides, but the ground truth gives {len(unknown):,} of "
            f"{len(truth.images):,} pictures no width and height ({unknown[0]} is the first). coco_ap and voc_map50 need none"
        )
    classes = np.union1d(truth.category, detections.category)
    if not len(classes):
        return {}
    truth_boxes = _corners(truth.box, truth.image, truth)
    found_boxes = _corners(detections.box, detections.image, truth)
    total = 0.0
    for number in classes:
        objects = np.flatnonzero(truth.category == number)
        found = np.flatnonzero(detections.category == number)
        if not len(objects) or not len(found):
            continue  # adds an AP of 0
        ranked = found[np.argsort(-detections.score[found], kind="stable")]
        hits = _match(truth.image[objects], truth_boxes[objects], detections.image[ranked], found_boxes[ranked])
        total += sum(_average_precision(row, len(objects)) for row in hits)
    return {"tflite_map": total / (len(classes) * len(IOU_THRESHOLDS))}


def _corners(boxes: Float64, image: Int64, truth: CocoTruth) -> Float32:
    """Boxes as left, top, right, bottom in fractions of their picture: float32 [N, 4]."""
    sizes = np.array([(picture.width, picture.height) * 2 for picture in truth.images], np.float64).reshape(-1, 4)
    corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    return (corners / sizes[image]).astype(np.float32)


def _match(truth_image: Int64, truth_box: Float32, image: Int64, box: Float32) -> npt.NDArray[np.bool_]:
    """Which detections of one class hit an object.

    Args:
        truth_image: [B] picture of each object.
        truth_box: [B, 4] its corners.
        image: [D] picture of each detection, the surest first.
        box: [D, 4] its corners.

    Returns:
        bool [10, D], one row an IoU threshold.
    """
    hits = np.zeros((len(IOU_THRESHOLDS), len(image)), np.bool_)
    of_image: dict[int, list[int]] = {}
    for row, picture in enumerate(image.tolist()):
        of_image.setdefault(picture, []).append(row)
    objects_of: dict[int, list[int]] = {}
    for row, picture in enumerate(truth_image.tolist()):
        objects_of.setdefault(picture, []).append(row)
    for picture, objects in objects_of.items():
        if rows := of_image.get(picture):
            overlaps = iou(box[rows], truth_box[objects])
            hits[:, rows] = _match_picture(overlaps)
    return hits


def _match_picture(overlaps: Float32) -> npt.NDArray[np.bool_]:
    """Greedy matching in one picture at all thresholds at once: [D, B] overlaps -> bool [10, D]."""
    levels = np.arange(len(IOU_THRESHOLDS))
    free = np.ones((len(IOU_THRESHOLDS), overlaps.shape[1]), np.bool_)
    hits = np.zeros((len(IOU_THRESHOLDS), len(overlaps)), np.bool_)
    for row in np.flatnonzero(overlaps.max(axis=1) >= IOU_THRESHOLDS[0]):
        candidates = np.where(free, overlaps[row], np.float32(-1))
        best = candidates.argmax(axis=1)
        hit = candidates[levels, best] >= IOU_THRESHOLDS
        free[levels[hit], best[hit]] = False
        hits[:, row] = hit
    return hits


def _average_precision(hits: npt.NDArray[np.bool_], objects: int) -> float:
    """Mean over the recalls 0, 0.01 ... 1 of the best precision at that recall or above."""
    correct = np.cumsum(hits).astype(np.float32)
    precision = correct / np.arange(1, len(hits) + 1, dtype=np.float32)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    recall = correct / np.float32(objects) * np.float32(_RECALL_STEPS)
    first = np.searchsorted(recall, np.arange(_RECALL_STEPS + 1, dtype=np.float32), side="left")
    return float(best[first[first < len(hits)]].sum(dtype=np.float64) / (_RECALL_STEPS + 1))


def score_files(predictions: Path, truth: Path) -> Mapping[str, float]:
    """Scores detections in COCO's results format against an instances JSON. Raises as `score_results`."""
    return score_results(tflite_map, predictions, truth)


if __name__ == "__main__":
    sys.exit(command.run(score_files, "The mobile app's mean average precision: results JSON against instances JSON."))
