"""Times COCO's twelve figures with faster-coco-eval against pycocotools, on the same made-up detections.

Run: python -m benchmarks.coco_ap [--pictures 5000] [--detections 100]. Target: at least 4 times faster.

pycocotools is timed as its documentation uses it, with loadRes on a list of detections; ours from arrays. Both agree to
six decimals, or the script fails.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import time
from typing import Any

import numpy as np

from accuracy.answers.detections import Detections
from accuracy.coco_ap import METRICS, coco_ap
from accuracy.truth.boxes.coco import CocoImage, CocoTruth
from benchmarks.rows import Row, render

_CLASSES = 80
_WIDTH, _HEIGHT = 640, 480


def made_up(pictures: int, detections: int, seed: int = 0) -> tuple[CocoTruth, Detections]:
    """Ground truth like val2017's (7 objects a picture) and detections that are half near misses, half noise."""
    random = np.random.default_rng(seed)
    image = np.repeat(np.arange(pictures), random.poisson(7, pictures))
    box = np.concatenate([random.uniform(0, 400, (len(image), 2)), _sizes(random, len(image))], axis=1)
    truth = CocoTruth(
        images=tuple(CocoImage(f"{number:012}.jpg", number, _WIDTH, _HEIGHT) for number in range(1, pictures + 1)),
        categories=tuple(range(1, _CLASSES + 1)),
        image=image,
        category=random.integers(1, _CLASSES + 1, len(image)),
        box=box,
        area=box[:, 2:].prod(axis=1) * 0.6,
        crowd=random.random(len(image)) < 0.02,
        ignore=np.zeros(len(image), np.bool_),
    )
    total = pictures * detections
    found = np.concatenate([random.uniform(0, 400, (total, 2)), _sizes(random, total)], axis=1)
    where = np.repeat(np.arange(pictures), detections)
    category = random.integers(1, _CLASSES + 1, total)
    near = random.permutation(total)[: min(total, 2 * len(image))]
    model = np.resize(np.arange(len(image)), len(near))
    found[near] = box[model] * np.exp(random.normal(0, 0.08, (len(near), 4)))
    where[near], category[near] = image[model], truth.category[model]
    order = np.argsort(where, kind="stable")
    return truth, Detections(where[order], category[order], found[order], random.random(total))


def _sizes(random: np.random.Generator, count: int) -> Any:
    return np.exp(random.uniform(2, 5.5, (count, 2)))


def with_pycocotools(truth: CocoTruth, detections: Detections) -> tuple[float, list[float]]:
    """Seconds and the twelve figures, the documented way."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    results = [
        {"image_id": int(image) + 1, "category_id": int(category), "bbox": box.tolist(), "score": float(score)}
        for image, category, box, score in zip(
            detections.image, detections.category, detections.box, detections.score, strict=True
        )
    ]
    expected = COCO()
    expected.dataset = {
        "images": [{"id": image.id, "width": image.width, "height": image.height} for image in truth.images],
        "categories": [{"id": number, "name": str(number)} for number in truth.categories],
        "annotations": [
            {
                "id": row + 1,
                "image_id": int(truth.image[row]) + 1,
                "category_id": int(truth.category[row]),
                "bbox": truth.box[row].tolist(),
                "area": float(truth.area[row]),
                "iscrowd": int(truth.crowd[row]),
            }
            for row in range(len(truth.image))
        ],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        started = time.perf_counter()
        expected.createIndex()
        evaluator = COCOeval(expected, expected.loadRes(results), "bbox")
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
        return time.perf_counter() - started, evaluator.stats.tolist()


def measure(pictures: int = 5000, detections: int = 100) -> list[Row]:
    """Both times and their ratio, once.

    Raises:
        SystemExit: A figure differs.
    """
    truth, found = made_up(pictures, detections)
    coco_ap(*made_up(2, 2))  # the import is not timed
    started = time.perf_counter()
    ours = coco_ap(truth, found)
    seconds = time.perf_counter() - started
    reference_seconds, reference = with_pycocotools(truth, found)
    for name, figure in zip(METRICS, reference, strict=True):
        if abs(ours.get(name, -1.0) - figure) > 5e-7:
            raise SystemExit(f"{name}: ours {ours.get(name)}, pycocotools {figure}")
    beside = f"{seconds:.2f} : {reference_seconds:.2f} s, all twelve figures agree to six decimals"
    what = f"COCO AP of {pictures:,} pictures, {detections} detections each: times faster than pycocotools"
    return [Row(what, reference_seconds / seconds, "x", 4, at_least=True, beside=beside)]


def main() -> None:
    """Prints both times and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pictures", type=int, default=5000)
    parser.add_argument("--detections", type=int, default=100, help="a picture")
    print(render(measure(**vars(parser.parse_args()))))


if __name__ == "__main__":
    main()
