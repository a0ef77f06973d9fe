"""Detection bound to one model: a picture in, its boxes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from accuracy.answers import wire
from tasks.base import Array, ModelMismatch, Postprocess, Tensor
from tasks.outputs.detection_binding import Role, bind_outputs
from tasks.pictures.file_codec import FileCodec
from tasks.pictures.folders import Pictures
from tasks.pictures.pixels.decoding import RAW_SUFFIXES, decode
from tasks.pictures.pixels.headerless import decode_rgb8
from tasks.pictures.pixels.inputs import PictureOptions, bind_input
from tasks.pictures.pixels.preprocess import WHOLE, code_version
from tasks.pictures.published.coco import Order

_FAR = 1.5
"""From the middle of a picture, in its sides: beyond it no box of a working model lies, or hardly one."""
_VERSION = 1
"""Of the preprocessing; raise it where a prepared picture changes."""
_ZERO, _ONE = np.float32(0), np.float32(1)


@dataclass(frozen=True)
class DetectionOptions(PictureOptions):
    """What a config may say of a detection model and its data."""

    class_offset: int = 1
    """Added to the model's classes: the models count from 0 where COCO's category ids count from 1."""
    inverse_map: bool | None = None
    """True for models of 80 classes: logged classes 1 to 80 count COCO's category ids, which have gaps, in the order of the
    ground truth's list of categories. None takes it from the number of the model's classes."""
    category_ids: Literal["coco", "file"] | None = None
    """What the model's classes plus `class_offset` are: COCO's ids, so that a ground truth that gives COCO's classes other
    ids is told by its names; or the ids of the ground truth's file. None takes the file's for a model that has not COCO's
    90 classes."""
    categories: tuple[int, ...] | None = None
    """The category ids that count, such as [1] for persons alone; objects and detections of others are left out of the score,
    pictures without any stay. None for all."""
    class_names: Path | None = None
    """The names of the model's classes, one a line in the model's order: held against their number."""
    outputs: Mapping[Role, str] | None = None
    """Output names by role (boxes, classes, scores, count), where names and shapes do not tell."""
    max_detections: int | None = None
    """Keep the first so many detections (the op gives the surest first); null for all."""
    score_threshold: float = 0.0
    """Leave out detections that score less."""
    profile: Literal["mobile", "tflite-eval", "pillow", "opencv"] = "mobile"
    """How the whole picture is resized to the input, aspect not kept: `mobile` and `tflite-eval` as TFLite's stage,
    `pillow` by Pillow's bilinear filter, `opencv` as the MLPerf inference reference does."""
    order: Order = "json"
    """The samples' order: that of the JSON's list of images, which must be the pictures that are there, or that of the
    sorted file names, where the pictures that are there make the set. Without a JSON always by name; TFRecord files and
    Hugging Face data sets then keep their own order unless `name` is asked for."""
    stored_boxes: Literal["xyxy", "xywh"] | None = None
    """How boxes that are stored with the pictures are written in a Hugging Face data set: two corners, or a corner and the
    size, in pixels. None takes the one way in which all of them lie in their pictures."""
    stored_classes: Literal["coco_ids", "from_0", "from_1"] | None = None
    """What classes that are stored with the pictures mean: COCO's category ids (with gaps), or its 80 categories counted
    from 0 or 1. None takes the names that the set has for them, or else the custom of such sets."""

    def __post_init__(self) -> None:
        """Raises ValueError where a number cannot be used."""
        super().__post_init__()
        if self.max_detections is not None and self.max_detections < 1:
            raise ValueError(f"max_detections is {self.max_detections}, but must be at least 1")
        if self.categories is not None and not self.categories:
            raise ValueError(
                "categories is empty, so that nothing would be scored: name those that count, or leave it out"
            )
        if not self.score_threshold < 1:
            raise ValueError(f"score_threshold is {self.score_threshold}, but must be less than 1")


def refuse_pixels(boxes: Array) -> None:
    """Refuses boxes, [n, 4], most of which lie far outside their picture.

    Raises:
        ModelMismatch: They are in another unit than fractions of its sides.
    """
    far = np.any(np.abs(boxes - 0.5) > _FAR, axis=1)
    if 2 * np.count_nonzero(far) > len(boxes):
        raise ModelMismatch(
            f"{np.count_nonzero(far):,} of the first {len(boxes):,} boxes lie far outside their picture, for example "
            f"{boxes[int(np.argmax(far))].tolist()}: boxes are fractions of the picture's sides, 0 to 1. Does the model give "
            "pixels? A YOLO export says so with model.box_units=pixels"
        )


class DetectionCodec(FileCodec):
    """Detection bound to one model."""

    stamps_index = True

    def __init__(
        self, pictures: Pictures, options: DetectionOptions, inputs: Sequence[Tensor], outputs: Sequence[Tensor]
    ) -> None:
        """Holds the model's tensors against the task.

        Raises:
            ModelMismatch: Not one picture input and the four outputs.
        """
        super().__init__(pictures)
        self._options = options
        self._input = bind_input(inputs, options, "detection")
        self._resize = WHOLE[options.profile]
        places = bind_outputs(outputs, options.outputs)
        self._boxes, self._classes, self._scores, self._count = (
            places.boxes,
            places.classes,
            places.scores,
            places.count,
        )
        self._rows = places.most
        self._most = min(self._rows, options.max_detections or self._rows)
        self._offset = np.float32(options.class_offset)
        self._threshold = np.float32(options.score_threshold) if options.score_threshold > 0 else None

    def prepare(self, name: str, data: bytes) -> tuple[Array, ...]:
        """One picture, resized and normalised."""
        height, width = self._input.height, self._input.width
        if name.lower().endswith(RAW_SUFFIXES):
            picture = decode_rgb8(data, name, height, width)
        else:
            picture = self._resize(decode(data, name), height, width)
        return (self._input.encode(picture),)

    def postprocess(self, outputs: Sequence[Array]) -> bytes:
        """Seven float32 a detection (`accuracy.answers.wire`): as many as the model counts, its boxes clipped to 0..1.

        A NaN passes, so that scoring refuses the log, whatever the threshold.

        Raises:
            ValueError: The model counts detections that it has no room for.
        """
        count = outputs[self._count].item()
        if not 0 <= count <= self._rows:
            raise ValueError(f"the model counts {count} detections, but gives {self._rows}")
        kept: Any = slice(min(int(count), self._most))
        scores = outputs[self._scores][0, kept]
        if self._threshold is not None:
            kept = np.flatnonzero(~(scores < self._threshold))
            scores = scores[kept]
        boxes = np.minimum(np.maximum(outputs[self._boxes][0, kept], _ZERO), _ONE)
        return wire.pack_detections(boxes, scores, outputs[self._classes][0, kept] + self._offset)

    def answerer(self) -> Postprocess:
        """See `Codec.answerer`. The first boxes show whether they are fractions of the picture: clipped, they tell no more.

        Boxes that are none raise ModelMismatch, mostly before anything is timed.
        """
        known = False

        def answer(outputs: Sequence[Array]) -> bytes:
            nonlocal known
            if not known and len(boxes := self.boxes(outputs)):
                refuse_pixels(boxes)
                known = True
            return self.postprocess(outputs)

        return answer

    def boxes(self, outputs: Sequence[Array]) -> Array:
        """[n, 4] the boxes of one sample as the model gives them, in fractions of the picture if all is right."""
        # What a count that cannot be is called, `postprocess` says.
        found: Array = outputs[self._boxes][0, : int(min(self._rows, max(0, outputs[self._count].item())))]
        return found

    def input_ranges(self) -> Mapping[str, tuple[float, float]]:
        """Those of pixels."""
        return self._input.ranges()

    def cache_key(self) -> str:
        """All that makes a prepared picture."""
        profile = self._options.profile
        return f"detection {_VERSION} {profile} {self._input} {self._files.fingerprint()} {code_version(profile)}"
