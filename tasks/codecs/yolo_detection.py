"""YOLO bound to one model: a picture in, the boxes of its raw heads or its export out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from accuracy.answers import wire
from tasks.base import Array, ModelMismatch, Tensor
from tasks.codecs.detection import DetectionCodec, DetectionOptions
from tasks.outputs.yolo_heads import Anchors, Export, Form, Found, RawHead, Suppression, heads_of, read_cfg, suppress
from tasks.pictures.file_codec import FileCodec
from tasks.pictures.folders import Pictures
from tasks.pictures.pixels.inputs import bind_input, shapes
from tasks.pictures.pixels.preprocess import WHOLE


@dataclass(frozen=True)
class YoloOptions(DetectionOptions):
    """What a config may say of a YOLO model and its data, besides what it may say of any detector."""

    form: Form = "heads"
    """What comes out: raw `heads` with anchors, or the one decoded output of an export of YOLOv5 (`v5`, with objectness) or
    YOLOv8 and later (`v8`, without)."""
    classes: int = 1
    """Of the model. 80 are COCO's, which leave the gaps of its ids."""
    anchors: tuple[tuple[float, ...], ...] | None = None
    """A list a head, from the fewest places to the most: width and height of each anchor in pixels of the input."""
    cfg: Path | None = None
    """Darknet's configuration, whose [yolo] sections have the anchors, in place of `anchors`."""
    box_units: Literal["fractions", "pixels"] = "fractions"
    """Of an export's boxes: fractions of the input, as Ultralytics' TFLite exports have them, or its pixels."""
    object_threshold: float = 0.25
    """Boxes of no more objectness are left out; of `v8`, of no surer class."""
    suppression: Suppression = "diou"
    """How boxes that say the same are told: by the distance of their centres too, or by their overlap alone."""
    suppression_threshold: float = 0.5
    """Boxes of one class that overlap a surer one more are left out."""
    diou_exponent: float = 0.6
    """Of the distance in `diou`."""

    def __post_init__(self) -> None:
        """Raises ValueError where a number cannot be used, or anchors come in halves."""
        super().__post_init__()
        for name in ("object_threshold", "suppression_threshold"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, but must be at least 0 and less than 1")
        if self.classes < 1:
            raise ValueError(f"classes is {self.classes}, but must be at least 1")
        for head in self.anchors or ():
            if not head or len(head) % 2 or min(head) <= 0:
                raise ValueError(
                    f"anchors has {list(head)}, but a head's are pairs of width and height, all more than 0"
                )
        if self.anchors is not None and self.cfg is not None:
            raise ValueError("anchors and cfg are both named: leave out one")


class YoloCodec(DetectionCodec):
    """YOLO bound to one model."""

    def __init__(
        self, pictures: Pictures, options: YoloOptions, inputs: Sequence[Tensor], outputs: Sequence[Tensor]
    ) -> None:
        """Holds the model's tensors against the task.

        Raises:
            ModelMismatch: Not one picture input, outputs of another form, or anchors that do not fit them.
            DataMissing: The configuration that was named has no anchors.
        """
        FileCodec.__init__(self, pictures)
        self._options = self._yolo = options
        self._input = bind_input(inputs, options, "detection")
        self._resize = WHOLE[options.profile]
        self._heads = _bound(outputs, options, (self._input.height, self._input.width))
        self._offset = np.float32(options.class_offset)

    def find(self, outputs: Sequence[Array]) -> Found:
        """The boxes of one picture.

        Args:
            outputs: The model's, for one sample.
        """
        options = self._yolo
        decoded = [head.decode(outputs[place]) for place, head in self._heads]
        if len(decoded) == 1:
            boxes, objectness, chances = decoded[0]
        else:
            boxes, objectness, chances = (np.concatenate(parts) for parts in zip(*decoded, strict=True))
        if chances.shape[1] == 1:
            classes, scores = np.zeros(len(boxes), np.int64), objectness * chances[:, 0]
        else:
            classes = chances.argmax(axis=1)
            scores = objectness * chances[np.arange(len(boxes)), classes]
        kept = suppress(
            boxes, scores, classes, options.suppression, options.suppression_threshold, options.diou_exponent
        )
        if options.score_threshold > 0:
            kept = [place for place in kept if not scores[place] < options.score_threshold]
        kept = kept[: options.max_detections]
        return Found(boxes[kept], objectness[kept], scores[kept], classes[kept])

    def boxes(self, outputs: Sequence[Array]) -> Array:
        """As `DetectionCodec.boxes`."""
        return self.find(outputs).boxes

    def postprocess(self, outputs: Sequence[Array]) -> bytes:
        """Seven float32 a detection (`accuracy.answers.wire`), surest first, its box clipped to 0..1."""
        found = self.find(outputs)
        boxes = np.clip(found.boxes, 0, 1)[:, [1, 0, 3, 2]]
        return wire.pack_detections(boxes, found.scores, found.classes + self._offset)


def _bound(
    outputs: Sequence[Tensor], options: YoloOptions, size: tuple[int, int]
) -> list[tuple[int, RawHead | Export]]:
    """What decodes each output, by its place."""
    if options.form != "heads":
        if len(outputs) != 1:
            raise ModelMismatch(f"an export of YOLO{options.form} has one output, but the model has {shapes(outputs)}")
        in_pixels = size if options.box_units == "pixels" else None
        return [(0, Export(outputs[0], options.form, options.classes, in_pixels, options.object_threshold))]
    anchors = _anchors(options)
    return [
        (place, RawHead(outputs[place], head, options.classes, size, options.object_threshold))
        for place, head in heads_of(outputs, anchors)
    ]


def _anchors(options: YoloOptions) -> list[Anchors]:
    if options.cfg is not None:
        return read_cfg(options.cfg)
    if options.anchors is None:
        raise ModelMismatch(
            "raw heads need anchors: name them with model.anchors, or Darknet's configuration with model.cfg=FILE; for an "
            "export with one output set model.form=v5 or model.form=v8"
        )
    return [Anchors(tuple(zip(head[::2], head[1::2], strict=True))) for head in options.anchors]
