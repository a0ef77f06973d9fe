"""The ground truth of a set of windows: found, and held against the questions and words that the windows speak of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from accuracy.errors import TruthError
from accuracy.truth.squad import Question, SquadTruth, read_truth, truth_of
from tasks.base import DataMissing
from tasks.sets.truth_beside import find_truth
from tasks.text.squad_files import TRUTH
from tasks.text.windows import Windows

WordsOf = Callable[[str], list[str]]
"""From a question's id to the words of its context."""


def truth_of_windows(windows: Windows, named: Path | None, own: Sequence[Question] | None) -> SquadTruth:
    """What is named, what lies with the questions, or what is found beside the windows.

    Args:
        windows: Of the set.
        named: By the user; None finds it.
        own: The questions of a Hugging Face data set, which have their answers with them.

    Raises:
        DataMissing: No ground truth, or one that cannot be read.
    """
    path = named
    if path is None and own is not None:
        try:
            return truth_of(windows.path, own)
        except TruthError as error:
            raise DataMissing(str(error)) from None
    if path is None:
        is_own = windows.path.suffix == ".json"
        path = windows.path if is_own else find_truth(windows.path, [TRUTH])
    try:
        return read_truth(path)
    except TruthError as error:
        raise DataMissing(str(error)) from None


def words_for(truth: SquadTruth, windows: Windows, questions: Sequence[str]) -> WordsOf:
    """The words of the contexts of a truth that has an answer to each of these questions.

    Raises:
        DataMissing: It lacks one, or has no contexts.
    """
    if missing := [qas_id for qas_id in questions if qas_id not in truth.answers]:
        raise DataMissing(
            f"{truth.path} does not belong to {windows.path}: it has no answer for {len(missing)} of"
            f" {len(questions)} questions ({missing[0]!r} is the first)"
        )
    if truth.words_of is None:
        raise DataMissing(
            f"{truth.path} holds answers but no contexts, which tokens are mapped back to. Name SQuAD's JSON or"
            f" {TRUTH} with --truth."
        )
    return truth.words_of


def refuse_foreign_truth(windows: Windows, truth: SquadTruth, words_of: WordsOf) -> None:
    """Holds every window against the truth, and what a count leaves out.

    Raises:
        DataMissing: A window speaks of a word that the context of its question does not have there.
    """
    for index in range(len(windows)):
        window = windows.window(index)
        words = words_of(window.qas_id)
        if (last := int(window.token_to_orig_map.max())) >= len(words):
            raise DataMissing(
                f"{truth.path} does not belong to {windows.path}: window {index} speaks of word {last} of"
                f" question {window.qas_id!r}, whose context has {len(words)} words there"
            )
    _refuse_behind(windows, truth, words_of)


def _refuse_behind(windows: Windows, truth: SquadTruth, words_of: WordsOf) -> None:
    """What the whole set's run would find in the questions behind the count."""
    if truth.path == windows.path:
        return  # one file has both
    words: dict[str, int] = {}
    for qas_id, last in windows.behind():
        if qas_id not in truth.answers:
            raise DataMissing(
                f"{truth.path} does not belong to {windows.path}: it has no answer for {qas_id!r}, behind the"
                f" {len(windows)} windows that count"
            )
        if qas_id not in words:
            words[qas_id] = len(words_of(qas_id))
        if last >= words[qas_id]:
            raise DataMissing(
                f"{truth.path} does not belong to {windows.path}: behind the {len(windows)} windows that count"
                f" one speaks of word {last} of question {qas_id!r}, whose context has {words[qas_id]} words there"
            )
