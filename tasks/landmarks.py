"""Landmarks: where are the points of a face, a hand or a body in the picture? MediaPipe's models, and others of their kind.

A model gives so many values a point, x and y first, in pixels of its input (MediaPipe's, to which z is measured as x is) or in
fractions of it, and may give further outputs, such as whether there is a face at all, which are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from accuracy.answers.log import Answer, LogError, Sample
from accuracy.answers.raw_tensors import unpack_tensor
from accuracy.errors import TruthError
from accuracy.landmarks import NormalisedError, UnitPair
from accuracy.metric.score import Score
from accuracy.outside.shown import some
from accuracy.truth.points import Points, read_points
from tasks.base import DataMissing, DataRef, MetricKind, Task, Tensor
from tasks.codecs.landmarks import LandmarkCodec, LandmarkOptions, far_outside
from tasks.outputs.exhibits import Exhibition
from tasks.outputs.landmark_exhibits import exhibit_points
from tasks.pictures.sets import open_pictures
from tasks.pictures.shown import shown_picture
from tasks.pictures.truth_by_name import picture_size
from tasks.sets.digests import StoredSamples
from tasks.sets.truth_beside import find_truth

_TRUTH = ("landmarks.csv",)
_ONE_PIXEL = 1.5


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
        metric = NormalisedError(UnitPair(*self._options.unit))
        places = []
        for _, found, wanted, (height, width) in self._found(answers):
            metric.update(found, wanted)
            places.append(found[:, :2] / [width, height])
        if places:
            self._refuse_another_unit(np.concatenate(places))
        return metric.score()

    def _refuse_another_unit(self, places: Points) -> None:
        """Refuses points, [n, 2] in fractions of their pictures, that are read in the wrong unit."""
        if far := far_outside(places):
            x, y = places[int(np.abs(places - 0.5).max(axis=1).argmax())]
            raise LogError(
                f"{far:,} of {len(places):,} points lie far outside their pictures, for example at {x:.4g} of the width and "
                f"{y:.4g} of the height: is --set model.size={self._options.size} right for this model, or is it "
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
        metric = NormalisedError(UnitPair(*self._options.unit))
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
