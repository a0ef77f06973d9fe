"""Question answering on SQuAD v1.1: where in a text does the answer start, and where does it end?

A sample is one window of 384 tokens. Tokenising is untimed; the answer to a query is the window's start and end logits,
which scoring turns into text (MO rules, "Pre- and post-processing"; MA flutter/cpp/datasets/squad.cc).
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Self, get_args

import numpy as np

from accuracy import squad_f1
from accuracy.answers.log import Answer, LogError, Sample
from accuracy.answers.spans import BestAnswers
from accuracy.answers.wire import LogitDtype, LogitLayout, pack_logits, unpack_logits
from accuracy.errors import TruthError
from accuracy.metric.score import Score
from accuracy.metric.tally import Tally
from accuracy.truth.squad import Question, SquadTruth, read_truth, truth_of
from tasks.base import Array, Codec, DataMissing, DataRef, ModelMismatch, Prepared, Reading, Tensor, find_truth
from tasks.in_parts import InParts
from tasks.outputs.exhibits import Exhibit, Exhibition
from tasks.sets.digests import Digest, StoredSamples
from tasks.sets.hub import is_hub_name, read_hub_questions
from tasks.text.binding import InputRole, OutputRole, bind_inputs, bind_outputs
from tasks.text.windows import Inputs, RecordWindows, TextWindows, Windows
from tasks.text.wordpiece import WordPiece

TRUTH = "squad_groundtruth.tfrecord"
VOCABULARY = "vocab.txt"

_INPUT_TYPES = ("int32", "int64", "float32")
_OUTPUT_TYPES = ("float32", "float16", "int8", "uint8", "int16")
_SHOWN = 5
_ORDERS: Mapping[LogitLayout, str] = {"reference": "interleaved", "mobile": "transposed"}
"""How start and end logits lie in a log: in pairs, or all of one after all of the other."""


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


class QuestionAnswering(InParts):
    """Bound to windows from a tfrecord, or to questions from SQuAD's JSON or a Hugging Face data set (tasks.sets.hub).

    `count` keeps the first windows, as MLPerf's mini set is the first 100. A question counts as soon as one of its
    windows is kept; its other windows are then not seen, so that its answer may lie out of reach.
    """

    Options = QuestionAnsweringOptions
    headline = "f1"
    metrics = ("f1", "exact_match", "f1_mobile")
    layouts = MappingProxyType({"reference": {"layout": "reference"}, "mobile": {"layout": "mobile"}})

    def __init__(self, data: DataRef, options: QuestionAnsweringOptions) -> None:
        """Finds the windows.

        Raises:
            DataMissing: No data, more than one candidate, a file that is corrupt, or a vocabulary that is missing.
        """
        self._options = options
        self._data = data
        path = data.path if is_hub_name(data.path) else _find_data(data.path)
        self._own_questions = read_hub_questions(path) if is_hub_name(path) else None
        self._vocabulary: Path | None = None
        self._windows: Windows
        if self._own_questions is None and path.suffix == ".tfrecord":
            self._windows = RecordWindows(path, options.max_seq_length, data.count)
        else:
            self._vocabulary = _find_vocabulary(path, options.vocab)
            self._windows = TextWindows(
                path,
                WordPiece(self._vocabulary),
                sequence=options.max_seq_length,
                doc_stride=options.doc_stride,
                max_query_length=options.max_query_length,
                count=data.count,
                questions=self._own_questions,
            )

    def __len__(self) -> int:
        """Number of windows."""
        return len(self._windows)

    def codec(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Codec:
        """Binds the model's tensors by name. The logits are the answer.

        Raises:
            ModelMismatch: Tensors that cannot be told apart, or of another shape or type.
        """
        return _WindowCodec(self._windows, self._asked, self._options, inputs, outputs)

    def input_shapes(self, inputs: Sequence[Tensor]) -> Sequence[tuple[int, ...]] | None:
        """[1, sequence] for a model exported without a fixed length, whose inputs show as [1, 1]; else None."""
        return window_shapes(inputs, self._windows.sequence)

    def check_truth(self) -> None:
        """Loads the ground truth and holds it against every question, those behind a count too.

        Raises:
            DataMissing: No ground truth, or one that lacks questions of this set or the words of their contexts.
        """
        truth, words_of = self._matching_truth
        for index in range(len(self._windows)):
            window = self._windows.window(index)
            words = words_of(window.qas_id)
            if (last := int(window.token_to_orig_map.max())) >= len(words):
                raise DataMissing(
                    f"{truth.path} does not belong to {self._windows.path}: window {index} speaks of word {last} of"
                    f" question {window.qas_id!r}, whose context has {len(words)} words there"
                )
        self._refuse_behind(truth, words_of)

    def _refuse_behind(self, truth: SquadTruth, words_of: Callable[[str], list[str]]) -> None:
        """What the whole set's run would find in the questions behind the count."""
        if truth.path == self._windows.path:
            return  # one file has both
        words: dict[str, int] = {}
        for qas_id, last in self._windows.behind():
            if qas_id not in truth.answers:
                raise DataMissing(
                    f"{truth.path} does not belong to {self._windows.path}: it has no answer for {qas_id!r}, behind the"
                    f" {len(self._windows)} windows that count"
                )
            if qas_id not in words:
                words[qas_id] = len(words_of(qas_id))
            if last >= words[qas_id]:
                raise DataMissing(
                    f"{truth.path} does not belong to {self._windows.path}: behind the {len(self._windows)} windows that count"
                    f" one speaks of word {last} of question {qas_id!r}, whose context has {words[qas_id]} words there"
                )

    def tally(self, answers: Iterable[Answer]) -> Tally:
        """As `InParts.tally`: the best answer of each question in these windows (`BestAnswers.tally`).

        Raises:
            LogError: An answer is not what `wire.pack_logits` writes.
        """
        return self._best(answers, self._options.layout, self._options.log_dtype).tally()

    def figures(self, tally: Tally) -> Score:
        """`f1`, `exact_match` and `f1_mobile` over the questions of this set, as fractions of 1.

        A question counts where any of its windows is in the set. One without a valid answer scores 0, and so does one
        whose context gives no window at all; a note says how many there are, and how many the truth has beyond the set.

        Raises:
            DataMissing: As `check_truth`.
        """
        best = self._no_answers()
        best.add(tally)
        return self._score(best).with_notes(self._notes(self._truth))

    def chance(self) -> float:
        """As `Task.chance`: answers of another question have a word or two in common."""
        return 0.2

    def readings(self) -> Iterator[Reading]:
        """As `Task.readings`: logits in each other order and type, and start and end exchanged."""
        own = self._options.layout, self._options.log_dtype
        for layout, dtype in itertools.product(get_args(LogitLayout), get_args(LogitDtype)):
            if (layout, dtype) != own:
                yield Reading(
                    f"{_ORDERS[layout]} logits of {dtype}",
                    f"the log was written so: --set model.layout={layout} --set model.log_dtype={dtype} scores it",
                    partial(self._f1, layout=layout, dtype=dtype),
                )
        yield Reading(
            "start and end logits exchanged",
            "the model's outputs were taken for each other: name them with the option outputs",
            partial(self._f1, layout=own[0], dtype=own[1], exchanged=True),
        )

    def _f1(
        self, answers: Iterable[Answer], layout: LogitLayout, dtype: LogitDtype, *, exchanged: bool = False
    ) -> float:
        return self._score(self._best(answers, layout, dtype, exchanged=exchanged))["f1"]

    def _score(self, best: BestAnswers) -> Score:
        truth, words_of = self._matching_truth
        return squad_f1.score(best.texts(words_of), {qas_id: truth.answers[qas_id] for qas_id in self._questions})

    def _no_answers(self) -> BestAnswers:
        return BestAnswers(n_best=self._options.n_best, max_answer_length=self._options.max_answer_length)

    def _best(
        self, answers: Iterable[Answer], layout: LogitLayout, dtype: LogitDtype, *, exchanged: bool = False
    ) -> BestAnswers:
        """The best answer of each question."""
        best = self._no_answers()
        for index, data in answers:
            if index >= len(self._windows):
                raise LogError(f"an answer for sample {index}; the data set has {len(self._windows)} windows")
            window = self._windows.window(index)
            with Sample(index):
                start, end = unpack_logits(data, self._windows.sequence, layout, dtype, tokens=len(window.tokens))
            best.update(index, window, *((end, start) if exchanged else (start, end)))
        return best

    def exhibits(self, answers: Iterable[Answer], most: int) -> Exhibition:
        """As `Task.exhibits`: answers beside the right ones, by F1."""
        truth, words_of = self._matching_truth
        found = self._best(answers, self._options.layout, self._options.log_dtype).texts(words_of)
        said = {qas_id: found.get(qas_id, "") for qas_id in self._questions}
        quality = {qas_id: squad_f1.f1(text, truth.answers[qas_id]) for qas_id, text in said.items()}
        worst = sorted(self._questions, key=lambda qas_id: quality[qas_id])[:most]
        exhibits = (
            Exhibit(
                qas_id, quality[qas_id], said[qas_id] or "no answer", " or ".join(dict.fromkeys(truth.answers[qas_id]))
            )
            for qas_id in worst
        )
        return Exhibition(tuple(exhibits), len(said))

    def rewrite(self, answers: Iterable[Answer], target: Self) -> Iterator[Answer]:
        """As `Task.rewrite`."""
        source, wanted = self._options, target._options
        for index, data in answers:
            with Sample(index):
                tokens = len(self._windows.window(index).tokens)
                start, end = unpack_logits(data, self._windows.sequence, source.layout, source.log_dtype, tokens=tokens)
            yield Answer(index, pack_logits(start, end, wanted.layout, wanted.log_dtype))

    def sample_names(self) -> Sequence[str]:
        """As `Task.sample_names`: the question's id, which all its windows share."""
        return [self._windows.window(index).qas_id for index in range(len(self._windows))]

    def describe_data(self) -> Mapping[str, Any]:
        """Windows, questions, and where they are from."""
        return {
            "count": len(self._windows),
            "questions": len(self._questions),
            "questions_without_window": len(self._windows.without_window()),
            "source": str(self._windows.path),
            "truth": str(self._truth.path),
            "max_seq_length": self._windows.sequence,
        }

    def stored_samples(self) -> StoredSamples | None:
        """As `Task.stored_samples`: the questions of a Hugging Face data set; others lie in one file."""
        return self._asked

    def files(self) -> Sequence[Path]:
        """As `Task.files`: the windows or SQuAD's JSON, the vocabulary, and the ground truth where there is any."""
        found = [] if self._own_questions is not None else [self._windows.path]
        if self._vocabulary is not None:
            found.append(self._vocabulary)
        with contextlib.suppress(DataMissing):
            found.append(self._truth.path)
        return [path for path in dict.fromkeys(found) if not is_hub_name(path)]

    @cached_property
    def _asked(self) -> _AskedQuestions | None:
        return None if self._own_questions is None else _AskedQuestions(self._windows, self._own_questions)

    @cached_property
    def _questions(self) -> list[str]:
        return self._windows.questions()

    def _notes(self, truth: SquadTruth) -> list[str]:
        """What the set leaves out, or counts without having asked it."""
        notes = []
        if unseen := self._windows.without_window():
            notes.append(
                f"{len(unseen):,} of {len(self._questions):,} questions have a context of which no token is left, so that no "
                f"model is asked them: they count as 0, as in SQuAD's own evaluation ({', '.join(unseen[:_SHOWN])}"
                f"{', ...' if len(unseen) > _SHOWN else ''})"
            )
        beyond = len(truth.answers.keys() - self._questions)
        if beyond and self._data.count is None:
            notes.append(
                f"{beyond:,} of the {len(truth.answers):,} questions of {truth.path.name} have no window in "
                f"{self._windows.path.name}: they are not asked and do not count"
            )
        return notes

    @cached_property
    def _truth(self) -> SquadTruth:
        path = self._data.truth
        if path is None and self._own_questions is not None:
            try:
                return truth_of(self._windows.path, self._own_questions)
            except TruthError as error:
                raise DataMissing(str(error)) from None
        if path is None:
            is_own = self._windows.path.suffix == ".json"
            path = self._windows.path if is_own else find_truth(self._windows.path, [TRUTH])
        try:
            return read_truth(path)
        except TruthError as error:
            raise DataMissing(str(error)) from None

    @cached_property
    def _matching_truth(self) -> tuple[SquadTruth, Callable[[str], list[str]]]:
        truth = self._truth
        if missing := [qas_id for qas_id in self._questions if qas_id not in truth.answers]:
            raise DataMissing(
                f"{truth.path} does not belong to {self._windows.path}: it has no answer for {len(missing)} of"
                f" {len(self._questions)} questions ({missing[0]!r} is the first)"
            )
        if truth.words_of is None:
            raise DataMissing(
                f"{truth.path} holds answers but no contexts, which tokens are mapped back to. Name SQuAD's JSON or"
                f" {TRUTH} with --truth."
            )
        return truth, truth.words_of


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


class _AskedQuestions:
    """The question of every window, for questions that lie in no file of their own."""

    def __init__(self, windows: Windows, questions: Sequence[Question]) -> None:
        self._question = {question.qas_id: question for question in questions}
        self.names = [windows.qas_id(index) for index in range(len(windows))]
        self.classes = ()

    def size(self, index: int) -> int:
        return len(self.whole(index))

    def whole(self, index: int) -> bytes:
        question = self._question[self.names[index]]
        return "\0".join((question.qas_id, question.text, question.context, *question.answers)).encode()


class _WindowCodec(WindowBinding, Codec):
    """The windows of a set, bound to a model."""

    def __init__(
        self,
        windows: Windows,
        asked: _AskedQuestions | None,
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


def _find_data(path: Path) -> Path:
    if path.is_file():
        if path.suffix not in (".tfrecord", ".json"):
            raise DataMissing(f"{path} is neither a .tfrecord with windows nor a .json in SQuAD's format")
        return path
    if not path.is_dir():
        raise DataMissing(f"no SQuAD data at {path}: a .tfrecord, a .json, or a folder with one of them was expected")
    found = sorted(hit for hit in path.iterdir() if hit.suffix in (".tfrecord", ".json") and hit.name != TRUTH)
    if not found:
        raise DataMissing(f"{path} holds neither a .tfrecord with windows nor a .json in SQuAD's format")
    if len(found) > 1:
        names = ", ".join(hit.name for hit in found)
        raise DataMissing(f"{path} holds more than one data set: {names}. Choose one with --dataset FILE.")
    return found[0]


def _find_vocabulary(data: Path, chosen: Path | None) -> Path:
    if chosen is not None:
        return chosen
    beside = data.parent / VOCABULARY
    if not beside.is_file():
        raise DataMissing(
            f"no {VOCABULARY} beside {data}: put the vocabulary the model was trained with there, or name it with the"
            " option vocab"
        )
    return beside
