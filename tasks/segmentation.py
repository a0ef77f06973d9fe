"""Semantic segmentation: DeepLab and MOSAIC on ADE20K, and every model that gives one class a pixel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from accuracy.answers import grids
from accuracy.answers.log import Answer, Answers, Sample
from accuracy.errors import TruthError
from accuracy.mean_iou import CHANCE, MeanIoU
from accuracy.metric.map_readings import MapReadings
from accuracy.metric.score import Score
from accuracy.metric.tally import Tally
from accuracy.truth.class_names import ClassNames, read_class_names
from accuracy.truth.masks import Masks
from tasks.base import Array, DataMissing, DataRef, Reading, Tensor
from tasks.codecs.segmentation import MOST_CLASSES, SegmentationCodec, SegmentationOptions
from tasks.in_parts import InParts
from tasks.outputs.exhibits import Exhibit, Exhibition, coloured
from tasks.outputs.map_classes import annotated_beyond, names_of_maps, unannotated
from tasks.outputs.readings import known_reading, numeric_places
from tasks.pictures.folders import Pictures
from tasks.pictures.published import ade20k
from tasks.pictures.published.wrong_pairs import refuse_wrong_pair
from tasks.pictures.sets import open_pictures
from tasks.pictures.shown import shown_picture
from tasks.pictures.stored_truth import StoredMasks
from tasks.pictures.truth_by_name import picture_size, stems
from tasks.sets.digests import StoredSamples
from tasks.sets.truth_beside import find_truth

_LOOKED_AT = 1 << 26
"""Pixels of annotations behind a count that are decoded: some 250 maps of 512x512, in half a second."""


class Segmentation(InParts):
    """Which class is each pixel?

    Pictures in a folder or zip archive, one annotation of the same name for each; or TFRecord files or a Hugging Face data
    set, with the annotations beside the pictures and of their size.

    Pictures of the model's input size are used as they are, others are prepared by `tasks.pictures.published.ade20k`.
    Annotations are taken as they are where they have the size of the class map; where they have the size of the picture,
    they are prepared as it was; where the model's side is odd (513) and they were prepared for one less, the map's surplus line
    is left out. Any other size is refused.
    """

    Options = SegmentationOptions
    headline = "miou"
    told_by = "miou_present"
    metrics = ("miou", "miou_present", "miou_union")

    @classmethod
    def fit(
        cls, options: SegmentationOptions, score_columns: int | None, names: ClassNames | None = None
    ) -> SegmentationOptions:
        """As `Task.fit`: the number of classes.

        Raises:
            ModelMismatch: The names are not as many.
        """
        if options.num_classes is None and score_columns is not None and score_columns <= MOST_CLASSES:
            options = replace(options, num_classes=score_columns)
        if names is None and options.class_names is not None:
            names = read_class_names(options.class_names)
        if names is not None:
            names_of_maps(names, options.num_classes)
        return options

    def __init__(self, data: DataRef, options: SegmentationOptions) -> None:
        """Finds the pictures; the annotations are looked for when they are needed."""
        self._data = data
        self._options = options
        self._pictures = open_pictures(data.path, data.count)

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self._pictures)

    def codec(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> SegmentationCodec:
        """Binds the task to a model of one picture input and one class map or score output."""
        return SegmentationCodec(self._pictures, self._options, inputs, outputs)

    def check_truth(self) -> None:
        """Reads every annotation: is there one for each picture, of a size that fits, with any class that is scored?

        Behind a count the first are decoded, and of the others the size is read: all would take longer than the run.
        """
        try:
            self._check_masks()
        except TruthError as error:
            raise DataMissing(str(error)) from None

    def tally(self, answers: Iterable[Answer]) -> Tally:
        """As `InParts.tally`: `areas` of `MeanIoU.tally`, and `pixels` of each class in the annotations, a row a part."""
        metric = MeanIoU(self._options.class_count - 1)
        pixels = np.zeros(MOST_CLASSES, np.int64)
        for answer in answers:
            with Sample(answer.index, self._pictures.names):
                class_map, truth = self._pair(*answer)
            metric.update(class_map, truth)
            pixels += np.bincount(truth.ravel(), minlength=MOST_CLASSES)
        return {**metric.tally(), "pixels": pixels[None]}

    def figures(self, tally: Tally) -> Score:
        """`miou` (over all scored classes), `miou_present` and `miou_union` (accuracy.mean_iou)."""
        count = self._options.class_count
        found = MeanIoU.of(tally, count - 1).score()
        notes = [*unannotated(tally["areas"], count), *annotated_beyond(tally["pixels"].sum(axis=0), count)]
        return found.with_notes([*self._notes(), *notes])

    def exhibits(self, answers: Iterable[Answer], most: int) -> Exhibition:
        """As `Task.exhibits`: the pictures and both maps, by the mean IoU of each picture's own classes.

        What the annotations leave out is white in theirs. Only the worst so far are kept in memory.
        """
        worst: list[tuple[float, int, Array, Array]] = []
        judged = 0
        for index, data in answers:
            with Sample(index, self._pictures.names):
                class_map, truth = self._pair(index, data)
            metric = MeanIoU(self._options.class_count - 1)
            metric.update(class_map, truth)
            worst.append((metric.compute().get("miou_present", 1.0), index, class_map, truth))
            worst = sorted(worst, key=lambda one: one[:2])[:most]
            judged += 1
        exhibits = (
            Exhibit(
                self._pictures.names[index],
                quality,
                f"mean IoU of its classes {quality:.1%}",
                f"classes {', '.join(map(str, np.unique(truth[truth < self._options.class_count]).tolist()))}",
                shown_picture(self._pictures, index),
                coloured(class_map),
                coloured(truth),
            )
            for quality, index, class_map, truth in worst
        )
        return Exhibition(tuple(exhibits), judged)

    def chance(self) -> float:
        """As `Task.chance`."""
        return CHANCE

    def readings(self, answers: Answers) -> Iterator[Reading]:
        """As `Task.readings`: see `MapReadings`."""
        names, count = self._pictures.names, self._options.class_count

        def pairs(order: Sequence[int] | None) -> Iterator[tuple[Array, Array]]:
            for index, data in answers():
                yield self._pair(index if order is None else order[index], data)

        yield from map(known_reading, MapReadings(pairs, lambda: MeanIoU(count - 1), count, numeric_places(names)))

    def _pair(self, index: int, data: bytes) -> tuple[Array, Array]:
        """The map and the annotation, of one size."""
        labels = grids.unpack_class_map(data)
        truth = self._truth_for(index, labels.shape)
        return labels[: truth.shape[0], : truth.shape[1]], truth

    def stored_samples(self) -> StoredSamples:
        """As `Task.stored_samples`: the pictures."""
        return self._pictures

    def files(self) -> Sequence[Path]:
        """As `Task.files`: the annotations, unless they are stored with the pictures, and names of classes."""
        names = () if self._options.class_names is None else (self._options.class_names,)
        try:
            return (*self._masks.paths, *self._pictures.files, *names)
        except (DataMissing, TruthError):
            return names

    def warnings(self) -> Sequence[str]:
        """As `Task.warnings`: files that were left out."""
        return self._pictures.warning()

    def describe_data(self) -> Mapping[str, Any]:
        """The sample count, and the annotations where there are any."""
        described: dict[str, Any] = {"count": len(self), "pictures": str(self._pictures.path)}
        described |= self._pictures.left_out_facts
        try:
            masks = self._masks
        except (DataMissing, TruthError):
            return described | {"truth": None}
        if self._stored is not None:
            return described | {"truth": self._stored.source, "unused_annotations": 0}
        return described | {"truth": str(masks.path), "unused_annotations": self._unused(masks)}

    def _unused(self, masks: Masks) -> int:
        return len(set(masks.stems) - {self._pictures.stem(index) for index in range(len(self))})

    def _notes(self) -> list[str]:
        """What the truth has that the set does not ask for, unless the user wanted a part of it."""
        behind = [
            f"behind the {len(self):,} that count, {note}"
            for note in annotated_beyond(self._behind, self._options.class_count)
        ]
        if self._stored is not None or self._data.count is not None or not (unused := self._unused(self._masks)):
            return behind
        return [f"{unused:,} of the annotations in {self._masks.path} have no picture in the set: they do not count"]

    @property
    def _stored(self) -> StoredMasks | None:
        """The annotations that lie with the pictures, unless others are named."""
        return self._pictures.masks if self._data.truth is None else None

    @cached_property
    def _masks(self) -> Masks:
        if self._stored is not None:
            return Masks(self._stored)
        path = self._data.path
        patterns = ("annotations", "annotations.zip", f"{path.stem}_annotations.zip")
        return Masks.open(self._data.truth or find_truth(path, patterns))

    def _check_masks(self) -> None:
        names = self._names(self._pictures)
        self._masks.require(names)
        if self._stored is None:
            refuse_wrong_pair(self._pictures, self._masks.path)
        scored = False
        for index, stem in enumerate(names):
            labels = self._masks.read(stem)
            self._refuse_size(self._pictures, index, labels.shape)
            scored = scored or bool(np.any((labels > 0) & (labels < self._options.class_count)))
        if not scored:
            raise DataMissing(
                f"no annotation in {self._masks.path} has any of the classes 1 to {self._options.class_count - 1}"
            )
        self._behind  # noqa: B018 - looking at them is the check

    def _names(self, pictures: Pictures) -> Sequence[str]:
        """What the annotations of these pictures are called."""
        return pictures.names if self._stored is not None else stems(pictures)

    def _refuse_size(self, pictures: Pictures, index: int, shape: tuple[int, ...]) -> None:
        """Refuses an annotation that is neither of its picture's size nor square, as one for a model's input."""
        size = picture_size(pictures, index)
        if self._stored is not None and shape != size:
            raise DataMissing(
                f"{self._stored.name(pictures.names[index])} is {shape[0]}x{shape[1]}, but its picture is "
                f"{f'{size[0]}x{size[1]}' if size else 'without a header'}"
            )
        if shape[0] != shape[1] and shape != size:
            raise DataMissing(
                f"the annotation {pictures.stem(index)} in {self._masks.path} is {shape[0]}x{shape[1]}, which is "
                f"neither its picture's size {size or ''} nor square, as for a model's input"
            )

    @cached_property
    def _behind(self) -> Array:
        """Pixels of each class in the annotations behind the count that are decoded, int64 [256].

        Raises:
            DataMissing: One that the whole set's run would refuse.
            TruthError: Likewise.
        """
        whole, pixels = self._pictures.uncounted, np.zeros(MOST_CLASSES, np.int64)
        if len(whole) == len(self):
            return pixels
        masks = self._masks if self._stored is None or whole.masks is None else Masks(whole.masks)
        names = self._names(whole)
        masks.require(names)
        for index in range(len(self), len(whole)):
            shape: tuple[int, ...] = masks.whole_size(names[index])
            self._refuse_size(whole, index, shape)
            if pixels.sum() < _LOOKED_AT:
                pixels += np.bincount(masks.read(names[index]).ravel(), minlength=MOST_CLASSES)
        return pixels

    def _truth_for(self, index: int, size: tuple[int, ...]) -> Array:
        pictures = self._pictures
        labels = self._masks.read(pictures.names[index] if self._stored is not None else pictures.stem(index))
        height, width = size
        prepared_for = [(height, width), (ade20k.content_side(height), ade20k.content_side(width))]
        if labels.shape in prepared_for:
            return labels
        if labels.shape != picture_size(self._pictures, index):
            raise TruthError(
                f"the annotation of {self._pictures.names[index]} is {labels.shape[0]}x{labels.shape[1]}: neither the "
                f"class map's size ({height}x{width}) nor the picture's"
            )
        return ade20k.prepare_labels(labels, height, width)
