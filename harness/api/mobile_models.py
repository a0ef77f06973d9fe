"""The models of the mobile tasks, open for questions: pictures, recordings and questions in, answers out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from accuracy.answers import grids, wire
from accuracy.answers.spans import BestAnswers
from accuracy.answers.squad_text import split_words
from accuracy.truth.squad import Question
from backends.base import TensorSpec
from harness.api.answers import Box, Boxes, Label, Labels, Mask, Text, Upscaled
from harness.api.base import Model
from harness.api.inputs import Picture, as_npy, names_for, read_features, read_pixels
from harness.errors import ConfigError, RunFailed
from harness.zoo.builtin.sets import builtin_path
from harness.zoo.files.official import cache_dir
from tasks.base import Array
from tasks.codecs.classification import ClassificationCodec
from tasks.codecs.detection import DetectionCodec
from tasks.codecs.keyword_spotting import WORDS, KeywordSpottingCodec
from tasks.codecs.question_answering import WindowBinding, window_shapes
from tasks.codecs.segmentation import SegmentationCodec
from tasks.codecs.super_resolution import SuperResolutionCodec, open_layout, sized
from tasks.detection import names_by_category
from tasks.outputs.label_answers import BestLabels, scores_of
from tasks.outputs.map_classes import names_of_maps
from tasks.pictures.folders import Pictures
from tasks.pictures.published import ade20k
from tasks.text.squad_files import VOCABULARY
from tasks.text.text_windows import TextWindows
from tasks.text.wordpiece import WordPiece

_BEST = 5


class Classifier(Model):
    """Says what is in a picture: `classify("cat.jpg").labels`."""

    task = "classification"

    def _bind(self, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> None:
        self._codec = ClassificationCodec(Pictures.none(), self._options, inputs, outputs)
        self._scores = outputs[0]
        shown, count = self._options.shown_names, self._options.class_count
        names = self._named(lambda names: names_for(names, count))
        self._names = names or (shown if shown is not None and len(shown) == count else None)

    def __call__(self, picture: Picture) -> Labels:
        """The five best labels.

        Raises:
            tasks.base.DataMissing: The picture cannot be read.
        """
        name, pixels = read_pixels(picture)
        outputs = self._invoke(self._codec.prepare(name, as_npy(pixels)))
        best = wire.unpack_labels(self._codec.postprocess(outputs), self._options.class_count, self._options.log_dtype)
        return _labels(best, scores_of(outputs[0], self._scores)[self._codec.offset :], self._names)


class KeywordSpotter(Model):
    """Says which of 12 words is in a second of speech: `hear("yes.wav").labels`; MLPerf Tiny's feature files will do too."""

    task = "keyword_spotting"

    def _bind(self, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> None:
        self._codec = KeywordSpottingCodec(Pictures.none(), self._options, inputs, outputs)
        self._scores = outputs[0]
        self._names = names_for(self._listed, len(WORDS)) or WORDS

    def __call__(self, features: str | Path | bytes | npt.NDArray[np.int8]) -> Labels:
        """The five best words.

        Args:
            features: A recording of 16 kHz (`.wav`) or its bytes; or a `.bin` file, its bytes, or int8 [49, 10]: MFCC
                features, quantised as the options say.

        Raises:
            tasks.base.DataMissing: Neither.
        """
        name, data = read_features(features)
        outputs = self._invoke(self._codec.prepare(name, data))
        best = wire.unpack_labels(BestLabels(_BEST, 0, "int32").answer(outputs), len(WORDS), "int32")
        return _labels(best, scores_of(outputs[0], self._scores), self._names)


class Detector(Model):
    """Says what is where in a picture: `detect("street.jpg").boxes`."""

    task = "detection"

    def _bind(self, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> None:
        self._codec = DetectionCodec(Pictures.none(), self._options, inputs, outputs)
        self._answer = self._codec.answerer()
        self._name_of = self._named(lambda names: names_by_category(names, self._options, self._score_columns)) or {}

    def __call__(self, picture: Picture) -> Boxes:
        """All boxes; the option `score_threshold` leaves out unsure ones.

        Raises:
            tasks.base.DataMissing: The picture cannot be read.
            tasks.base.ModelMismatch: The first boxes are no fractions of the picture's sides.
            RunFailed: The model's boxes are no numbers.
        """
        name, pixels = read_pixels(picture)
        outputs = self._invoke(self._codec.prepare(name, as_npy(pixels)))
        rows = wire.unpack_detections(self._answer(outputs))
        if not np.isfinite(rows).all():
            raise RunFailed(f"the model answered values that are no numbers for {name}")
        height, width = pixels.shape[:2]
        boxes = []
        for _, top, left, bottom, right, score, category in rows.tolist():
            boxes.append(
                Box(
                    self._name_of.get(int(category)) or str(int(category)),
                    score,
                    left * width,
                    top * height,
                    right * width,
                    bottom * height,
                    int(category),
                )
            )
        return Boxes(tuple(boxes), pixels)


class Segmenter(Model):
    """Says what each pixel of a picture is of: `segment("room.jpg").draw("mask.png")`."""

    task = "segmentation"

    def _bind(self, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> None:
        self._codec = SegmentationCodec(Pictures.none(), self._options, inputs, outputs)
        self._answer = self._codec.answerer()
        self._names = self._named(lambda names: names_of_maps(names, self._options.num_classes)) or ()

    def __call__(self, picture: Picture) -> Mask:
        """The class of every pixel of the picture.

        Raises:
            tasks.base.DataMissing: The picture cannot be read.
            tasks.base.ModelMismatch: The first answer is no map of classes.
        """
        name, pixels = read_pixels(picture)
        outputs = self._invoke(self._codec.prepare(name, as_npy(pixels)))
        prepared = grids.unpack_class_map(self._answer(outputs))
        class_map = ade20k.restore_labels(prepared, *pixels.shape[:2])
        names = self._names
        there = np.unique(class_map).tolist()
        return Mask(
            class_map,
            {number: names[number] if number < len(names) else str(number) for number in there},
            pixels,
        )


_BEFORE_THE_FIRST = (16, 16)
"""Height and width of a model of any size before its first picture is known."""


class SuperResolver(Model):
    """Makes a picture larger: `enlarge("small.png").picture`."""

    task = "super_resolution"

    def _shapes(self, inputs: Sequence[TensorSpec]) -> Sequence[tuple[int, ...]] | None:
        # Such a model is resized to each picture, when it is known.
        self._open_layout = open_layout(inputs)
        if self._open_layout is not None:
            self._options = replace(self._options, layout=self._open_layout)
            return [sized(self._open_layout, *_BEFORE_THE_FIRST)]
        return None

    def _bind(self, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> None:
        self._codec = SuperResolutionCodec(Pictures.none(), self._options, inputs, outputs)

    def __call__(self, picture: Picture) -> Upscaled:
        """The picture, `scale` times as wide and high.

        Raises:
            tasks.base.DataMissing: The picture cannot be read, or has another size than the model takes.
        """
        name, pixels = read_pixels(picture)
        if self._open_layout is not None and self._codec.size != pixels.shape[:2]:
            self._reopen([sized(self._open_layout, *pixels.shape[:2])])
        outputs = self._invoke(self._codec.prepare(name, as_npy(pixels)))
        return Upscaled(grids.unpack_picture(self._codec.postprocess(outputs)))


class QuestionAnswerer(Model):
    """Finds the answer to a question in a text: `ask("Who ...?", context="...").text`."""

    task = "question_answering"

    def _shapes(self, inputs: Sequence[TensorSpec]) -> Sequence[tuple[int, ...]] | None:
        return window_shapes(inputs, self._options.max_seq_length)

    def _bind(self, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> None:
        self._binding = WindowBinding(self._options, inputs, outputs)
        self._wordpiece = WordPiece(self._vocabulary())

    def __call__(self, question: str, *, context: str) -> Text:
        """The piece of the context that answers the question.

        A context that is too long for one window is seen through several, as in a run.

        Raises:
            ValueError: The question or the context has no word in it.
        """
        for what, text in (("question", question), ("context", context)):
            if not split_words(text):
                raise ValueError(f"the {what} {text!r} has no word in it")
        options = self._options
        windows = TextWindows(
            Path("context"),
            self._wordpiece,
            sequence=options.max_seq_length,
            doc_stride=options.doc_stride,
            max_query_length=options.max_query_length,
            questions=[Question("asked", question, context, ())],
        )
        best = BestAnswers(n_best=options.n_best, max_answer_length=options.max_answer_length)
        for index in range(len(windows)):
            answer = self._binding.postprocess(self._invoke(self._binding.prepare(windows.inputs(index))))
            start, end = wire.unpack_logits(answer, windows.sequence, options.layout, options.log_dtype)
            best.update(index, windows.window(index), start, end)
        return Text(best.texts(lambda _: split_words(context)).get("asked"))

    def _vocabulary(self) -> Path:
        """The option `vocab`; else the file beside the model; else, for a stand-in, the built-in set's."""
        if self._options.vocab is not None:
            return Path(self._options.vocab)
        beside = self.model.path.parent / VOCABULARY
        if self.model.source != "standin" and not beside.is_file():
            raise ConfigError(
                f"no {VOCABULARY} beside {self.model.path}: name the vocabulary that the model was trained with, "
                f"open_model(..., vocab=PATH)"
            )
        return beside if beside.is_file() else builtin_path("squad", cache_dir() / "builtin") / VOCABULARY


def _labels(best: Sequence[int], scores: Array, names: Sequence[str] | None) -> Labels:
    return Labels(
        tuple(Label(str(index) if names is None else names[index], float(scores[index]), index) for index in best)
    )
