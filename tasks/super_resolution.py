"""Super-resolution: EDSR makes a picture twice as wide and high, and is held against the original."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from accuracy.answers import grids
from accuracy.answers.log import Answer, LogError, Sample
from accuracy.errors import TruthError
from accuracy.metric.score import Score
from accuracy.metric.tally import Tally
from accuracy.psnr import Originals, Psnr
from tasks.base import Array, DataMissing, DataRef, Tensor
from tasks.codecs.super_resolution import SuperResolutionCodec, SuperResolutionOptions, check_size, open_layout, sized
from tasks.in_parts import InParts
from tasks.outputs.exhibits import Exhibit, Exhibition
from tasks.pictures.folders import Pictures
from tasks.pictures.shown import shown_picture
from tasks.pictures.truth_by_name import picture_size, stems
from tasks.sets.digests import StoredSamples
from tasks.sets.truth_beside import find_truth

_FAITHFUL_DB = 50.0
"""An answer of so much counts as right where the worst are looked for."""


_DARK = 16
"""Originals that are no brighter tell nothing of the answers."""


class SuperResolution(InParts):
    """What did the small picture look like? Small pictures, and originals of the same names, `scale` times larger.

    The originals are found in a folder `hr` in or beside the small pictures, or in an archive named as theirs with
    `_hr_` for `_lr_`.
    """

    Options: ClassVar[type[Any]] = SuperResolutionOptions
    headline = "psnr_db"
    metrics = ("psnr_db",)

    def __init__(self, data: DataRef, options: SuperResolutionOptions) -> None:
        """Finds the pictures; the originals are looked for when they are needed."""
        self._data = data
        self._options = options
        self._pictures = Pictures.open(data.path, count=data.count)

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self._pictures)

    def input_shapes(self, inputs: Sequence[Tensor]) -> Sequence[tuple[int, ...]] | None:
        """The pictures' own size for a model that is open to any, which shows as an input of 1x1 pixels."""
        if (layout := open_layout(inputs)) is None:
            return None
        size = picture_size(self._pictures, 0)
        if size is None:
            raise DataMissing(f"{self._pictures.names[0]} has no header and the model no size: use PNG files")
        return [sized(layout, *size)]

    def codec(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> SuperResolutionCodec:
        """Binds the task to a model of one picture input and one picture output, `scale` times larger.

        Raises:
            DataMissing: A picture of another size than the model takes.
            ModelMismatch: Another kind of model.
        """
        codec = SuperResolutionCodec(self._pictures, self._options, inputs, outputs)
        for index in range(len(self)):
            check_size(self._pictures.names[index], self._size(index, codec.size), codec.size)
        return codec

    def check_truth(self) -> None:
        """Looks at every original, those behind a count too: is there one for each picture, `scale` times as large?"""
        try:
            self._check_originals()
        except TruthError as error:
            raise DataMissing(str(error)) from None

    def tally(self, answers: Iterable[Answer]) -> Tally:
        """As `InParts.tally`: `psnr_db` of each `picture`, by its index, and the `brightest` byte of answer and original."""
        metric, pictures, brightest = Psnr(), list[int](), list[tuple[int, int]]()
        for answer in answers:
            with Sample(answer.index, self._pictures.names):
                picture = grids.unpack_picture(answer.data)
            original = self._originals.read(self._pictures.stem(answer.index))
            if picture.shape != original.shape:
                raise LogError(
                    f"the answer for {self._pictures.names[answer.index]} is {list(picture.shape)}, but its original "
                    f"is {list(original.shape)}: is this the log of another data set?"
                )
            metric.update(picture, original)
            pictures.append(answer.index)
            brightest.append((int(picture.max()), int(original.max())))
        ends = np.array(brightest, np.uint8).reshape(-1, 2)
        return {**metric.tally(), "picture": np.array(pictures, np.int64), "brightest": ends}

    def figures(self, tally: Tally) -> Score:
        """`psnr_db`, the mean over the pictures (accuracy.psnr), and each picture's own."""
        names = [self._pictures.names[index] for index in tally["picture"].tolist()]
        by_picture = dict(zip(names, tally["psnr_db"].tolist(), strict=True))
        score = replace(Psnr.of(tally).score(), details={"psnr_db_by_picture": by_picture}).with_notes(
            _in_fractions(tally)
        )
        if self._data.count is not None or not (unused := self._unused(self._originals)):
            return score
        return score.with_notes(
            [f"{unused:,} of the originals in {self._originals.path} have no picture in the set: they do not count"]
        )

    def exhibits(self, answers: Iterable[Answer], most: int) -> Exhibition:
        """As `Task.exhibits`: the small picture, the answer and the original, by PSNR. Only the worst are kept in memory."""
        worst: list[tuple[float, int, Array]] = []
        judged = 0
        for index, data in answers:
            with Sample(index, self._pictures.names):
                picture = grids.unpack_picture(data)
            decibels = Psnr().update(picture, self._originals.read(self._pictures.stem(index)))
            worst = sorted([*worst, (decibels, index, picture)], key=lambda one: one[:2])[:most]
            judged += 1
        exhibits = (
            Exhibit(
                self._pictures.names[index],
                max(0.0, min(1.0, decibels / _FAITHFUL_DB)),
                f"PSNR {decibels:.2f} dB",
                "the original",
                shown_picture(self._pictures, index),
                picture,
                self._originals.read(self._pictures.stem(index)),
            )
            for decibels, index, picture in worst
        )
        return Exhibition(tuple(exhibits), judged)

    def stored_samples(self) -> StoredSamples:
        """As `Task.stored_samples`: the small pictures."""
        return self._pictures

    def files(self) -> Sequence[Path]:
        """As `Task.files`: the originals, where there are any."""
        try:
            return self._originals.paths
        except (DataMissing, TruthError):
            return ()

    def warnings(self) -> Sequence[str]:
        """As `Task.warnings`: files that were left out."""
        return self._pictures.warning()

    def describe_data(self) -> Mapping[str, Any]:
        """The sample count, and the originals where there are any."""
        described: dict[str, Any] = {"count": len(self), "pictures": str(self._pictures.path)}
        described |= self._pictures.left_out_facts
        try:
            originals = self._originals
        except (DataMissing, TruthError):
            return described | {"truth": None}
        return described | {"truth": str(originals.path), "unused_originals": self._unused(originals)}

    def _unused(self, originals: Originals) -> int:
        return len(set(originals.stems) - {self._pictures.stem(index) for index in range(len(self))})

    @cached_property
    def _originals(self) -> Originals:
        path = self._data.path
        patterns, wanted = ["[hH][rR]"], "the originals in a folder hr"
        if "_lr_" in path.name:
            patterns.append(path.name.replace("_lr_", "_hr_"))
            wanted += f", or {patterns[-1]}"
        return Originals.open(self._data.truth or find_truth(path, patterns, wanted))

    def _check_originals(self) -> None:
        pictures = self._pictures.uncounted
        names = stems(pictures)
        self._originals.require(names)
        for index, stem in enumerate(names):
            original = self._originals.size(stem)
            headerless = (original[0] // self._options.scale, original[1] // self._options.scale)
            small = picture_size(pictures, index) or headerless
            wanted = (small[0] * self._options.scale, small[1] * self._options.scale)
            if original != wanted:
                raise DataMissing(
                    f"the original {stem} in {self._originals.path} is {original[0]}x{original[1]}, but its picture of "
                    f"{small[0]}x{small[1]} needs {wanted[0]}x{wanted[1]} at scale {self._options.scale}"
                )

    def _size(self, index: int, headerless: tuple[int, int]) -> tuple[int, int]:
        return picture_size(self._pictures, index) or headerless


def _in_fractions(tally: Tally) -> Sequence[str]:
    """A remark on answers that are black but for what would be white in a picture of 0 to 1."""
    answers, originals = tally["brightest"].max(axis=0, initial=0).tolist()
    if answers > 1 or originals <= _DARK:
        return ()
    return (
        f"no byte of the answers is more than {answers}, of the originals some are {originals}: does the model give fractions, "
        "0 to 1? Then say --set model.float_range=0..1, or model.mean and model.std",
    )
