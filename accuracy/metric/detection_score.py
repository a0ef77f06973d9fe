"""All three kinds of mean average precision of one set of detections, and why they differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from accuracy.answers.detections import Detections
from accuracy.coco_ap import coco_ap
from accuracy.confidence.coco_bootstrap import coco_ap_interval
from accuracy.metric.score import Redrawn, Score
from accuracy.tflite_map import tflite_map
from accuracy.truth.boxes.coco import CocoTruth
from accuracy.voc_map import voc_map

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]


_THRESHOLDS = {"coco_ap": 10, "coco_ap50": 1}
"""Of IoU, in COCO's figures that may be a headline."""


def score_detections(truth: CocoTruth, detections: Detections, headline: str = "coco_ap") -> Score:
    """COCO's twelve figures, `tflite_map` and `voc_map50`; a figure that is not defined on this set is left out.

    The note says why the three kinds differ.

    Args:
        truth: Of the pictures.
        detections: In them.
        headline: `coco_ap` or `coco_ap50`: the one that comes first and has the interval.
    """
    metrics = _metrics(truth, detections)
    if headline in metrics:
        metrics = {headline: metrics[headline], **metrics}
    interval = coco_ap_interval(truth, detections, _THRESHOLDS[headline]) if headline in metrics else None
    return Score(
        metrics,
        "pictures",
        len(truth.images),
        interval,
        redrawn=_redrawn(truth, detections),
        notes=(*_of_nothing(truth, detections), explain(truth, detections)),
    )


def _of_nothing(truth: CocoTruth, detections: Detections) -> list[str]:
    """A remark where nothing was found: a log of empty answers scores 0, as one that is wrong everywhere."""
    if len(detections.score) or not len(truth.category):
        return []
    return [f"nothing was detected in any of the {len(truth.images):,} pictures: every answer is empty"]


def _metrics(truth: CocoTruth, detections: Detections) -> dict[str, float]:
    return coco_ap(truth, detections) | tflite_map(truth, detections) | voc_map(truth, detections)


def _redrawn(truth: CocoTruth, detections: Detections) -> Redrawn:
    """Every set of pictures is scored as the whole was, a picture that is drawn twice being two."""
    names = list(_metrics(truth, detections))

    def redrawn(weights: Float64) -> Mapping[str, Float64]:
        scored = [_metrics(*_drawn(truth, detections, row.astype(np.int64))) for row in weights]
        return {name: np.array([each.get(name, np.nan) for each in scored]) for name in names}

    return redrawn


def _drawn(truth: CocoTruth, detections: Detections, times: Int64) -> tuple[CocoTruth, Detections]:
    """Every picture so many times."""
    pictures = np.repeat(np.arange(len(times)), times)
    images = tuple(truth.images[picture]._replace(id=place) for place, picture in enumerate(pictures.tolist(), 1))
    rows, image = _copies(truth.image, times)
    kept = {name: getattr(truth, name)[rows] for name in ("category", "box", "area", "crowd", "ignore")}
    found, found_image = _copies(detections.image, times)
    return (
        replace(truth, images=images, image=image, **kept),
        Detections(found_image, detections.category[found], detections.box[found], detections.score[found]),
    )


def _copies(image: Int64, times: Int64) -> tuple[Int64, Int64]:
    """The rows of pictures that are there so many times, and which picture each is of then."""
    each = times[image]
    rows = np.repeat(np.arange(len(image)), each)
    copy = np.arange(len(rows)) - np.repeat(np.cumsum(each) - each, each)
    return rows, (np.cumsum(times) - times)[image[rows]] + copy


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
