"""Object detection by YOLO: raw heads with anchors, or an export with one output, on COCO's pictures.

The data's side, the log and the metrics are those of `tasks.detection`; what differs is what comes between the model's
outputs and the boxes (`tasks.outputs.yolo_heads`). All of it is timed.
"""

from __future__ import annotations

from collections.abc import Sequence

from accuracy.truth.boxes.coco import COCO_CATEGORIES
from accuracy.truth.class_names import ClassNames
from tasks.base import DataRef, Tensor
from tasks.codecs.detection import DetectionCodec
from tasks.codecs.yolo_detection import YoloCodec, YoloOptions
from tasks.detection import Detection, counting

_COCO_CLASSES = len(COCO_CATEGORIES)


class YoloDetection(Detection):
    """What is where in the picture, by YOLO? The data are those of `tasks.detection.Detection`."""

    Options = YoloOptions
    headline = "coco_ap50"

    @classmethod
    def fit(cls, options: YoloOptions, score_columns: int | None, names: ClassNames | None = None) -> YoloOptions:  # type: ignore[override]
        """As `Detection.fit`; the options say how many classes there are."""
        del score_columns, names
        # One class is COCO's persons.
        return counting(options, None if options.classes == 1 else options.classes)

    def __init__(self, data: DataRef, options: YoloOptions) -> None:
        """As `Detection`."""
        super().__init__(data, options)
        self._yolo = options

    def codec(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> DetectionCodec:
        """Binds the task to a model of one picture input and YOLO's outputs."""
        return YoloCodec(self._data.pictures, self._yolo, inputs, outputs)
