"""Landmarks: where are the points of a face, a hand or a body in the picture? MediaPipe's models, and others of their kind.

A model gives so many values a point, x and y first, in pixels of its input (MediaPipe's, to which z is measured as x is) or in
fractions of it, and may give further outputs, such as whether there is a face at all, which are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from accuracy.answers.log import Answer, LogError, Sample
from accuracy.answers.raw_tensors import unpack_tensor
from accuracy.errors import TruthError
from accuracy.landmarks import NormalisedError, Pair
from accuracy.metric.score import Score
from accuracy.outside.shown import some
from accuracy.truth.points import Points, read_points
from tasks.base import Array, DataMissing, DataRef, MetricKind, ModelMismatch, Task, Tensor, find_truth
from tasks.outputs.exhibits import Exhibition
from tasks.outputs.landmark_exhibits import exhibit_points
from tasks.outputs.raw_answers import RawAnswer
from tasks.pictures.folders import FileCodec, Pictures
from tasks.pictures.headerless import decode_rgb8
from tasks.pictures.inputs import PictureOptions, bind_input, shapes
from tasks.pictures.preprocess import RAW_SUFFIXES, WHOLE, code_version, decode
from tasks.pictures.sets import open_pictures
from tasks.pictures.shown import shown_picture
from tasks.pictures.truth_by_name import picture_size
from tasks.sets.digests import StoredSamples

_TRUTH = ("landmarks.csv",)
_FAR = 1.5
"""From the middle of a picture, in its sides: beyond it no point of a working model lies, or hardly one."""
_ONE_PIXEL = 1.5
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


class Landmarks(Task):
    """Pictures, and landmarks.csv with the reference points (accuracy.truth.points)."""

    Options = LandmarkOptions
    headline = "nme"
    metrics = ("nme", "nme_3d")

    @classmethod
    def metric_kinds(cls, options: Mapping[str, Any]) -> tuple[MetricKind, ...]:
        """As `Task.metric_kinds`: errors, the less the better."""
        del options
        return tuple(MetricKind(name, lower_is_better=True) for name in cls.metrics)

    def __init__(self, data: DataRef, options: LandmarkOptions) -> None:
        """Finds the pictures; the points are looked for when they are needed."""
        self._data, self._options = data, options
        self._pictures = open_pictures(data.path, data.count)

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self._pictures)

    def codec(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> LandmarkCodec:
        """Binds the task to a model of one picture input and an output of points."""
        return LandmarkCodec(self._pictures, self._options, inputs, outputs)

    def check_truth(self) -> None:
        """Reads the points: some for each picture, also of those behind a count?"""
        try:
            self._points  # noqa: B018 - reading them is the check
        except TruthError as error:
            raise DataMissing(str(error)) from None

    def score(self, answers: Iterable[Answer]) -> Score:
        """`nme` and `nme_3d`, the less the better.

        Raises:
            LogError: Points that are plainly in another unit than `size` says.
        """
        metric = NormalisedError(Pair(*self._options.unit))
        places = []
        for _, found, wanted, (height, width) in self._found(answers):
            metric.update(found, wanted)
            places.append(found[:, :2] / [width, height])
        if places:
            self._refuse_another_unit(np.concatenate(places))
        return metric.score()

    def _refuse_another_unit(self, places: Points) -> None:
        """Refuses points, [n, 2] in fractions of their pictures, that are read in the wrong unit."""
        far: Array = np.any(np.abs(places - 0.5) > _FAR, axis=1)
        if 2 * np.count_nonzero(far) > len(far):
            x, y = places[int(far.argmax())]
            raise LogError(
                f"{np.count_nonzero(far):,} of {len(far):,} points lie far outside their pictures, for example at {x:.4g} of "
                f"the width and {y:.4g} of the height: is --set model.size={self._options.size} right for this model, or is it "
                f"{'fractions' if self._options.size == 'input' else 'input'}?"
            )
        height, width = self._options.frame
        if self._options.size == "input" and (np.abs(places) * [width, height] <= _ONE_PIXEL).all():
            raise LogError(
                "all points lie in the first pixel of the input: does the model give fractions of it? Say so with --set "
                "model.size=fractions"
            )

    def exhibits(self, answers: Iterable[Answer], most: int) -> Exhibition:
        """As `Task.exhibits`: the pictures with the points that were found and those of the reference."""
        metric = NormalisedError(Pair(*self._options.unit))
        judged = (
            (index, metric.update(found, wanted), found, wanted, size)
            for index, found, wanted, size in self._found(answers)
        )
        return exhibit_points(
            judged, most, list(self._pictures.names), lambda index: shown_picture(self._pictures, index)
        )

    def _found(self, answers: Iterable[Answer]) -> Iterator[tuple[int, Points, Points, tuple[int, int]]]:
        """(index, points found, points wanted, (height, width)) of each picture, the points in its pixels."""
        options = self._options
        for index, data in answers:
            with Sample(index, self._pictures.names):
                values = unpack_tensor(data, options.points * options.values_per_point)
            size = picture_size(self._pictures, index) or options.frame
            wanted = self._points[self._pictures.names[index]]
            yield index, options.in_picture(values, *size)[:, : wanted.shape[1]], wanted, size

    def describe_data(self) -> Mapping[str, Any]:
        """The sample count, the pictures, and the points where there are any."""
        try:
            truth: str | None = str(self._truth)
        except DataMissing:
            truth = None
        pictures = self._pictures
        return {"count": len(self), "pictures": str(pictures.path), "truth": truth, **pictures.left_out_facts}

    def stored_samples(self) -> StoredSamples:
        """As `Task.stored_samples`: the pictures."""
        return self._pictures

    def files(self) -> Sequence[Path]:
        """As `Task.files`: the points, where there are any."""
        try:
            return (self._truth, *self._pictures.files)
        except DataMissing:
            return self._pictures.files

    def named_only(self) -> Sequence[Path]:
        """As `Task.named_only`: the truth is held against names alone."""
        return self._pictures.behind

    def warnings(self) -> Sequence[str]:
        """As `Task.warnings`: files that were left out."""
        return self._pictures.warning()

    @cached_property
    def _truth(self) -> Path:
        return self._data.truth or find_truth(self._data.path, _TRUTH)

    @cached_property
    def _points(self) -> Mapping[str, Points]:
        found = read_points(self._truth, self._options.points)
        if missing := [name for name in self._pictures.uncounted.names if name not in found]:
            raise TruthError(f"{self._truth} has no points for {len(missing)} of the pictures: {some(missing)}")
        return found


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

    def input_ranges(self) -> Mapping[str, tuple[float, float]]:
        """Those of pixels."""
        return self._input.ranges()

    def cache_key(self) -> str:
        """All that makes a prepared picture."""
        profile = self._options.profile
        return f"landmarks {_VERSION} {profile} {self._input} {self._files.fingerprint()} {code_version(profile)}"
