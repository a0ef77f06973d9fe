"""Models of the tiny tasks, open for questions: see `harness.api.mobile_models`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from accuracy.answers.raw_tensors import unpack_tensor
from accuracy.truth.boxes.coco_names import COCO_NAMES
from backends.base import TensorSpec
from harness.api.answers import Heard, Points, Suspicion
from harness.api.base import Model
from harness.api.inputs import Picture, as_npy, names_for, read_file, read_pixels
from harness.api.mobile_models import Detector
from tasks.anomaly_detection import windows_of
from tasks.codecs.anomaly_detection import AnomalyCodec
from tasks.codecs.landmarks import LandmarkCodec
from tasks.codecs.wake_word import WakeWordCodec
from tasks.codecs.yolo_detection import YoloCodec
from tasks.pictures.folders import Pictures
from tasks.wake_word import moments_of, time_of


class YoloDetector(Detector):
    """As `Detector`, by YOLO's heads: see the options of `tasks.yolo_detection`."""

    task = "yolo_detection"

    def _bind(self, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> None:
        options = self._options
        self._codec = YoloCodec(Pictures.none(), options, inputs, outputs)
        self._answer = self._codec.answerer()
        names = names_for(self._listed, options.classes)
        if names is None and options.category_ids == "coco":
            names = COCO_NAMES[: options.classes]
        self._name_of = {} if names is None else dict(enumerate(names, options.class_offset))


class Landmarker(Model):
    """Says where the points of a face, hand or body are: `find("face.jpg").draw("points.png")`."""

    task = "landmarks"

    def _bind(self, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> None:
        self._codec = LandmarkCodec(Pictures.none(), self._options, inputs, outputs)
        self._answer = self._codec.answerer()

    def __call__(self, picture: Picture) -> Points:
        """The points, in pixels of the picture.

        Raises:
            tasks.base.DataMissing: The picture cannot be read.
            tasks.base.ModelMismatch: The first points are no fractions of the picture, where the option `size` says so.
        """
        name, pixels = read_pixels(picture)
        outputs = self._invoke(self._codec.prepare(name, as_npy(pixels)))
        options = self._options
        values = unpack_tensor(self._answer(outputs), options.points * options.values_per_point)
        return Points(options.in_picture(values, *pixels.shape[:2]), pixels)


class AnomalyDetector(Model):
    """Says how far a machine's recording is from what it should be: `suspect("pump.wav").score`."""

    task = "anomaly_detection"

    def _bind(self, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> None:
        self._codec = AnomalyCodec(self._options.window, inputs, outputs)

    def __call__(self, recording: str | Path | bytes) -> Suspicion:
        """The recording's score: the mean over its windows of the error of what the model gives back.

        Args:
            recording: A `.wav` or feature file, or its bytes.

        Raises:
            tasks.base.DataMissing: Neither, or shorter than a window.
        """
        name, data = read_file(recording)
        errors = []
        for window in windows_of(name, data, self._options):
            outputs = self._invoke(self._codec.encode(window))
            found = unpack_tensor(self._codec.postprocess(outputs), window.size)
            errors.append(float(np.mean(np.square(window - found), dtype=np.float64)))
        return Suspicion(float(np.mean(errors)), tuple(errors))


class WakeWordListener(Model):
    """Says when a wake word is said in a stream: `listen("stream.wav").times_s`."""

    task = "wake_word"

    def _bind(self, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> None:
        self._codec = WakeWordCodec(self._options, inputs, outputs)

    def __call__(self, stream: str | Path | bytes) -> Heard:
        """Every moment at which the model is surer than the option `threshold`.

        Args:
            stream: A `.wav` file, or its bytes.

        Raises:
            tasks.base.DataMissing: No such recording, or shorter than one moment.
        """
        options = self._options
        name, data = read_file(stream)
        chances = []
        for moment in moments_of(name, data, options):
            outputs = self._invoke(self._codec.encode(moment))
            chances.append(float(unpack_tensor(self._codec.postprocess(outputs), options.classes)[options.wake_class]))
        times = [time_of(place, options) for place, chance in enumerate(chances) if chance > options.threshold]
        return Heard(tuple(times), tuple(chances))
