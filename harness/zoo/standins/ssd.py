"""SSD's anchors and post-processing, as the object detection zoo's ssd_mobilenet_v2 configurations have them."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from harness.zoo.graph.ssd_anchors import ssd_anchors
from harness.zoo.standins.layer_stack import sizes
from harness.zoo.standins.networks import DETECTION_CLASSES, FEATURE_MAPS, ssd_mobilenet_v2

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
    """All 1917, as `harness.zoo.graph.ssd_anchors` has them: float32 [1917, 4]."""
    size = sizes(ssd_mobilenet_v2())
    return ssd_anchors([size[name][:2] for name in FEATURE_MAPS])
