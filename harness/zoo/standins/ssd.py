"""SSD's anchors and post-processing, as the object detection zoo's ssd_mobilenet_v2 configurations have them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.zoo.standins.networks import DETECTION_CLASSES, FEATURE_MAPS, sizes, ssd_mobilenet_v2

_MIN_SCALE, _MAX_SCALE = 0.2, 0.95
_ASPECTS = (1.0, 2.0, 0.5, 3.0, 1 / 3)

BOX_SCALES = (10.0, 10.0, 5.0, 5.0)
"""What encoded y, x, height and width are divided by."""
POST_PROCESS: dict[str, float | int | bool] = {
    "max_detections": 10,
    "max_classes_per_detection": 1,
    "detections_per_class": 100,
    "use_regular_nms": True,
    "nms_score_threshold": 0.3,
    "nms_iou_threshold": 0.6,
    "num_classes": DETECTION_CLASSES - 1,
    "y_scale": BOX_SCALES[0],
    "x_scale": BOX_SCALES[1],
    "h_scale": BOX_SCALES[2],
    "w_scale": BOX_SCALES[3],
}
"""Options of TFLite_Detection_PostProcess: regular suppression, ten detections, scores from 0.3 (MO vision/mobiledet)."""


def anchors() -> npt.NDArray[Any]:
    """All 1917 as y, x (of the middle), height and width in fractions of the picture: float32 [1917, 4].

    In the order of the predictors' rows: feature map, row, column, then shape.
    """
    size = sizes(ssd_mobilenet_v2())
    found = []
    for index, name in enumerate(FEATURE_MAPS):
        rows, columns, _ = size[name]
        for row in range(rows):
            for column in range(columns):
                for height, width in _shapes(index):
                    found.append(((row + 0.5) / rows, (column + 0.5) / columns, height, width))
    return np.array(found, np.float32)


def _scale(index: int) -> float:
    last = len(FEATURE_MAPS) - 1
    return 1.0 if index > last else _MIN_SCALE + (_MAX_SCALE - _MIN_SCALE) * index / last


def _shapes(index: int) -> Iterator[tuple[float, float]]:
    """Heights and widths at each place of a feature map; the finest has three only."""
    scale = _scale(index)
    pairs = [(scale, aspect) for aspect in _ASPECTS] + [(math.sqrt(scale * _scale(index + 1)), 1.0)]
    if index == 0:
        pairs = [(scale / 2, 1.0), (scale, 2.0), (scale, 0.5)]
    for size, aspect in pairs:
        yield size / math.sqrt(aspect), size * math.sqrt(aspect)
