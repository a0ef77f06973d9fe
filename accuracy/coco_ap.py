"""COCO's twelve figures (https://cocodataset.org/#detection-eval), by faster-coco-eval or pycocotools.

Both compute the same; faster-coco-eval does it in C++ and is taken where it is installed. Objects and detections are
handed over as plain rows: neither library's own loader is used, since it copies every detection and draws its outline.
"""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from accuracy.answers.detections import Detections
from accuracy.errors import TruthError
from accuracy.metric import command
from accuracy.metric.scored_results import score_results
from accuracy.truth.boxes.coco import Bool, CocoTruth, Int64, places_by_id

METRICS = (
    "coco_ap",
    "coco_ap50",
    "coco_ap75",
    "coco_ap_small",
    "coco_ap_medium",
    "coco_ap_large",
    "coco_ar1",
    "coco_ar10",
    "coco_ar100",
    "coco_ar_small",
    "coco_ar_medium",
    "coco_ar_large",
)
"""In the order of `COCOeval.stats`."""
_BY_SIZE = ("_small", "_medium", "_large")


def coco_ap(truth: CocoTruth, detections: Detections, library: str | None = None) -> dict[str, float]:
    """Scores detections as COCO does.

    At most 100 detections a picture and class count; crowd regions are neither asked for nor held against anyone; the
    mean goes over the classes with an object.

    Args:
        truth: The pictures sent through the model, and no others.
        detections: What the model answered; classes without an object in the ground truth change nothing.
        library: `faster_coco_eval` or `pycocotools`; None takes the first that is installed.

    Returns:
        The figures of `METRICS`. COCO's tools answer -1 where no object could be asked for, for example where none is
        small: such a figure is left out. So are the figures by size where the pictures' sizes are not known.

    Raises:
        TruthError: Neither library is installed.
    """
    coco_class, evaluator_class = _load(library)
    # A class without objects has no figure, so its detections need not travel.
    categories = np.unique(truth.category).tolist()
    if not categories:
        return {}
    kept = np.isin(detections.category, categories)
    # Counted in the order of the official ids, by which detections of equal score are ranked: those may be texts.
    ids = places_by_id(truth.images) + 1
    images = [{"id": number, "width": 1, "height": 1} for number in ids.tolist()]
    known = {"images": images, "categories": [{"id": number, "name": str(number)} for number in categories]}
    with contextlib.redirect_stdout(io.StringIO()):
        expected, found = coco_class(), coco_class()
        expected.dataset = known | {"annotations": _objects(truth, ids)}
        found.dataset = known | {"annotations": _found(detections, kept, ids)}
        expected.createIndex()
        found.createIndex()
        evaluator = evaluator_class(expected, found, "bbox")
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    figures = zip(METRICS, np.asarray(evaluator.stats, np.float64)[: len(METRICS)].tolist(), strict=True)
    sizes_known = not np.isnan(truth.area).any()
    return {name: value for name, value in figures if value != -1 and (sizes_known or not name.endswith(_BY_SIZE))}


def _load(library: str | None) -> tuple[Any, Any]:
    """The classes COCO and COCOeval of a library that is installed."""
    for name in (library,) if library else ("faster_coco_eval", "pycocotools"):
        try:
            if name == "faster_coco_eval":
                from faster_coco_eval import COCO, COCOeval_faster

                return COCO, COCOeval_faster
            if name == "pycocotools":
                from pycocotools.coco import COCO as coco_class  # noqa: N811 - a class by any name
                from pycocotools.cocoeval import COCOeval

                return coco_class, COCOeval
        except ImportError:
            continue
    raise TruthError("COCO's figures need faster-coco-eval or pycocotools: ./run.sh's own Python has the first")


def _objects(truth: CocoTruth, ids: Int64) -> list[Mapping[str, Any]]:
    # Row numbers start at 1: both libraries take the id 0 for "no match".
    columns = zip(
        ids[truth.image].tolist(),
        truth.category.tolist(),
        truth.box.tolist(),
        truth.area.tolist(),
        truth.crowd.astype(int).tolist(),
        strict=True,
    )
    return [
        {"id": row, "image_id": image, "category_id": category, "bbox": box, "area": area, "iscrowd": crowd}
        for row, (image, category, box, area, crowd) in enumerate(columns, 1)
    ]


def _found(detections: Detections, kept: Bool, ids: Int64) -> list[Mapping[str, Any]]:
    box = detections.box[kept]
    columns = zip(
        ids[detections.image[kept]].tolist(),
        detections.category[kept].tolist(),
        box.tolist(),
        (box[:, 2] * box[:, 3]).tolist(),
        detections.score[kept].tolist(),
        strict=True,
    )
    return [
        {"id": row, "image_id": image, "category_id": category, "bbox": box, "area": area, "iscrowd": 0, "score": score}
        for row, (image, category, box, area, score) in enumerate(columns, 1)
    ]


def score_files(predictions: Path, truth: Path) -> Mapping[str, float]:
    """Scores detections in COCO's results format against an instances JSON. Raises as `score_results`."""
    return score_results(coco_ap, predictions, truth)


if __name__ == "__main__":
    sys.exit(command.run(score_files, "COCO's twelve figures: results JSON against instances JSON."))
