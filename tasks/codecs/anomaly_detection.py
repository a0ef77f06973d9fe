"""Anomaly detection bound to one model: the windows of a recording in, an anomaly score out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tasks.audio.front_ends import LOG_MEL_BANDS
from tasks.base import Array, Codec, DataMissing, ModelMismatch, Tensor
from tasks.outputs.label_answers import only_input
from tasks.outputs.raw_answers import RawAnswer, quantise


@dataclass(frozen=True)
class AnomalyDetectionOptions:
    """What may be chosen of anomaly detection."""

    window: int = 5
    """Frames of one window, which the model takes one behind the other."""
    first_frame: int = 50
    """Of a WAV's log-mel frames, the first that counts: the reference leaves out the ends of its 10 s (50 to 250 of 313)."""
    frame_count: int | None = 200
    """How many count from there, where there are so many; null for all. Feature files are used whole."""
    convert: bool = False
    """Whether recordings of another rate, depth or number of channels than 16 kHz, 16 bits and one are converted; else they are
    refused."""

    def __post_init__(self) -> None:
        """Refuses numbers that make no sense."""
        if self.window < 1:
            raise ValueError(f"window is {self.window}, but must be 1 or more")
        if self.first_frame < 0:
            raise ValueError(f"first_frame is {self.first_frame}, but must be 0 or more")
        if self.frame_count is not None and self.frame_count < self.window:
            raise ValueError(f"frame_count is {self.frame_count}, but a window alone has {self.window}")


def _no_window(index: int) -> Array:
    raise DataMissing(f"there is no sample {index}: the model was opened without data")


class AnomalyCodec(Codec):
    """Anomaly detection bound to one model. Neighbouring windows share their recording's features, so that no cache pays."""

    def __init__(
        self,
        window_frames: int,
        inputs: Sequence[Tensor],
        outputs: Sequence[Tensor],
        window: Callable[[int], Array] = _no_window,
    ) -> None:
        """Holds the model's tensors against the task.

        Args:
            window_frames: Frames of one window.
            inputs: The model's.
            outputs: Likewise.
            window: A sample's window, float32.

        Raises:
            ModelMismatch: Not one input of a window, and one output of as many values.
        """
        self._window = window
        self._input = only_input(inputs)
        wanted = window_frames * LOG_MEL_BANDS
        for tensor in (self._input, *outputs):
            fits = int(np.prod(tensor.shape)) == wanted and tensor.dtype.name in ("float32", "int8", "uint8")
            if not fits or len(outputs) != 1:
                raise ModelMismatch(
                    f"{tensor.name} is {tensor.dtype} {list(tensor.shape)}, but anomaly detection needs one input and one "
                    f"output of {wanted} values in float32 or int8: {window_frames} frames of {LOG_MEL_BANDS} bands"
                )
        self._answer = RawAnswer(outputs, 0)

    def preprocess(self, index: int) -> tuple[Array, ...]:
        """One window of the set."""
        return self.encode(self._window(index))

    def encode(self, window: Array) -> tuple[Array, ...]:
        """One window, float32; int8 is rounded to the nearest."""
        return (quantise(window, self._input),)

    def postprocess(self, outputs: Sequence[Array]) -> bytes:
        """The window as the model gives it."""
        return self._answer.answer(outputs)
