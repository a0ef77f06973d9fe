"""All three kinds of mean average precision of one set of detections, and why they differ."""

from __future__ import annotations

import numpy as np

from accuracy.answers.detections import Detections
from accuracy.coco_ap import coco_ap
from accuracy.confidence.coco_bootstrap import coco_ap_interval
from accuracy.metric.score import Score
from accuracy.tflite_map import tflite_map
from accuracy.truth.boxes.coco import CocoTruth
from accuracy.voc_map import voc_map


def score_detections(truth: CocoTruth, detections: Detections) -> Score:
    """COCO's twelve figures, `tflite_map` and `voc_map50`; a figure that is not defined on this set is left out.

    The interval is that of `coco_ap`, the note says why the three kinds differ.
    """
    metrics = coco_ap(truth, detections) | tflite_map(truth, detections) | voc_map(truth, detections)
    interval = coco_ap_interval(truth, detections) if "coco_ap" in metrics else None
    return Score(metrics, "pictures", len(truth.images), interval, notes=(explain(truth, detections),))


def explain(truth: CocoTruth, detections: Detections) -> str:
    """One line that says why the three figures differ on this set of pictures."""
    asked = np.unique(truth.category[~truth.crowd])
    occurring = np.union1d(truth.category, detections.category)
    only_predicted = np.setdiff1d(detections.category, truth.category)
    crowds = int(np.count_nonzero(truth.crowd))
    return (
        f"on these {len(truth.images)} pictures coco_ap is the mean over the {len(asked)} classes with an object; "
        f"tflite_map over the {len(occurring)} that occur, of which {len(only_predicted)} are only predicted and count "
        f"as 0, and it asks for {crowds} crowd regions too; voc_map50 is at IoU 0.5 alone, where the others go on to "
        "0.95. The fewer the pictures, the further apart"
    )
