"""SQuAD's windows cut here, from the official JSON and a vocabulary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from accuracy.answers.spans import Window
from accuracy.answers.squad_text import split_words
from accuracy.errors import TruthError
from accuracy.truth.squad import Question, read_questions
from tasks.base import DataMissing
from tasks.text.windows import Array, Inputs, Windows
from tasks.text.wordpiece import PAD, SEPARATOR, START, Pieces, WordPiece


class _TokenisedQuestion(NamedTuple):
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
        self._windows: list[tuple[_TokenisedQuestion, int]] = []
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

    def _cut(self, asked: Iterable[_TokenisedQuestion], count: int | None) -> None:
        for one in asked:
            if count is not None and len(self._windows) >= count:
                break
            self._questions.append(one.qas_id)
            if not one.spans:
                self._without_window.append(one.qas_id)
            left = None if count is None else count - len(self._windows)
            self._windows += [(one, at) for at in range(len(one.spans))][:left]

    def _asked(
        self, questions: Sequence[Question], doc_stride: int, max_query_length: int
    ) -> Iterator[_TokenisedQuestion]:
        text, context = None, Pieces([], [], np.zeros(0, np.int32))
        for question in questions:
            if question.context != text:
                text, context = question.context, self._wordpiece.pieces(split_words(question.context))
            asked = self._wordpiece.pieces([question.text]).first(max_query_length)
            room = self.sequence - len(asked.tokens) - 3
            yield _TokenisedQuestion(question.qas_id, asked, context, spans(len(context.tokens), room, doc_stride))


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
