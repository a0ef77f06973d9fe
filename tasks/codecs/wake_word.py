"""A streaming wake word bound to one model: a moment of a stream in, its scores out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from accuracy.wake_word import HEARD_UNTIL_S
from tasks.audio.front_ends import WAKE_BANDS, quantised_features
from tasks.base import Array, Codec, DataMissing, ModelMismatch, Tensor
from tasks.outputs.label_answers import only_input, score_count
from tasks.outputs.raw_answers import RawAnswer

_MOST_LATE_S = 60.0


@dataclass(frozen=True)
class WakeWordOptions:
    """What may be chosen of the streaming wake word."""

    frames: int = 30
    """That the model sees at once."""
    classes: int = 3
    """Of the model."""
    wake_class: int = 0
    """The wake word among them."""
    threshold: float = 0.95
    """The word is detected where its probability is more."""
    heard_until_s: float = HEARD_UNTIL_S
    """How long after its end a word may be heard, as MLPerf Tiny's runner has it; its reference evaluation has 0.5."""
    convert: bool = False
    """Whether recordings of another rate, depth or number of channels than 16 kHz, 16 bits and one are converted; else they are
    refused."""

    def __post_init__(self) -> None:
        """Refuses numbers that make no sense."""
        if self.frames < 1:
            raise ValueError(f"frames is {self.frames}, but must be 1 or more")
        if not 0 <= self.wake_class < self.classes:
            raise ValueError(f"wake_class is {self.wake_class}, but must be 0 to {self.classes - 1}")
        if not 0 <= self.heard_until_s <= _MOST_LATE_S:
            raise ValueError(f"heard_until_s is {self.heard_until_s}, but must be 0 to {_MOST_LATE_S:g}")
        if not 0 <= self.threshold < 1:
            raise ValueError(f"threshold is {self.threshold}, but must be at least 0 and less than 1")


def _no_moment(index: int) -> Array:
    raise DataMissing(f"there is no sample {index}: the model was opened without data")


class WakeWordCodec(Codec):
    """The wake word bound to one model. Neighbouring samples share their stream's filter banks, so that no cache pays."""

    def __init__(
        self,
        options: WakeWordOptions,
        inputs: Sequence[Tensor],
        outputs: Sequence[Tensor],
        moment: Callable[[int], Array] = _no_moment,
    ) -> None:
        """Holds the model's tensors against the task.

        Args:
            options: Of the task.
            inputs: The model's.
            outputs: Likewise.
            moment: What the model sees at a sample's moment, float32 [frames, 40].

        Raises:
            ModelMismatch: Not one input of frames of 40 bands in int8 or float32, or not so many probabilities.
        """
        self._moment = moment
        self._input = only_input(inputs)
        wanted = options.frames * WAKE_BANDS
        if int(np.prod(self._input.shape)) != wanted or self._input.dtype.name not in ("int8", "float32"):
            raise ModelMismatch(
                f"input {self._input.name} is {self._input.dtype} {list(self._input.shape)}, but the wake word needs int8 or "
                f"float32 of {options.frames} frames of {WAKE_BANDS} bands"
            )
        if self._input.dtype == np.int8 and not self._input.scale:
            raise ModelMismatch(
                f"input {self._input.name} is int8 without a scale: nothing tells what its numbers mean"
            )
        if (count := score_count(outputs)) != options.classes:
            raise ModelMismatch(f"output {outputs[0].name} has {count} classes, but model.classes is {options.classes}")
        self._answer = RawAnswer(outputs, 0)

    def preprocess(self, index: int) -> tuple[Array, ...]:
        """What the model sees at one moment of the set."""
        return self.encode(self._moment(index))

    def encode(self, moment: Array) -> tuple[Array, ...]:
        """What it sees at one moment, float32; int8 is cut towards 0, as the reference does."""
        seen = moment.reshape(self._input.shape)
        if self._input.dtype == np.float32:
            return (np.ascontiguousarray(seen),)
        return (quantised_features(seen, self._input.scale, self._input.zero_point),)

    def postprocess(self, outputs: Sequence[Array]) -> bytes:
        """The probabilities as the model gives them."""
        return self._answer.answer(outputs)
