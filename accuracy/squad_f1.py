"""Exact match and F1 of SQuAD v1.1, and the F1 of MLPerf's mobile app, which differs a little.

`exact_match` and `f1` follow SQuAD's official evaluation (evaluate-v1.1.py): text is lower-cased, freed of punctuation,
then of articles, and compared as words; the best of the accepted answers counts, and the mean is over every question.
`f1_mobile` follows mlcommons/mobile_app_open (flutter/cpp/datasets/squad_utils/common.h): words are parted at spaces
before anything is removed, so that a lone article or dash still counts as a word.

Usage: python -m accuracy.squad_f1 --predictions P --truth F
"""

from __future__ import annotations

import math
import re
import string
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from accuracy.confidence.interval import bootstrap_mean
from accuracy.errors import TruthError
from accuracy.metric import command
from accuracy.metric.score import Score
from accuracy.truth.squad import read_predictions, read_truth

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLE = re.compile(r"\b(a|an|the)\b")
_MOBILE_ARTICLES = frozenset(("a", "an", "the", "A", "An", "The"))
_MOBILE_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


class SquadF1:
    """Gathers one question at a time."""

    def __init__(self) -> None:
        self._f1: list[float] = []
        self._exact: list[float] = []
        self._mobile: list[float] = []

    def update(self, prediction: str | None, truth: Sequence[str]) -> None:
        """Counts one question.

        Args:
            prediction: The predicted text; None where there is none: the question counts, and scores 0.
            truth: The accepted answers, at least one.
        """
        if not truth:
            raise ValueError("a question without an accepted answer cannot be scored")
        self._exact.append(0.0 if prediction is None else float(exact_match(prediction, truth)))
        self._f1.append(0.0 if prediction is None else f1(prediction, truth))
        self._mobile.append(0.0 if prediction is None else f1_mobile(prediction, truth))

    def compute(self) -> dict[str, float]:
        """`f1`, `exact_match`, `f1_mobile` as fractions of 1, means over the questions counted."""
        count = max(len(self._f1), 1)
        return {
            "f1": math.fsum(self._f1) / count,
            "exact_match": math.fsum(self._exact) / count,
            "f1_mobile": math.fsum(self._mobile) / count,
        }

    def score(self) -> Score:
        """As `compute`, with the bootstrap interval of `f1`."""
        parts = np.array(self._f1, np.float64)
        means = {"f1": parts, "exact_match": np.array(self._exact), "f1_mobile": np.array(self._mobile)}
        return Score(self.compute(), "questions", len(parts), bootstrap_mean(parts), parts, means=means)


def score(predictions: Mapping[str, str], truth: Mapping[str, Sequence[str]]) -> Score:
    """Scores predicted texts; every question of the truth counts, answered or not.

    Args:
        predictions: Question id to predicted text.
        truth: Question id to accepted answers.

    Raises:
        TruthError: No prediction is for a question of the truth.
    """
    if predictions and not predictions.keys() & truth.keys():
        raise TruthError(
            f"none of the {len(predictions)} predictions is for one of the truth's {len(truth)} questions"
            f" (for example {next(iter(predictions))!r} against {next(iter(truth))!r}): they do not belong together"
        )
    metric = SquadF1()
    for qas_id, answers in truth.items():
        metric.update(predictions.get(qas_id), answers)
    return metric.score()


def _notes(predictions: Mapping[str, str], truth: Mapping[str, Sequence[str]]) -> list[str]:
    """What is answered but not asked, or asked but not answered, of which SQuAD's own evaluation says the second."""
    notes = []
    if missing := [qas_id for qas_id in truth if qas_id not in predictions]:
        notes.append(
            f"{len(missing):,} of {len(truth):,} questions have no prediction and count as 0, the first is {missing[0]!r}"
        )
    if beyond := [qas_id for qas_id in predictions if qas_id not in truth]:
        notes.append(
            f"{len(beyond):,} of {len(predictions):,} predictions are for no question of the truth and do not count, the first "
            f"is {beyond[0]!r}"
        )
    return notes


def exact_match(prediction: str, answers: Sequence[str]) -> bool:
    """Whether the prediction, normalised, is one of the answers, normalised."""
    wanted = _normalised(prediction)
    return any(_normalised(answer) == wanted for answer in answers)


def f1(prediction: str, answers: Sequence[str]) -> float:
    """The best F1 over the answers: words in common, each as often as it is in both."""
    return _best_f1(_normalised(prediction).split(), [_normalised(answer).split() for answer in answers])


def f1_mobile(prediction: str, answers: Sequence[str]) -> float:
    """The mobile app's F1: parted at every single space, each word normalised by itself, nothing dropped."""
    return _best_f1(_mobile_words(prediction), [_mobile_words(answer) for answer in answers])


def _best_f1(predicted: list[str], answers: list[list[str]]) -> float:
    counts = Counter(predicted)
    best = 0.0
    for answer in answers:
        common = (counts & Counter(answer)).total()
        if common:
            # 2pr / (p + r) with p = common / len(predicted), r = common / len(answer)
            best = max(best, 2 * common / (len(predicted) + len(answer)))
    return best


def _normalised(text: str) -> str:
    return " ".join(_ARTICLE.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def _mobile_words(text: str) -> list[str]:
    words = text.split(" ")
    return ["" if word in _MOBILE_ARTICLES else word.translate(_PUNCTUATION).translate(_MOBILE_LOWER) for word in words]


def score_files(predictions: Path, truth: Path) -> Mapping[str, float]:
    """Scores a JSON map of question id to text.

    Args:
        predictions: The map.
        truth: SQuAD's own JSON, squad_groundtruth.tfrecord, or a JSON map of id to answers.

    Raises:
        TruthError: Either cannot be used.
    """
    said, asked = read_predictions(predictions), read_truth(truth).answers
    return score(said, asked).with_notes(_notes(said, asked))


if __name__ == "__main__":
    sys.exit(
        command.run(score_files, "SQuAD v1.1 exact match and F1: JSON map of id to text, SQuAD's JSON or tfrecord.")
    )
