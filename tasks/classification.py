"""Image classification: which of the classes is in the picture?

The MLPerf mobile benchmark's task (MA flutter/cpp/datasets/imagenet.cc) for any model of one picture input and one
output of scores.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from accuracy.answers.log import Answer, Answers, Sample
from accuracy.answers.wire import unpack_labels
from accuracy.errors import TruthError
from accuracy.metric.label_readings import chance_of
from accuracy.metric.score import Score
from accuracy.metric.tally import Tally
from accuracy.topk import TopK
from accuracy.truth.class_names import ClassNames, names_in_model, read_class_names
from accuracy.truth.labels import TrueLabels, read_labels
from tasks.base import Codec, DataMissing, DataRef, ModelMismatch, Reading, Tensor
from tasks.codecs.classification import BEST, IMAGENET_CLASSES, ClassificationCodec, ClassificationOptions
from tasks.in_parts import InParts
from tasks.outputs.exhibits import Exhibition, Named, UInt8Array
from tasks.outputs.label_answers import (
    LABEL_LAYOUTS,
    exhibit_labels,
    rewrite_labels,
)
from tasks.outputs.readings import label_readings, numeric_order
from tasks.pictures.folders import Pictures
from tasks.pictures.published.wrong_pairs import refuse_wrong_pair
from tasks.pictures.sets import open_pictures
from tasks.pictures.shown import shown_picture
from tasks.pictures.stored_truth import StoredLabels
from tasks.sets.digests import StoredSamples
from tasks.sets.hub import is_hub_name
from tasks.sets.named_samples import labels_by_folder, names_in, refuse_contradictions, synset_place
from tasks.sets.truth_beside import find_truth

_FEWEST = 2
"""Classes of a classifier."""
_TRUTH_PATTERNS = ("labels.csv", "val_map.txt", "y_labels.csv")


class Classification(InParts):
    """Pictures and a label for each.

    In a folder or zip archive, with the labels in a file (accuracy.truth.labels); or in TFRecord files (tasks.pictures.records)
    or a Hugging Face data set (tasks.pictures.hub), with the labels beside the pictures.
    """

    Options = ClassificationOptions
    headline = "top1"
    metrics = ("top1", "top2", "top3", "top4", "top5")
    layouts = LABEL_LAYOUTS

    @classmethod
    def fit(
        cls, options: ClassificationOptions, score_columns: int | None, names: ClassNames | None = None
    ) -> ClassificationOptions:
        """As `Task.fit`: the classes that labels may name, and which of the model's come before them.

        Raises:
            ModelMismatch: The names are not as many as the model's classes.
        """
        names = names or _names_of(options)
        if names is not None and not names.sure and not _may_be(names, score_columns):
            names, options = None, replace(options, packed_names=None)
        said = options.class_names is not None or options.num_classes is not None
        if names is not None and not said and _hides_background(names, score_columns):
            names, options = None, replace(options, packed_names=None)
        if score_columns is None and names is not None and options.num_classes is None:
            # As many as are named, for the log of a model that is not at hand.
            return replace(options, num_classes=len(names) - names.opens_with_background)
        return options if score_columns is None else _fitted(options, score_columns, names)

    def __init__(self, data: DataRef, options: ClassificationOptions) -> None:
        """Finds the pictures; the labels are looked for when they are needed."""
        self._data = data
        self._options = options
        self._pictures = open_pictures(data.path, data.count, by_class=True)

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self._pictures)

    def codec(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Codec:
        """Binds the task to a model of one picture input and one output of scores."""
        return ClassificationCodec(self._pictures, self._options, inputs, outputs)

    def check_truth(self) -> None:
        """Reads the labels: one for each picture, also of those behind a count, and not known to be another set's?"""
        try:
            if self._stored is None:
                refuse_wrong_pair(self._pictures, self._truth)
                self._file.check()
            options, truth = self._options, str(self.describe_data()["truth"])
            place_of = synset_place(options.class_count, _names_of(options))
            refuse_contradictions(self._pictures.names, self._labels, place_of, truth)
            refuse_contradictions(self._pictures.uncounted.names, self._whole_labels, place_of, truth)
        except TruthError as error:
            raise DataMissing(str(error)) from None

    def tally(self, answers: Iterable[Answer]) -> Tally:
        """As `InParts.tally`: whether the label is the best, and one of the five best, where an answer holds five."""
        metric = TopK((1, min(BEST, self._options.class_count)))
        for index, data in answers:
            with Sample(index, self._pictures.names):
                labels = unpack_labels(data, self._options.class_count, self._options.log_dtype)
            metric.update(labels, self._labels[index])
        return metric.tally()

    def figures(self, tally: Tally) -> Score:
        """`top1`, and `top5` where each answer holds five labels."""
        options, notes, only = self._options, [], set(self._labels)
        if len(only) == 1 and len(self) > 1:
            notes.append(f"all pictures are of one class, {only.pop()}: a model that always says so has them right")
        if (stored := self._stored) is not None:
            notes += stored.by_place_alone(options.class_count, options.first_label, _names_of(options))
        return TopK.of(tally).score("pictures").with_notes(notes)

    def exhibits(self, answers: Iterable[Answer], most: int) -> Exhibition:
        """As `Task.exhibits`: the pictures, and which class was taken for which."""

        def named() -> Iterator[Named]:
            for index, data in answers:
                with Sample(index, self._pictures.names):
                    labels = unpack_labels(data, self._options.class_count, self._options.log_dtype)
                yield Named(index, tuple(labels), self._labels[index])

        return exhibit_labels(named(), most, self._pictures.names, self._name_of, self._shown)

    def _name_of(self, label: int) -> str:
        options, names = self._options, _names_of(self._options)
        if names is not None:
            listed: Sequence[str] = names.names[1:] if names.opens_with_background else names.names
        else:
            listed = options.shown_names or ()
        return listed[label] if label < len(listed) else f"class {label}"

    def _shown(self, index: int) -> UInt8Array | None:
        return shown_picture(self._pictures, index)

    def chance(self) -> float:
        """As `Task.chance`."""
        return chance_of(self._options.class_count)

    def readings(self, answers: Answers) -> Iterable[Reading]:
        """As `Task.readings`: see `label_readings`."""
        del answers
        options = self._options
        numeric = None if self._stored is not None else self._file.in_order(numeric_order(self._pictures.all_names))
        truth = None if numeric is None else [numeric[name] for name in self._pictures.names]
        return label_readings(self._pictures.names, self._labels, options.class_count, options.log_dtype, truth)

    def rewrite(self, answers: Iterable[Answer], target: Self) -> Iterator[Answer]:
        """As `Task.rewrite`."""
        return rewrite_labels(answers, self._options.class_count, self._options.log_dtype, target._options.log_dtype)

    def describe_data(self) -> Mapping[str, Any]:
        """The sample count, where the pictures lie, the profile, and the labels where there are any."""
        try:
            truth: str | None = str(self._truth) if self._stored is None else self._stored.source
        except DataMissing:
            truth = None
        return {
            "count": len(self),
            "pictures": str(self._pictures.path),
            "order": self._pictures.order,
            "profile": self._options.profile,
            "truth": truth,
            **self._pictures.left_out_facts,
        }

    def stored_samples(self) -> StoredSamples:
        """As `Task.stored_samples`: the pictures."""
        return self._pictures

    def files(self) -> Sequence[Path]:
        """As `Task.files`: the labels, unless they are stored with the pictures, and names of classes."""
        names = () if self._options.class_names is None else (self._options.class_names,)
        with contextlib.suppress(DataMissing):
            if self._stored is None:
                return (self._truth, *names)
        return (*self._pictures.files, *names)

    def named_only(self) -> Sequence[Path]:
        """As `Task.named_only`: the truth is held against names alone."""
        return self._pictures.behind

    def warnings(self) -> Sequence[str]:
        """As `Task.warnings`: files that were left out, an option that changes nothing."""
        first = self._options.first_label
        if first is None or (self._data.truth is None and self._pictures.labels is not None):
            return self._pictures.warning()
        unused = f"dataset.first_label {first} changes nothing: labels in a file count from 0"
        return (*self._pictures.warning(), unused)

    @cached_property
    def _truth(self) -> Path:
        if self._data.truth is None and is_hub_name(self._data.path):
            raise DataMissing(f"{self._data.path} has no column of labels. Name a file of labels with --truth.")
        return self._data.truth or find_truth(self._data.path, _TRUTH_PATTERNS)

    @property
    def _stored(self) -> StoredLabels | None:
        """The labels that lie with the pictures, unless others are named.

        Raises:
            DataMissing: The folders are classes, and a file of labels lies among them.
        """
        return self._stored_with(self._pictures)

    def _stored_with(self, pictures: Pictures) -> StoredLabels | None:
        return labels_by_folder(pictures, self._data.truth, self._data.path, _TRUTH_PATTERNS)

    @cached_property
    def _labels(self) -> Sequence[int]:
        return self._whole_labels[: len(self)]

    @cached_property
    def _whole_labels(self) -> Sequence[int]:
        """Those behind a count as well: they too say whether the truth is the set's, and how it counts."""
        count, names, pictures = self._options.class_count, _names_of(self._options), self._pictures.uncounted
        if (stored := self._stored_with(pictures)) is not None:
            return stored.of_classes(pictures.names, count, self._options.first_label, names)
        return self._file.match(names_in(self._file.names, pictures.names), len(pictures.all_names))

    @cached_property
    def _file(self) -> TrueLabels:
        return read_labels(self._truth, self._options.class_count, _names_of(self._options))


def _fitted(options: ClassificationOptions, columns: int, names: ClassNames | None) -> ClassificationOptions:
    """The options with the class count and offset of a model of so many scores, where they are open."""
    if options.num_classes is not None and options.offset is not None:
        return options
    if options.num_classes is not None:
        surplus = columns - options.num_classes
        return replace(options, offset=surplus) if surplus in (0, 1) else options
    if options.offset is not None and columns == IMAGENET_CLASSES + 1:
        # 0 would let ImageNet's labels name the background and all others one class too low: it must be said in full.
        return replace(options, num_classes=IMAGENET_CLASSES)
    offset = _background(columns, names) if options.offset is None else options.offset
    if columns - offset < _FEWEST:
        raise ModelMismatch(f"the model has {columns} classes: with offset {offset} a classifier needs {_FEWEST} more")
    return replace(options, num_classes=columns - offset, offset=offset)


def _may_be(names: ClassNames, columns: int | None) -> bool:
    """Whether so many names may be those of a model with so many scores, its background among them or not."""
    shown = len(names) - names.opens_with_background
    return columns is None or columns in (shown, shown + 1)


def _hides_background(names: ClassNames, columns: int | None) -> bool:
    """Whether a packed list of 1001 may be ImageNet's with a background called "dummy" or nothing: nobody says it has none."""
    return not names.sure and columns == len(names) == IMAGENET_CLASSES + 1 and not names.opens_with_background


def _background(columns: int, names: ClassNames | None) -> int:
    """How many of the model's first classes are its background, 0 or 1."""
    if names is None:
        return int(columns == IMAGENET_CLASSES + 1)
    if len(names) == columns:
        return int(names.opens_with_background)
    if len(names) == columns - 1 and not names.opens_with_background:
        return 1
    if len(names) == columns + 1 and names.opens_with_background:
        return 0
    raise ModelMismatch(
        f"{names.source} has {len(names)} names, but the model has {columns} classes: are they the names of this model?"
    )


def _names_of(options: ClassificationOptions) -> ClassNames | None:
    """The names of the model's classes, where the user has given them, or its file."""
    if options.class_names is not None:
        return read_class_names(options.class_names)
    return None if options.packed_names is None else names_in_model(options.packed_names)
