"""Keyword spotting: which of 12 words is said? MLPerf Tiny's task, on recordings or on its feature files.

A `.wav` file is one second of speech at 16 kHz, of which `tasks.audio.front_ends.mfcc` makes the features. A `.bin` file holds
them as 49 x 10 int8, quantised as the reference model's input is (TINY benchmark/training/keyword_spotting).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from accuracy.answers.log import Answer, Sample
from accuracy.answers.wire import LabelDtype, unpack_labels
from accuracy.errors import TruthError
from accuracy.metric.score import Score
from accuracy.metric.tally import Tally
from accuracy.topk import TopK
from accuracy.truth.class_names import ClassNames
from accuracy.truth.labels import Labels, read_labels
from tasks.audio.front_ends import MFCC_FRAMES, MFCCS, RATE, mfcc, quantised_features
from tasks.audio.speech_commands import in_order, labels_of_folders, listed_for_testing
from tasks.audio.wav import is_wav, read_wav
from tasks.base import Array, Codec, DataMissing, DataRef, ModelMismatch, Postprocess, Reading, Tensor, find_truth
from tasks.in_parts import InParts
from tasks.outputs.exhibits import Exhibition, Named
from tasks.outputs.label_answers import (
    LABEL_LAYOUTS,
    BestLabel,
    exhibit_labels,
    only_input,
    rewrite_labels,
    score_count,
)
from tasks.outputs.readings import chance_of, label_readings, numeric_order
from tasks.pictures.folders import FileCodec, Pictures
from tasks.pictures.stored_truth import StoredLabels
from tasks.sets.digests import StoredSamples
from tasks.sets.named_samples import labels_by_folder, names_in, refuse_contradictions, word_place

FRAMES, FEATURES = MFCC_FRAMES, MFCCS
WORDS = ("down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes", "silence", "unknown")
"""The classes in order (TINY benchmark/training/keyword_spotting)."""
CLASSES = len(WORDS)
_WORDS = ClassNames(WORDS, "the 12 words of keyword spotting")
_TRUTH_PATTERNS = ("y_labels.csv",)
_FILE_BYTES = FRAMES * FEATURES
SUFFIXES = (".bin", ".wav")
_NEAR = 8
"""Steps: how far from the zero point the median of features may be, and still be around it."""
_ROUGH = 1.2
"""So many times larger a step between frames than between neighbours tells that the rows are not the frames; noise has 1."""


@dataclass(frozen=True)
class KeywordSpottingOptions:
    """What may be chosen of keyword spotting."""

    scale: float = 0.5847029089927673
    """Of the features in the files: the input quantisation of the MLPerf Tiny reference model."""
    zero_point: int = 83
    """As `scale`."""
    convert: bool = False
    """Whether recordings of another rate, depth or number of channels than 16 kHz, 16 bits and one are converted; else they are
    refused."""
    log_dtype: LabelDtype = "float32"
    """The type of the logged label."""

    def __post_init__(self) -> None:
        """Refuses numbers that make no sense."""
        if not self.scale > 0:
            raise ValueError(f"scale is {self.scale}, but must be more than 0")
        if not -128 <= self.zero_point <= 127:
            raise ValueError(f"zero_point is {self.zero_point}, but must be an int8")


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

    def readings(self) -> Iterable[Reading]:
        """As `Task.readings`: see `label_readings`."""
        numeric = None if self._stored is not None else self._file.in_order(numeric_order(self._files.all_names))
        truth = None if numeric is None else [numeric[name] for name in self._files.names]
        return label_readings(self._files.names, self._labels, CLASSES, self._options.log_dtype, truth)

    def rewrite(self, answers: Iterable[Answer], target: Self) -> Iterator[Answer]:
        """As `Task.rewrite`."""
        return rewrite_labels(answers, CLASSES, self._options.log_dtype, target._options.log_dtype)

    def describe_data(self) -> Mapping[str, Any]:
        """The sample count, where the features lie, and the labels where there are any."""
        try:
            truth: str | None = str(self._truth) if self._stored is None else self._stored.source
        except DataMissing:
            truth = None
        return {"count": len(self), "features": str(self._files.path), "order": "file names", "truth": truth}

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

    @property
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
    def _file(self) -> Labels:
        return read_labels(self._truth, CLASSES)


class KeywordSpottingCodec(FileCodec):
    """Keyword spotting bound to one model. Reading 490 bytes is so cheap, and a second's MFCCs so quick, that no cache pays."""

    def __init__(
        self, files: Pictures, options: KeywordSpottingOptions, inputs: Sequence[Tensor], outputs: Sequence[Tensor]
    ) -> None:
        """Holds the model's tensors against the task.

        Raises:
            ModelMismatch: Not one input of 49 x 10 features in int8 or float32, or not 12 scores.
        """
        super().__init__(files)
        self._options = options
        self._input = _feature_input(inputs)
        if (count := score_count(outputs)) != CLASSES:
            raise ModelMismatch(f"output {outputs[0].name} has {count} classes, but keyword spotting has {CLASSES}")
        self._answers = BestLabel(CLASSES, 0, options.log_dtype)

    def prepare(self, name: str, data: bytes) -> tuple[Array, ...]:
        """A recording's features, or the bytes of a feature file.

        The bytes as they are where the model is quantised as they are; else dequantised, or quantised anew.
        """
        if is_wav(data) or name.lower().endswith(".wav"):
            return (self._of_recording(read_wav(data, name, RATE, convert=self._options.convert)),)
        if len(data) != _FILE_BYTES:
            raise DataMissing(
                f"{name} has {len(data)} bytes, but a feature file has {_FILE_BYTES}: {FRAMES} x {FEATURES} int8"
            )
        stored = np.frombuffer(data, np.int8).reshape(self._input.shape)
        if doubt := other_reading(stored.reshape(FRAMES, FEATURES), self._options.zero_point):
            raise DataMissing(f"{name} {doubt}: a feature file is {FRAMES} frames of {FEATURES} int8, frame by frame")
        if self._is_stored_quantisation():
            return (stored,)
        features = (stored.astype(np.float32) - np.float32(self._options.zero_point)) * np.float32(self._options.scale)
        if self._input.dtype == np.float32:
            return (features,)
        steps = np.rint(features / np.float32(self._input.scale)) + self._input.zero_point
        return (np.clip(steps, -128, 127).astype(np.int8),)

    def _of_recording(self, samples: Array) -> Array:
        """float32, or quantised by the reference's own rule with the model's own numbers."""
        features = mfcc(samples).reshape(self._input.shape)
        if self._input.dtype == np.float32:
            return features
        scale, zero_point = self._input.scale, self._input.zero_point
        if not scale:
            scale, zero_point = self._options.scale, self._options.zero_point
        return quantised_features(features, scale, zero_point)

    def postprocess(self, outputs: Sequence[Array]) -> bytes:
        """The best label."""
        return self._answers.answer(outputs)

    def answerer(self) -> Postprocess:
        """See `Codec.answerer`."""
        return self._answers.answerer()

    def _is_stored_quantisation(self) -> bool:
        if self._input.dtype == np.float32:
            return False
        same_scale = np.float32(self._input.scale) == np.float32(self._options.scale)
        return self._input.scale == 0 or (bool(same_scale) and self._input.zero_point == self._options.zero_point)


def other_reading(features: Array, zero_point: int) -> str | None:
    """How features look to be written, where that is plainly another way than as int8, frame by frame; else None.

    MFCC features lie around 0, which is the zero point, and change less from one frame to the next than from one
    coefficient to the next. Of the 500 samples of MLPerf Tiny the median is within 3 of the zero point, and the mean step
    between frames at most 0.6 of that between neighbours in the file; written transposed it is at least 1.3 of it.

    Args:
        features: int8 [49, 10].
        zero_point: Of the stored features.
    """
    values = features.astype(np.int16)
    middle, as_uint8 = float(np.median(values[:, 1:])), float(np.median((features ^ np.int8(-128))[:, 1:]))
    if abs(as_uint8 - zero_point) <= _NEAR < abs(middle - zero_point):
        return f"looks like uint8: read as int8 its median is {middle:g}, where features have about {zero_point}"
    between_frames = np.abs(np.diff(values, axis=0)).mean()
    in_file = np.abs(np.diff(values.reshape(-1))).mean()
    if abs(middle - zero_point) <= _NEAR and between_frames > _ROUGH * in_file > 0:
        return f"looks transposed, {FEATURES} rows of {FRAMES}: it changes more from frame to frame than within them"
    return None


def _feature_input(inputs: Sequence[Tensor]) -> Tensor:
    tensor = only_input(inputs)
    if tensor.shape not in ((1, FRAMES, FEATURES, 1), (1, FRAMES, FEATURES), (1, _FILE_BYTES)) or (
        tensor.dtype.name not in ("int8", "float32")
    ):
        raise ModelMismatch(
            f"input {tensor.name} is {tensor.dtype} {list(tensor.shape)}, but keyword spotting needs int8 or float32 "
            f"[1, {FRAMES}, {FEATURES}, 1]"
        )
    return tensor
