"""Landmarks bound to one model: a picture in, its points out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from accuracy.truth.points import Points
from tasks.base import Array, ModelMismatch, Postprocess, Tensor
from tasks.outputs.raw_answers import RawAnswer
from tasks.pictures.file_codec import FileCodec
from tasks.pictures.folders import Pictures
from tasks.pictures.pixels.decoding import RAW_SUFFIXES, decode
from tasks.pictures.pixels.headerless import decode_rgb8
from tasks.pictures.pixels.inputs import PictureOptions, bind_input, shapes
from tasks.pictures.pixels.preprocess import WHOLE, code_version
from tasks.tensors.fitting import real_values

_FAR = 1.5
"""From the middle of a picture, in its sides: beyond it no point of a working model lies, or hardly one."""
_VERSION = 1
"""Of the preprocessing; raise it where a prepared picture changes."""


@dataclass(frozen=True)
class LandmarkOptions(PictureOptions):
    """What a config may say of a model of points and its data."""

    points: int = 468
    """Of the model: 468 of MediaPipe's face mesh, 21 of its hand, 39 of its pose."""
    values_per_point: int = 3
    """What the model gives a point: x, y and z, and whatever follows (5 for MediaPipe's pose, which adds two scores)."""
    unit: tuple[int, int] = (33, 263)
    """The two points whose distance errors are measured by: the outer corners of the eyes in MediaPipe's face mesh."""
    size: Literal["input", "fractions"] = "input"
    """What the model's values are: pixels of its input, or fractions of it."""
    frame: tuple[int, int] = (192, 192)
    """Height and width of the input whose pixels the values are, for scores: the log does not tell it."""
    profile: Literal["mobile", "tflite-eval", "pillow", "opencv"] = "mobile"
    """How the whole picture is resized to the input, aspect not kept, as for detection."""

    def __post_init__(self) -> None:
        """Raises ValueError where a number cannot be used."""
        super().__post_init__()
        if self.points < 2 or self.values_per_point < 2:
            raise ValueError(
                f"points is {self.points} of {self.values_per_point} values, but must be 2 or more of 2 or more"
            )
        if self.unit[0] == self.unit[1] or not all(0 <= point < self.points for point in self.unit):
            raise ValueError(f"unit is {list(self.unit)}, but must be two of the points 0 to {self.points - 1}")

    def in_picture(self, values: Array, height: int, width: int) -> Points:
        """The points in pixels of a picture, float64 [points, 3] or [points, 2]; z is measured as x is.

        Args:
            values: What the model gives, of any shape.
            height: Of the picture.
            width: Likewise.
        """
        rows, columns = (1, 1) if self.size == "fractions" else self.frame
        shown = values.reshape(self.points, self.values_per_point)[:, :3].astype(np.float64)
        found: Points = shown * np.array([width / columns, height / rows, width / columns])[: shown.shape[1]]
        return found


def far_outside(places: Points) -> int:
    """How many of the points, [n, 2] in fractions of their pictures, lie far outside: 0 where they are not most of them."""
    far = int(np.count_nonzero(np.any(np.abs(places - 0.5) > _FAR, axis=1)))
    return far if 2 * far > len(places) else 0


class LandmarkCodec(FileCodec):
    """Landmarks bound to one model."""

    def __init__(
        self, pictures: Pictures, options: LandmarkOptions, inputs: Sequence[Tensor], outputs: Sequence[Tensor]
    ) -> None:
        """Holds the model's tensors against the task.

        Raises:
            ModelMismatch: Not one picture input of the size that the options say, or not one output of so many points.
        """
        super().__init__(pictures)
        self._options = options
        self._input = bind_input(inputs, options, "landmarks")
        if options.size == "input" and (self._input.height, self._input.width) != tuple(options.frame):
            raise ModelMismatch(
                f"the model takes {self._input.height}x{self._input.width} pixels, but model.frame is "
                f"{list(options.frame)}: its points are in pixels of the input"
            )
        wanted = options.points * options.values_per_point
        places = [place for place, tensor in enumerate(outputs) if int(np.prod(tensor.shape)) == wanted]
        if len(places) != 1:
            raise ModelMismatch(
                f"the model has {shapes(outputs)}, of which {len(places)} have {options.points} points of "
                f"{options.values_per_point} values ({wanted}): are model.points and model.values_per_point right for it?"
            )
        self.place = places[0]
        """Of the output that has the points."""
        self._tensor = outputs[self.place]
        self._answer = RawAnswer(outputs, self.place)

    def prepare(self, name: str, data: bytes) -> tuple[Array, ...]:
        """One picture, resized whole and normalised."""
        height, width = self._input.height, self._input.width
        if name.lower().endswith(RAW_SUFFIXES):
            picture = decode_rgb8(data, name, height, width)
        else:
            picture = WHOLE[self._options.profile](decode(data, name), height, width)
        return (self._input.encode(picture),)

    def postprocess(self, outputs: Sequence[Array]) -> bytes:
        """The points as the model gives them."""
        return self._answer.answer(outputs)

    def answerer(self) -> Postprocess:
        """See `Codec.answerer`. A first answer whose points plainly are no fractions of the picture raises ModelMismatch.

        That is before anything is timed. Pixels that are fractions after all show only in the score: a model may put all points
        into a corner where it finds nothing.
        """
        if self._options.size != "fractions":
            return self.postprocess
        known = False

        def answer(outputs: Sequence[Array]) -> bytes:
            nonlocal known
            if not known:
                self._refuse_pixels(outputs[self.place])
                known = True
            return self.postprocess(outputs)

        return answer

    def _refuse_pixels(self, raw: Array) -> None:
        values = real_values(raw, self._tensor.scale, self._tensor.zero_point)
        places = values.reshape(self._options.points, self._options.values_per_point)[:, :2]
        if far := far_outside(places):
            raise ModelMismatch(
                f"{far:,} of the {self._options.points:,} points of the first picture lie far outside it, up to "
                f"{np.abs(places).max():.4g} of its sides: is model.size=fractions right for this model, or input (pixels)?"
            )

    def input_ranges(self) -> Mapping[str, tuple[float, float]]:
        """Those of pixels."""
        return self._input.ranges()

    def cache_key(self) -> str:
        """All that makes a prepared picture."""
        profile = self._options.profile
        return f"landmarks {_VERSION} {profile} {self._input} {self._files.fingerprint()} {code_version(profile)}"
