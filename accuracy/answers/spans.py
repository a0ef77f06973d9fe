"""From logits to answers: the best span over all windows of a question, as text.

The rules are those of BERT's run_squad.py as MLPerf uses it (mlcommons/inference language/bert/accuracy-squad.py,
mlcommons/mobile_app_open flutter/cpp/datasets/squad.cc): among the 20 best starts and the 20 best ends of each window,
the pair with the greatest sum of logits whose ends lie in the context, in order, at most 30 tokens apart, and whose
start has its maximum context in this window.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from accuracy.answers.squad_text import joined_pieces, original_text
from accuracy.metric.tally import Tally

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Window:
    """One window of one question: [CLS] question [SEP] piece of the context [SEP]."""

    qas_id: str
    tokens: Sequence[str]
    """All tokens of the window, without padding."""
    token_to_orig_map: Array
    """int [n]: for each of the n context tokens, the index of the original word it is a piece of."""
    token_is_max_context: Array
    """bool [n]: whether no other window sees this context token with more context around it."""

    @property
    def context_start(self) -> int:
        """Position of the first context token: what lies before it is [CLS], the question and [SEP]."""
        return len(self.tokens) - len(self.token_to_orig_map) - 1


class AnswerSpan(NamedTuple):
    """A candidate for the answer: positions in the window, both included."""

    score: float
    start: int
    end: int


def best_span(
    window: Window, start_logits: Array, end_logits: Array, *, n_best: int = 20, max_answer_length: int = 30
) -> AnswerSpan | None:
    """The best valid span of one window.

    Args:
        window: The window that was asked.
        start_logits: float [sequence], in any float type.
        end_logits: float [sequence].
        n_best: How many starts and ends are considered. They are taken before any is found invalid, padding included.
        max_answer_length: In tokens.

    Returns:
        None where no pair is valid. Of equal scores the better start counts, then the better end; of equal logits the
        earlier position. A pair with a logit that is not a number is never chosen.
    """
    first = window.context_start
    last = first + len(window.token_to_orig_map)
    starts = _best_positions(start_logits, n_best)
    starts = starts[(starts >= first) & (starts < last)]
    starts = starts[window.token_is_max_context[starts - first]]
    ends = _best_positions(end_logits, n_best)
    ends = ends[(ends >= first) & (ends < last)]
    if not (starts.size and ends.size):
        return None
    scores = start_logits[starts].astype(np.float64)[:, None] + end_logits[ends]
    distances = ends - starts[:, None]
    scores[(distances < 0) | (distances >= max_answer_length) | np.isnan(scores)] = -np.inf
    best = int(scores.argmax())
    row, column = divmod(best, len(ends))
    if scores[row, column] == -np.inf:
        return None
    return AnswerSpan(float(scores[row, column]), int(starts[row]), int(ends[column]))


class _Candidate(NamedTuple):
    """The best of a question so far."""

    score: float
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs
    """Of its window."""
    plain: str
    """Its tokens, joined."""
    first_word: int
    last_word: int
    """Of the context, both included."""


_COLUMNS: Mapping[str, type[np.generic]] = {
    "score": np.float64,
    "index": np.int64,
    "plain": np.str_,
    "first_word": np.int64,
    "last_word": np.int64,
}


class BestAnswers:
    """Takes windows in any order and keeps one candidate a question: memory does not grow with the windows."""

    def __init__(self, *, n_best: int = 20, max_answer_length: int = 30) -> None:
        self._n_best = n_best
        self._max_answer_length = max_answer_length
        self._best: dict[str, _Candidate] = {}

    def update(self, index: int, window: Window, start_logits: Array, end_logits: Array) -> None:
        """Takes one window's logits in.

        Args:
            index: The window's place in the data set: of equal scores the earlier window counts.
            window: The window.
            start_logits: float [sequence].
            end_logits: float [sequence].
        """
        span = best_span(
            window, start_logits, end_logits, n_best=self._n_best, max_answer_length=self._max_answer_length
        )
        if span is None:
            return
        if not self._betters(window.qas_id, span.score, index):
            return
        plain = joined_pieces(window.tokens[span.start : span.end + 1])
        first_word, last_word = window.token_to_orig_map[
            [span.start - window.context_start, span.end - window.context_start]
        ].tolist()
        self._best[window.qas_id] = _Candidate(span.score, index, plain, first_word, last_word)

    def tally(self) -> Tally:
        """A row a question that has a candidate: `question`, and the fields of the candidate."""
        columns = dict(zip(_Candidate._fields, zip(*self._best.values(), strict=True), strict=False))
        return {"question": np.array(list(self._best), np.str_)} | {
            name: np.array(columns.get(name, ()), kind) for name, kind in _COLUMNS.items()
        }

    def add(self, tally: Tally) -> None:
        """Takes in what others have kept of other windows."""
        rows = zip(*(tally[name].tolist() for name in ("question", *_COLUMNS)), strict=True)
        for question, *row in rows:
            candidate = _Candidate(*row)
            if self._betters(question, candidate.score, candidate.index):
                self._best[question] = candidate

    def _betters(self, qas_id: str, score: float, index: int) -> bool:
        held = self._best.get(qas_id)
        return held is None or (held.score, -held.index) < (score, -index)

    def texts(self, words_of: Callable[[str], Sequence[str]]) -> dict[str, str]:
        """The answers as original text, for every question that has one.

        Args:
            words_of: Question id to the words of its context.
        """
        found = {}
        for qas_id, held in self._best.items():
            words = words_of(qas_id)[held.first_word : held.last_word + 1]
            found[qas_id] = original_text(held.plain, " ".join(words))
        return found


def _best_positions(logits: Array, count: int) -> Array:
    return np.argsort(-logits, kind="stable")[:count]
