"""Keyword spotting bound to one model: a second of sound or its features in, the best word out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from accuracy.answers.wire import LabelDtype
from tasks.audio.front_ends import MFCC_FRAMES, MFCCS, RATE, mfcc, quantised_features
from tasks.audio.wav import is_wav, read_wav
from tasks.base import Array, DataMissing, ModelMismatch, Postprocess, Tensor
from tasks.outputs.label_answers import (
    BestLabel,
    only_input,
    score_count,
)
from tasks.pictures.file_codec import FileCodec
from tasks.pictures.folders import Pictures

FRAMES, FEATURES = MFCC_FRAMES, MFCCS
WORDS = ("down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes", "silence", "unknown")
"""The classes in order (TINY benchmark/training/keyword_spotting)."""
CLASSES = len(WORDS)
_FILE_BYTES = FRAMES * FEATURES
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
