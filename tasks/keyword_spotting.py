"""Keyword spotting: which of 12 words is said? MLPerf Tiny's task, on recordings or on its feature files.

A `.wav` file is one second of speech at 16 kHz, of which `tasks.audio.front_ends.mfcc` makes the features. A `.bin` file holds
them as 49 x 10 int8, quantised as the reference model's input is (TINY benchmark/training/keyword_spotting).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from accuracy.answers.log import Answer, Answers, Sample
from accuracy.answers.wire import unpack_labels
from accuracy.errors import TruthError
from accuracy.metric.label_readings import chance_of
from accuracy.metric.label_readings import in_order as order_of_classes
from accuracy.metric.score import Score
from accuracy.metric.tally import Tally
from accuracy.topk import TopK
from accuracy.truth.class_names import ClassNames
from accuracy.truth.labels import TrueLabels, read_labels
from tasks.audio.speech_commands import in_order, labels_of_folders, listed_for_testing
from tasks.base import Codec, DataMissing, DataRef, Reading, Tensor
from tasks.codecs.keyword_spotting import CLASSES, WORDS, KeywordSpottingCodec, KeywordSpottingOptions
from tasks.in_parts import InParts
from tasks.outputs.exhibits import Exhibition, Named
from tasks.outputs.label_answers import (
    LABEL_LAYOUTS,
    exhibit_labels,
    rewrite_labels,
)
from tasks.outputs.readings import label_readings, numeric_order
from tasks.pictures.folders import Pictures
from tasks.pictures.stored_truth import StoredLabels
from tasks.sets.digests import StoredSamples
from tasks.sets.named_samples import labels_by_folder, names_in, refuse_contradictions, word_place
from tasks.sets.truth_beside import find_truth

_WORDS = ClassNames(WORDS, "the 12 words of keyword spotting")
_TRUTH_PATTERNS = ("y_labels.csv",)
_OTHER_ORDERS = (
    ("silence", "unknown", "yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go"),
    tuple(sorted(WORDS)),
)
"""Of the words, in other people's models: TensorFlow's speech_commands example, and the alphabet."""
SUFFIXES = (".bin", ".wav")


class KeywordSpotting(InParts):
    """Recordings or feature files in a folder or zip archive: with y_labels.csv, or in a folder a word as Speech Commands.

    Of those that Speech Commands' testing_list.txt names, where it lies with them, else of all.
    """

    Options = KeywordSpottingOptions
    headline = "top1"
    metrics = ("top1",)
    layouts = LABEL_LAYOUTS

    def __init__(self, data: DataRef, options: KeywordSpottingOptions) -> None:
        """Finds the feature files; the labels are looked for when they are needed."""
        self._data = data
        self._options = options
        listed = listed_for_testing(data.path)
        count = data.count if listed is None else None
        files = Pictures.open(data.path, count=count, suffixes=SUFFIXES, by_class=True)
        self._files = files if listed is None else files.select(in_order(files.names, listed), data.count)

    def __len__(self) -> int:
        """Number of feature files."""
        return len(self._files)

    def codec(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Codec:
        """Binds the task to a model of one input of 49 x 10 features and 12 scores; the best label is the answer."""
        return KeywordSpottingCodec(self._files, self._options, inputs, outputs)

    def check_truth(self) -> None:
        """Reads the labels: one for each file, also of those behind a count?"""
        try:
            truth = str(self.describe_data()["truth"])
            refuse_contradictions(self._files.names, self._labels, word_place(_WORDS), truth)
            refuse_contradictions(self._files.uncounted.names, self._whole_labels, word_place(_WORDS), truth)
        except TruthError as error:
            raise DataMissing(str(error)) from None

    def tally(self, answers: Iterable[Answer]) -> Tally:
        """As `InParts.tally`: whether the label is the one that was answered."""
        metric = TopK((1,))
        for index, data in answers:
            with Sample(index, self._files.names):
                labels = unpack_labels(data, CLASSES, self._options.log_dtype)
            metric.update(labels, self._labels[index])
        return metric.tally()

    def figures(self, tally: Tally) -> Score:
        """`top1`."""
        return TopK.of(tally).score("samples")

    def exhibits(self, answers: Iterable[Answer], most: int) -> Exhibition:
        """As `Task.exhibits`: names alone, and which word was taken for which."""

        def named() -> Iterator[Named]:
            for index, data in answers:
                with Sample(index, self._files.names):
                    labels = unpack_labels(data, CLASSES, self._options.log_dtype)
                yield Named(index, tuple(labels), self._labels[index])

        return exhibit_labels(named(), most, self._files.names, WORDS.__getitem__)

    def chance(self) -> float:
        """As `Task.chance`."""
        return chance_of(CLASSES)

    def readings(self, answers: Answers) -> Iterable[Reading]:
        """As `Task.readings`: see `label_readings`."""
        del answers
        numeric = None if self._stored is not None else self._file.in_order(numeric_order(self._files.all_names))
        truth = None if numeric is None else [numeric[name] for name in self._files.names]
        orders = [
            order_of_classes(
                f"the words in the order {', '.join(order[:4])}, ...",
                f"the model counts them so, and not as MLPerf Tiny's reference does ({', '.join(WORDS[:4])}, ...)",
                [WORDS.index(word) for word in order],
            )
            for order in _OTHER_ORDERS
        ]
        return label_readings(self._files.names, self._labels, CLASSES, self._options.log_dtype, truth, orders)

    def rewrite(self, answers: Iterable[Answer], target: Self) -> Iterator[Answer]:
        """As `Task.rewrite`."""
        return rewrite_labels(answers, CLASSES, self._options.log_dtype, target._options.log_dtype)

    def describe_data(self) -> Mapping[str, Any]:
        """The sample count, where the features lie, and the labels where there are any."""
        try:
            truth: str | None = str(self._truth) if self._stored is None else self._stored.source
        except DataMissing:
            truth = None
        described = {"count": len(self), "features": str(self._files.path), "order": "file names", "truth": truth}
        return {**described, **self._files.left_out_facts}

    def stored_samples(self) -> StoredSamples:
        """As `Task.stored_samples`: the feature files."""
        return self._files

    def files(self) -> Sequence[Path]:
        """As `Task.files`: the labels, where there are any."""
        with contextlib.suppress(DataMissing):
            if self._stored is None:
                return (self._truth,)
        return ()

    def named_only(self) -> Sequence[Path]:
        """As `Task.named_only`: the truth is held against names alone."""
        return self._files.behind

    def warnings(self) -> Sequence[str]:
        """As `Task.warnings`: files that were left out."""
        return self._files.warning()

    @cached_property
    def _truth(self) -> Path:
        return self._data.truth or find_truth(self._data.path, _TRUTH_PATTERNS)

    @property
    def _stored(self) -> StoredLabels | None:
        """The words that the folders name, unless labels are named."""
        return self._stored_with(self._files)

    def _stored_with(self, files: Pictures) -> StoredLabels | None:
        return labels_by_folder(files, self._data.truth, self._data.path, _TRUTH_PATTERNS)

    @cached_property
    def _labels(self) -> Sequence[int]:
        return self._whole_labels[: len(self)]

    @cached_property
    def _whole_labels(self) -> Sequence[int]:
        """Those behind a count as well: they too say whether the truth is the set's."""
        files = self._files.uncounted
        stored = self._stored_with(files)
        if stored is not None and any(name.lower().endswith(".wav") for name in files.names):
            return labels_of_folders(stored, WORDS)
        if stored is not None:
            return stored.of_classes(files.names, CLASSES, None, _WORDS)
        return self._file.match(names_in(self._file.names, files.names), len(files.all_names))

    @cached_property
    def _file(self) -> TrueLabels:
        return read_labels(self._truth, CLASSES)
