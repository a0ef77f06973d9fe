"""Detections in COCO's results format, scored by the metrics that take them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from accuracy.answers.detections import Detections, read_results
from accuracy.errors import TruthError
from accuracy.metric.box_readings import PIXELS, X_Y_SIZE, BoxReadings, LoggedBoxes, PictureOrder
from accuracy.metric.doubt import remark
from accuracy.metric.score import Score
from accuracy.truth.boxes.coco import CocoTruth
from accuracy.truth.boxes.instances import read_instances

Metric = Callable[[CocoTruth, Detections], Mapping[str, float]]
CHANCE = 0.1
"""The mean average precision up to which nothing but chance may be at work."""


def score_results(metric: Metric, predictions: Path, truth: Path) -> Score:
    """Scores detections in COCO's results format against an instances JSON, every image of which counts.

    Raises:
        TruthError: Either cannot be used.
        LogError: A detection that cannot be scored.
    """
    if truth.suffix == ".pbtxt":
        raise TruthError(f"{truth} has no picture sizes, but COCO's results are in pixels: name a JSON")
    objects = read_instances(truth)
    detections = read_results(predictions, objects)
    figures = metric(objects, detections) if len(objects.category) else {}
    if not figures:
        raise TruthError(f"{truth} has no object that could be found: nothing can be scored")
    nothing = [] if len(detections.score) else [f"{predictions} holds no detection: nothing was found"]
    doubt = _doubt(metric, figures, objects, detections)
    notes = (*objects.remarks, *detections.remarks, *nothing, *([doubt] if doubt else []))
    return Score(figures, "pictures", len(objects.images), notes=notes)


def _doubt(metric: Metric, figures: Mapping[str, float], objects: CocoTruth, detections: Detections) -> str | None:
    """A score at chance that other boxes or classes explain."""
    headline = next(iter(figures))

    def score(truth: CocoTruth, found: Detections) -> float:
        return metric(truth, found).get(headline, 0.0)

    boxes = LoggedBoxes(detections.image, detections.box, detections.score, detections.category)
    order = PictureOrder("", "", objects)
    readings = BoxReadings(boxes, (order,), X_Y_SIZE, PIXELS, places=False, score=score, settings=False)
    return remark(headline, figures[headline], CHANCE, readings)
