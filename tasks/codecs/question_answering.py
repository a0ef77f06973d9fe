"""Question answering bound to one model: a window of a paragraph in, the logits of its answer out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from accuracy.answers.wire import LogitDtype, LogitLayout, pack_logits
from accuracy.truth.squad import Question
from tasks.base import Array, Codec, ModelMismatch, Prepared, Tensor
from tasks.sets.digests import Digest
from tasks.text.binding import InputRole, OutputRole, bind_inputs, bind_outputs
from tasks.text.windows import Inputs, Windows

_INPUT_TYPES = ("int32", "int64", "float32")
_OUTPUT_TYPES = ("float32", "float16", "int8", "uint8", "int16")


@dataclass(frozen=True)
class QuestionAnsweringOptions:
    """How questions are cut into windows, how the model's tensors are found, and how answers are chosen and logged."""

    vocab: Path | None = None
    """WordPiece vocabulary, one token a line; null for `vocab.txt` beside the JSON. Windows in a tfrecord need none."""
    max_seq_length: int = 384
    """Tokens of a window; the model's sequence length must be the same."""
    doc_stride: int = 128
    """Context tokens from one window's start to the next one's (JSON only)."""
    max_query_length: int = 64
    """Question tokens beyond it are dropped (JSON only)."""
    n_best: int = 20
    """Starts and ends of a window that are considered."""
    max_answer_length: int = 30
    """In tokens."""
    inputs: Mapping[InputRole, str] | None = None
    """Names of the model's inputs by role, for models whose names do not tell."""
    outputs: Mapping[OutputRole, str] | None = None
    """Names of the model's outputs by role, likewise."""
    layout: Literal["reference", "mobile"] = "reference"
    """Of the logged answer: `reference` interleaves start and end logits, `mobile` puts one after the other."""
    log_dtype: Literal["float16", "float32", "float64"] = "float32"
    """Type of the logged logits."""

    def __post_init__(self) -> None:
        for name in ("max_seq_length", "doc_stride", "max_query_length", "n_best", "max_answer_length"):
            if (value := getattr(self, name)) < 1:
                raise ValueError(f"{name} is {value}; it must be at least 1")


def window_shapes(inputs: Sequence[Tensor], sequence: int) -> Sequence[tuple[int, ...]] | None:
    """See `QuestionAnswering.input_shapes`."""
    if any(tuple(tensor.shape) != (1, 1) for tensor in inputs):
        return None
    return [(1, sequence)] * len(inputs)


class WindowBinding:
    """Windows in, logits out: the task bound to a model, whatever the windows."""

    def __init__(self, options: QuestionAnsweringOptions, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> None:
        """Binds the model's tensors by name.

        Raises:
            ModelMismatch: Tensors that cannot be told apart, or of another shape or type.
        """
        self._layout: LogitLayout = options.layout
        self._log_dtype: LogitDtype = options.log_dtype
        self._inputs = list(zip(bind_inputs(inputs, options.inputs), [tensor.dtype for tensor in inputs], strict=True))
        self._start, self._end = bind_outputs(outputs, options.outputs)
        self._start_spec, self._end_spec = outputs[self._start], outputs[self._end]
        for tensor in inputs:
            _check_tensor("input", tensor, options.max_seq_length, _INPUT_TYPES)
        for tensor in (self._start_spec, self._end_spec):
            _check_tensor("output", tensor, options.max_seq_length, _OUTPUT_TYPES)

    def prepare(self, window: Inputs) -> tuple[Array, ...]:
        """Ids, mask and segments as [1, sequence], in the model's order and types."""
        return tuple(getattr(window, role)[np.newaxis].astype(dtype) for role, dtype in self._inputs)

    def postprocess(self, outputs: Sequence[Array]) -> bytes:
        """The logits, as the layout has them."""
        start = _logits(outputs[self._start], self._start_spec)
        end = _logits(outputs[self._end], self._end_spec)
        return pack_logits(start, end, self._layout, self._log_dtype)


class AskedQuestions:
    """The question of every window, for questions that lie in no file of their own."""

    def __init__(self, windows: Windows, questions: Sequence[Question]) -> None:
        self._question = {question.qas_id: question for question in questions}
        self.names = [windows.qas_id(index) for index in range(len(windows))]
        self.classes = ()

    def size(self, index: int) -> int:
        """Bytes of a window's question."""
        return len(self.whole(index))

    def whole(self, index: int) -> bytes:
        """A window's question with all that belongs to it."""
        question = self._question[self.names[index]]
        return "\0".join((question.qas_id, question.text, question.context, *question.answers)).encode()


class WindowCodec(WindowBinding, Codec):
    """The windows of a set, bound to a model."""

    def __init__(
        self,
        windows: Windows,
        asked: AskedQuestions | None,
        options: QuestionAnsweringOptions,
        inputs: Sequence[Tensor],
        outputs: Sequence[Tensor],
    ) -> None:
        super().__init__(options, inputs, outputs)
        self._windows = windows
        self._asked = asked

    def preprocess(self, index: int) -> tuple[Array, ...]:
        """One window of the set, prepared."""
        return self.prepare(self._windows.inputs(index))

    def preprocess_with_digest(self, index: int) -> Prepared:
        """As `Codec.preprocess_with_digest`."""
        return Prepared(self.preprocess(index), None if self._asked is None else Digest.of(self._asked.whole(index)))


def _logits(raw: Array, spec: Tensor) -> Array:
    flat = raw.reshape(-1)
    if spec.scale == 0.0:
        return flat
    return (flat.astype(np.float32) - spec.zero_point) * np.float32(spec.scale)


def _check_tensor(what: str, tensor: Tensor, sequence: int, types: Sequence[str]) -> None:
    if int(np.prod(tensor.shape)) != sequence or tensor.shape[:1] != (1,):
        raise ModelMismatch(
            f"{what} {tensor.name!r} has the shape {list(tensor.shape)}; windows of [1, {sequence}] were expected."
            f" For a model of another length set max_seq_length (data in SQuAD's JSON only)."
        )
    if tensor.dtype.name not in types:
        raise ModelMismatch(f"{what} {tensor.name!r} is {tensor.dtype}; {', '.join(types)} are understood")
    if what == "output" and tensor.dtype.kind in "iu" and tensor.scale == 0.0:
        raise ModelMismatch(
            f"output {tensor.name!r} is {tensor.dtype} without a quantisation scale: it holds no logits"
        )
