"""SQuAD's ground truth: every question's accepted answers and, where the file has them, the words of its context.

Three kinds of file are read: the official JSON (SQuAD v1.1), MLPerf's squad_groundtruth.tfrecord (features qas_id,
words, answers), and a JSON map of question id to answers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accuracy.answers.squad_text import split_words
from accuracy.errors import TruthError
from accuracy.outside.border import reads
from accuracy.outside.json_keys import each_once
from accuracy.outside.text_files import read_text
from accuracy.records.example import Example
from accuracy.records.tfrecord import Records


@dataclass(frozen=True, slots=True)
class Question:
    """One question of the official JSON."""

    qas_id: str
    text: str
    context: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SquadTruth:
    """What is right."""

    path: Path
    answers: Mapping[str, tuple[str, ...]]
    """Question id to accepted answers, at least one each, in the file's order."""
    words_of: Callable[[str], list[str]] | None
    """The words of a question's context (`squad_text.split_words`); None where the file holds no contexts."""


@reads(TruthError)
def read_truth(path: Path) -> SquadTruth:
    """Reads a ground truth of any of the three kinds.

    Raises:
        TruthError: The file is absent, of no known kind, corrupt, or has a question twice or without an answer.
    """
    if path.suffix == ".tfrecord":
        return _from_records(path)
    data = _load_json(path)
    if isinstance(data, dict) and isinstance(data.get("data"), list):
        return truth_of(path, list(_questions(path, data)))
    if isinstance(data, dict):
        return _checked(
            SquadTruth(path, {qas_id: _answers(path, qas_id, value) for qas_id, value in data.items()}, None)
        )
    raise TruthError(
        f"{path} is a JSON {type(data).__name__}: neither SQuAD's format (an object with 'data') nor a map of"
        " question id to answers"
    )


def truth_of(path: Path, questions: Sequence[Question]) -> SquadTruth:
    """The ground truth that questions bring along.

    Args:
        path: Where they are from.
        questions: No two of one id.

    Raises:
        TruthError: There is none, or one without an answer.
    """
    by_id = {question.qas_id: question for question in questions}
    answers = {qas_id: question.answers for qas_id, question in by_id.items()}
    return _checked(SquadTruth(path, answers, lambda qas_id: split_words(by_id[qas_id].context)))


@reads(TruthError)
def read_questions(path: Path) -> list[Question]:
    """Every question of a file in SQuAD's official JSON format, in file order.

    Raises:
        TruthError: The file is absent, not in that format, or has a question twice.
    """
    data = _load_json(path)
    if not isinstance(data, dict) or not isinstance(data.get("data"), list):
        raise TruthError(f"{path} is not in SQuAD's format: it has no list 'data' at the top")
    questions = list(_questions(path, data))
    if not questions:
        raise TruthError(f"{path} holds no question")
    return questions


@reads(TruthError)
def read_predictions(path: Path) -> dict[str, str]:
    """A JSON map of question id to predicted text, as BERT's run_squad.py and SQuAD's own evaluation use it.

    Raises:
        TruthError: The file is absent or not such a map.
    """
    data = _load_json(path)
    if not isinstance(data, dict) or not data:
        raise TruthError(f"{path} holds no predictions: a JSON map of question id to text was expected")
    for qas_id, text in data.items():
        if not isinstance(text, str):
            raise TruthError(f"{path}: the prediction for {qas_id!r} is {text!r}; a text was expected")
    return data


def _from_records(path: Path) -> SquadTruth:
    records = Records(path)
    answers: dict[str, tuple[str, ...]] = {}
    number_of: dict[str, int] = {}
    for number, record in enumerate(records):
        example = Example(record, records.name(number))
        qas_id = example.text("qas_id")
        if qas_id in answers:
            raise TruthError(f"{records.name(number)}: question {qas_id!r} came before, in record {number_of[qas_id]}")
        answers[qas_id] = tuple(example.texts("answers"))
        number_of[qas_id] = number

    def words_of(qas_id: str) -> list[str]:
        number = number_of[qas_id]
        return Example(records[number], records.name(number)).texts("words")

    return _checked(SquadTruth(path, answers, words_of))


def _load_json(path: Path) -> Any:
    try:
        return json.loads(read_text(path), object_pairs_hook=each_once)
    except OSError as error:
        raise TruthError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise TruthError(f"{path} is no JSON: {error}") from None


def _questions(path: Path, data: Mapping[str, Any]) -> Iterator[Question]:
    seen: set[str] = set()
    for number, article in enumerate(data["data"]):
        where = f"{path}, data[{number}]"
        for at, paragraph in enumerate(_member(where, article, "paragraphs", list)):
            place = f"{where}.paragraphs[{at}]"
            context = _member(place, paragraph, "context", str)
            for nth, qa in enumerate(_member(place, paragraph, "qas", list)):
                name = f"{place}.qas[{nth}]"
                qas_id = _member(name, qa, "id", str)
                if qas_id in seen:
                    raise TruthError(f"{name}: question {qas_id!r} came before")
                seen.add(qas_id)
                texts = tuple(_member(name, answer, "text", str) for answer in _member(name, qa, "answers", list))
                question = Question(qas_id, _member(name, qa, "question", str), context, texts)
                _refuse_half_characters(name, question)
                yield question


def _refuse_half_characters(name: str, question: Question) -> None:
    """JSON can escape one half of a UTF-16 pair, which is no character and which no tokenizer takes."""
    for text in (question.qas_id, question.text, question.context, *question.answers):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise TruthError(
                f"{name}: question {question.qas_id!r} has a text with the lone surrogate {text[error.start]!r}, which "
                "is no character: was the file cut and joined, or written by a program that splits characters?"
            ) from None


def _member(where: str, owner: object, key: str, kind: type) -> Any:
    value = owner.get(key) if isinstance(owner, dict) else None
    if not isinstance(value, kind):
        raise TruthError(f"{where} has no {key!r} that is a {kind.__name__}: it is not in SQuAD's format")
    return value


def _answers(path: Path, qas_id: str, value: object) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise TruthError(f"{path}: the answers to {qas_id!r} are {value!r}; a list of texts was expected")
    return tuple(texts)


def _checked(truth: SquadTruth) -> SquadTruth:
    if not truth.answers:
        raise TruthError(f"{truth.path} holds no question")
    for qas_id, answers in truth.answers.items():
        if not answers:
            raise TruthError(
                f"{truth.path}: question {qas_id!r} has no answer. Only SQuAD v1.1 is scored: each has one there."
            )
    return truth
