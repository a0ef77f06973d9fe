"""SQuAD as windows that a model can take: read from MLPerf's tfrecords, or cut from the official JSON.

A window is [CLS] question [SEP] piece of the context [SEP], padded. Contexts too long for one window are seen through
several that overlap, as in BERT's run_squad.py.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from accuracy.answers.spans import Window
from accuracy.answers.squad_text import split_words
from accuracy.errors import TruthError
from accuracy.records.example import Example
from accuracy.records.tfrecord import Records
from accuracy.truth.squad import Question, read_questions
from tasks.base import DataMissing
from tasks.text.wordpiece import PAD, SEPARATOR, START, Pieces, WordPiece

Array = npt.NDArray[Any]


class Inputs(NamedTuple):
    """What a window shows the model, each integer [sequence]."""

    input_ids: Array
    input_mask: Array
    segment_ids: Array


class Windows(ABC):
    """All windows of a data set, in its order; those of one question follow each other."""

    path: Path
    sequence: int
    """Tokens of every window, padding included."""

    @abstractmethod
    def __len__(self) -> int:
        """Number of windows."""

    @abstractmethod
    def qas_id(self, index: int) -> str:
        """The question that a window belongs to."""

    @abstractmethod
    def inputs(self, index: int) -> Inputs:
        """The model's view of a window.

        Raises:
            DataMissing: The record cannot be read, or is of another length than the model's sequence.
        """

    @abstractmethod
    def window(self, index: int) -> Window:
        """The scorer's view of a window.

        Raises:
            DataMissing: The record cannot be read.
        """

    def questions(self) -> list[str]:
        """The questions that are asked here, in order, each once."""
        return list(dict.fromkeys(self.qas_id(index) for index in range(len(self))))

    def without_window(self) -> Sequence[str]:
        """Those of `questions` that no window shows to a model, since nothing of their context is left as tokens."""
        return ()

    @abstractmethod
    def behind(self) -> Iterator[tuple[str, int]]:
        """Of what a count leaves out: each question, and the last word of its context that is spoken of.

        Raises:
            DataMissing: It cannot be read.
        """


class RecordWindows(Windows):
    """Windows ready-made: MLPerf's squad_eval*.tfrecord, one window a record."""

    def __init__(self, path: Path, sequence: int, count: int | None = None) -> None:
        """Opens the file and finds its records; they are parsed when they are asked for.

        Raises:
            DataMissing: The file is absent, corrupt, or holds no windows.
        """
        self.path = path
        self.sequence = sequence
        try:
            self._records = Records(path)
        except TruthError as error:
            raise DataMissing(str(error)) from None
        self._count = min(len(self._records), count or len(self._records))
        first = self._example(0)
        if "input_ids" not in first.names():
            raise DataMissing(
                f"{path} holds no windows: its records have {', '.join(first.names())}, not input_ids."
                " A ground truth is named with --truth."
            )
        self.inputs(0)

    def __len__(self) -> int:
        return self._count

    def qas_id(self, index: int) -> str:
        """The question that a window belongs to."""
        try:
            return self._example(index).text("qas_id")
        except TruthError as error:
            raise DataMissing(str(error)) from None

    def inputs(self, index: int) -> Inputs:
        """The record's own ids, mask and segments."""
        try:
            example = self._example(index)
            inputs = Inputs(*(example.ints(name) for name in Inputs._fields))
        except TruthError as error:
            raise DataMissing(str(error)) from None
        for name, values in inputs._asdict().items():
            if len(values) != self.sequence:
                raise DataMissing(
                    f"{self._records.name(index)} has {len(values)} {name}, but max_seq_length is {self.sequence}."
                    " Windows in a tfrecord have the length they were made with."
                )
        return inputs

    def window(self, index: int) -> Window:
        """The record's own tokens and maps."""
        try:
            example = self._example(index)
            tokens = example.texts("tokens")
            words, is_max = (example.ints(name) for name in ("token_to_orig_map", "token_is_max_context"))
            qas_id = example.text("qas_id")
        except TruthError as error:
            raise DataMissing(str(error)) from None
        if len(words) != len(is_max) or not 0 < len(words) < len(tokens) <= self.sequence:
            raise DataMissing(
                f"{self._records.name(index)} contradicts itself: {len(tokens)} tokens, {len(words)} of them mapped to"
                f" words, {len(is_max)} marked for context"
            )
        return Window(qas_id, tokens, words, is_max != 0)

    def behind(self) -> Iterator[tuple[str, int]]:
        """Window by window, so that a question may come again."""
        for index in range(self._count, len(self._records)):
            # Not as `window`: the tokens, which are most of a record, are nobody's there.
            try:
                example = self._example(index)
                words, qas_id = example.ints("token_to_orig_map"), example.text("qas_id")
            except TruthError as error:
                raise DataMissing(str(error)) from None
            if not len(words):
                raise DataMissing(f"{self._records.name(index)} contradicts itself: no token is mapped to a word")
            yield qas_id, int(words.max())

    def _example(self, index: int) -> Example:
        return Example(self._records[index], self._records.name(index))


class _Asked(NamedTuple):
    """A question, tokenised once for all of its windows."""

    qas_id: str
    question: Pieces
    context: Pieces
    spans: list[tuple[int, int]]


class TextWindows(Windows):
    """Windows cut here, from SQuAD's official JSON and a vocabulary."""

    def __init__(
        self,
        path: Path,
        wordpiece: WordPiece,
        *,
        sequence: int = 384,
        doc_stride: int = 128,
        max_query_length: int = 64,
        count: int | None = None,
        questions: Sequence[Question] | None = None,
    ) -> None:
        """Tokenises the questions and contexts, as far as `count` windows need them.

        Args:
            path: The JSON file, or where the questions are from otherwise.
            wordpiece: The tokeniser.
            sequence: Tokens of a window.
            doc_stride: Context tokens from one window's start to the next one's.
            max_query_length: Question tokens beyond it are dropped.
            count: Use the first `count` windows; None for all.
            questions: None reads them from the JSON.

        Raises:
            DataMissing: The file is absent or not in SQuAD's format, or a window has no room for its context.
        """
        if doc_stride < 1 or not 0 < max_query_length < sequence - 3:
            raise DataMissing(
                f"windows of {sequence} tokens with {max_query_length} for the question and a stride of {doc_stride}"
                " leave no room for a context"
            )
        self.path = path
        self.sequence = sequence
        try:
            questions = read_questions(path) if questions is None else questions
        except TruthError as error:
            raise DataMissing(str(error)) from None
        self._wordpiece = wordpiece
        self._ids = {token: wordpiece.id_of(token) for token in (PAD, START, SEPARATOR)}
        self._windows: list[tuple[_Asked, int]] = []
        self._questions: list[str] = []
        self._without_window: list[str] = []
        self._cut(self._asked(questions, doc_stride, max_query_length), count)
        self._behind = questions[len(self._questions) :]
        if not self._windows:
            raise DataMissing(f"{path} has no context with a word in it")

    def __len__(self) -> int:
        return len(self._windows)

    def qas_id(self, index: int) -> str:
        """The question that a window belongs to."""
        return self._windows[index][0].qas_id

    def inputs(self, index: int) -> Inputs:
        """Ids, mask and segments, padded with the id of [PAD], 0 and 0."""
        asked, at = self._windows[index]
        start, end = asked.spans[at]
        separator = self._ids[SEPARATOR]
        ids = [self._ids[START], *asked.question.ids, separator, *asked.context.ids[start:end], separator]
        input_ids = np.full(self.sequence, self._ids[PAD], np.int32)
        input_ids[: len(ids)] = ids
        input_mask = np.zeros(self.sequence, np.int32)
        input_mask[: len(ids)] = 1
        segment_ids = np.zeros(self.sequence, np.int32)
        segment_ids[len(asked.question.ids) + 2 : len(ids)] = 1
        return Inputs(input_ids, input_mask, segment_ids)

    def window(self, index: int) -> Window:
        """Tokens, words and maximum contexts."""
        asked, at = self._windows[index]
        start, end = asked.spans[at]
        tokens = [START, *asked.question.tokens, SEPARATOR, *asked.context.tokens[start:end], SEPARATOR]
        is_max = widest_window(asked.spans, start, end) == at
        return Window(asked.qas_id, tokens, asked.context.words[start:end], is_max)

    def questions(self) -> list[str]:
        """Also those without a window: the official evaluation counts every question of the file."""
        return list(self._questions)

    def without_window(self) -> Sequence[str]:
        """As `Windows.without_window`."""
        return self._without_window

    def behind(self) -> Iterator[tuple[str, int]]:
        """From the text: nothing is tokenised."""
        text, words = None, 0
        for question in self._behind:
            if question.context != text:
                text, words = question.context, len(split_words(question.context))
            yield question.qas_id, words - 1

    def _cut(self, asked: Iterable[_Asked], count: int | None) -> None:
        for one in asked:
            if count is not None and len(self._windows) >= count:
                break
            self._questions.append(one.qas_id)
            if not one.spans:
                self._without_window.append(one.qas_id)
            left = None if count is None else count - len(self._windows)
            self._windows += [(one, at) for at in range(len(one.spans))][:left]

    def _asked(self, questions: Sequence[Question], doc_stride: int, max_query_length: int) -> Iterator[_Asked]:
        text, context = None, Pieces([], [], np.zeros(0, np.int32))
        for question in questions:
            if question.context != text:
                text, context = question.context, self._wordpiece.pieces(split_words(question.context))
            asked = self._wordpiece.pieces([question.text]).first(max_query_length)
            room = self.sequence - len(asked.tokens) - 3
            yield _Asked(question.qas_id, asked, context, spans(len(context.tokens), room, doc_stride))


def spans(length: int, room: int, doc_stride: int) -> list[tuple[int, int]]:
    """The pieces (start, end) through which a context of `length` tokens is seen, `room` tokens at a time."""
    found = []
    start = 0
    while start < length:
        end = min(start + room, length)
        found.append((start, end))
        if end == length:
            break
        start += min(end - start, doc_stride)
    return found


def widest_window(pieces: Sequence[tuple[int, int]], start: int, end: int) -> Array:
    """For each context token from `start` to `end`, the number of the piece that shows most context around it.

    The context of a token is the smaller of the numbers of tokens to its left and right, plus a hundredth of the
    piece's length; of equal pieces the first counts (run_squad.py, _check_is_max_context).
    """
    tokens = np.arange(start, end)
    scores = np.full((len(pieces), end - start), -np.inf)
    for row, (left, right) in zip(scores, pieces, strict=True):
        inside = (tokens >= left) & (tokens < right)
        row[inside] = np.minimum(tokens - left, right - 1 - tokens)[inside] + 0.01 * (right - left)
    widest: Array = scores.argmax(axis=0)
    return widest
