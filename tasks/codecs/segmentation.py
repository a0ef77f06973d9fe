"""Segmentation bound to one model: a picture in, its map of classes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from tasks.base import Array, Postprocess, Tensor
from tasks.outputs.segmentation_binding import bind_classes, class_map_answer, refuse_fractions
from tasks.pictures.file_codec import FileCodec
from tasks.pictures.folders import Pictures
from tasks.pictures.pixels.decoding import RAW_SUFFIXES, decode
from tasks.pictures.pixels.headerless import decode_rgb8
from tasks.pictures.pixels.inputs import PictureOptions, bind_input
from tasks.pictures.pixels.preprocess import code_version
from tasks.pictures.published import ade20k

ADE20K_CLASSES = 32
MOST_CLASSES = 256
"""A class map has one byte a pixel."""


@dataclass(frozen=True)
class SegmentationOptions(PictureOptions):
    """What a config may say of a segmentation model and its data."""

    num_classes: int | None = None
    """Classes with the background, class 0; 1 and above are scored. None takes what the model has; the mobile benchmark's 32
    where its file does not tell."""
    class_names: Path | None = None
    """The names of the model's classes, the background's first, one a line: held against their number."""
    pad_value: float = 127.5
    """What surrounds a picture that does not fill the input, 0 to 255."""
    profile: Literal["mobile", "pillow"] = "mobile"
    """How pictures are scaled: as the benchmark's own preparation, or by Pillow's bilinear filter."""

    def __post_init__(self) -> None:
        """Raises ValueError where a number cannot be used."""
        super().__post_init__()
        if self.num_classes is not None and not 2 <= self.num_classes <= MOST_CLASSES:
            raise ValueError(f"num_classes is {self.num_classes}, but a class map holds 2 to 256 classes")
        if not 0 <= self.pad_value <= 255:
            raise ValueError(f"pad_value is {self.pad_value}, but pixels are 0 to 255")

    @property
    def class_count(self) -> int:
        """`num_classes`, or the mobile benchmark's where nothing says it."""
        return ADE20K_CLASSES if self.num_classes is None else self.num_classes


class SegmentationCodec(FileCodec):
    """Segmentation bound to one model."""

    def __init__(
        self,
        pictures: Pictures,
        options: SegmentationOptions,
        inputs: Sequence[Tensor],
        outputs: Sequence[Tensor],
    ) -> None:
        """Holds the model's tensors against the task.

        Raises:
            ModelMismatch: Not one picture input and one output of the same height and width.
        """
        super().__init__(pictures)
        self._options = options
        self._input = bind_input(inputs, options, "segmentation")
        self._height, self._width = self._input.height, self._input.width
        classes = bind_classes(outputs, self._input, options.class_count)
        self._axis, self._in_floats, self._zero_point = classes.axis, classes.in_floats, classes.zero_point

    def prepare(self, name: str, data: bytes) -> tuple[Array, ...]:
        """One picture, prepared and normalised."""
        if name.lower().endswith(RAW_SUFFIXES):
            picture = decode_rgb8(data, name, self._height, self._width)
        else:
            picture = ade20k.prepare_picture(
                decode(data, name),
                self._height,
                self._width,
                pad_value=self._options.pad_value,
                profile=self._options.profile,
            )
        return (self._input.encode(picture),)

    def postprocess(self, outputs: Sequence[Array]) -> bytes:
        """The class map, one class a pixel, as runs of equal classes.

        Raises:
            ValueError: The model gave a class outside 0 to 255, or fractions.
        """
        class_map = outputs[0]
        if self._axis is not None:
            class_map = class_map.argmax(axis=self._axis)
        elif self._zero_point:
            class_map = class_map.astype(np.int64) - self._zero_point
        return class_map_answer(class_map, self._height, self._width)

    def answerer(self) -> Postprocess:
        """See `Codec.answerer`. Where the model gives floats, its first answer shows whether they are classes.

        A first answer that is none raises ModelMismatch, before anything is timed.
        """
        if not self._in_floats:
            return self.postprocess
        known = False

        def answer(outputs: Sequence[Array]) -> bytes:
            nonlocal known
            if not known:
                refuse_fractions(outputs[0])
                known = True
            return self.postprocess(outputs)

        return answer

    def input_ranges(self) -> Mapping[str, tuple[float, float]]:
        """Those of pixels."""
        return self._input.ranges()

    def cache_key(self) -> str:
        """All that makes a prepared picture."""
        code = f"{code_version('mobile')} ade20k={ade20k.code_digest()}"
        return f"segmentation {code} {self._options} {self._files.fingerprint()} {self._input}"
