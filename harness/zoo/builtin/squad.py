"""A question answering set of our own, in SQuAD's format, with a WordPiece vocabulary of our own.

It serves where SQuAD is not there, and a stand-in model answers it. What holds of every context and question, so that
answering takes the kind of the answer and the thing asked about, and nothing else:

* Each context is a list of facts. A fact joins a key to an answer: "Marta lives in Upper Oslo." The key is a person, or a
  trade where the answer is a person ("The baker is Marta.").
* The answer is the first word of its kind behind its key within the sentence, with at most six words between; for the
  kinds of `QUALIFIERS` a qualifier stands in front of it and belongs to the answer, which then starts at one word and
  ends at another.
* No other person or trade stands between a key and its answer: the nearest one in front of an answer is its key.
* A question holds its key once and exactly one mark (`MARKS`): the word that tells the kind of answer it wants. Marks
  occur in no context. A context holds several words of the wanted kind, and one of them is right.
* The words of `KINDS` and `QUALIFIERS` belong to one of them only, occur nowhere in the sentences' fixed parts, and are
  one vocabulary token each, as marks and all other words of the set are.
* The two parts, `fit` and `test`, share no word of any kind, hence no name, no number and no sentence with a fact.
"""

from __future__ import annotations

import json
import os
import random
import re
import string
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

from harness.zoo.builtin.squad_words import (
    COMMON_ENDINGS,
    COMMON_WORDS,
    FACTS,
    FIRST_WORD,
    KINDS,
    MARKS,
    QUALIFIERS,
    QUESTIONS,
)

_T = TypeVar("_T")
Part = Literal["fit", "test"]

PARTS: tuple[Part, ...] = ("fit", "test")
VOCABULARY_SIZE = 30_522
SPECIAL_TOKENS: Mapping[int, str] = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]"}


_SEEDS: Mapping[Part, int] = {"fit": 1, "test": 2}
_SHORT_CONTEXTS, _LONG_CONTEXTS = 9, 5  # so many long ones that a wrong stride between windows costs
_SHORT_PEOPLE, _LONG_PEOPLE = 5, 12


def write_builtin_squad(folder: Path, part: Part = "test") -> Path:
    """Writes one part of the set, and the vocabulary, into a folder. Equal calls write equal bytes.

    Args:
        folder: Made if it is not there.
        part: `test`, or `fit` for what a model may be fitted to.

    Returns:
        The JSON file's path; `vocab.txt` lies beside it.

    Raises:
        ValueError: There is no such part.
        OSError: The folder cannot be written.
    """
    data = builtin_squad(part)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "vocab.txt", "".join(f"{token}\n" for token in vocabulary()))
    path = folder / f"builtin-{part}-v1.1.json"
    _write(path, json.dumps(data, indent=1) + "\n")
    return path


def builtin_squad(part: Part = "test") -> dict[str, Any]:
    """One part of the set as SQuAD's JSON has it.

    Raises:
        ValueError: There is no such part.
    """
    if part not in PARTS:
        raise ValueError(f"the built-in set has no part {part!r}; there are {', '.join(PARTS)}")
    chance = _Chance(_SEEDS[part])
    sizes = [_SHORT_PEOPLE] * _SHORT_CONTEXTS + [_LONG_PEOPLE] * _LONG_CONTEXTS
    paragraphs = [_paragraph(part, number, size, chance) for number, size in enumerate(sizes)]
    return {"version": "1.1", "data": [{"title": f"Village registers ({part})", "paragraphs": paragraphs}]}


def kind_words(kind: str, part: Part) -> list[str]:
    """The words of a kind that one part uses."""
    return list(KINDS[kind][PARTS.index(part) :: len(PARTS)])


def qualifier_words(kind: str, part: Part) -> list[str]:
    """The qualifiers of a kind that one part uses; none for a kind whose answers are one word."""
    return list(QUALIFIERS.get(kind, ())[PARTS.index(part) :: len(PARTS)])


def vocabulary() -> list[str]:
    """The 30,522 tokens, in order of their ids: our words, letters, pieces of words; the rest unused."""
    letters = string.ascii_lowercase
    tokens = dict.fromkeys([*string.punctuation, *string.digits, *letters])
    tokens |= dict.fromkeys(f"##{character}" for character in string.digits + letters)
    tokens |= dict.fromkeys(_set_words())
    tokens |= dict.fromkeys(word for kind in KINDS.values() for word in kind)
    tokens |= dict.fromkeys(word for words in QUALIFIERS.values() for word in words)
    tokens |= dict.fromkeys(COMMON_WORDS)
    tokens |= dict.fromkeys(f"##{ending}" for ending in COMMON_ENDINGS)
    tokens |= dict.fromkeys(f"##{first}{second}" for first in letters for second in letters)
    tokens |= dict.fromkeys(f"{first}{second}" for first in letters for second in letters)
    words = iter(tokens)
    unused = (f"[unused{number}]" for number in range(VOCABULARY_SIZE))
    found = []
    for index in range(VOCABULARY_SIZE):
        word = SPECIAL_TOKENS.get(index) or (next(words, None) if index >= FIRST_WORD else None)
        found.append(word or next(unused))
    return found


class _Fact(NamedTuple):
    sentence: str
    key: str
    answers: Mapping[str, str]
    """Kind to the answer's words, as written in the sentence."""


class _Chance:
    """Draws that stay the same in every version of Python: of its generator only random() promises that."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def pick(self, choices: Sequence[_T]) -> _T:
        return choices[int(self._random.random() * len(choices))]

    def draw(self, choices: Sequence[_T], count: int) -> list[_T]:
        """`count` different ones, in a new order."""
        rest = list(choices)
        return [rest.pop(int(self._random.random() * len(rest))) for _ in range(count)]


def _paragraph(part: Part, number: int, people: int, chance: _Chance) -> dict[str, Any]:
    facts = list(_facts(part, people, chance))
    facts = chance.draw(facts, len(facts))
    context = ""
    starts = []
    for fact in facts:
        starts.append(len(context))
        context += f"{fact.sentence} "
    qas = []
    for kind in MARKS:
        fact, start = chance.pick([pair for pair in zip(facts, starts, strict=True) if kind in pair[0].answers])
        answer = fact.answers[kind]
        # Behind the key, in whose name a short word may hide.
        answer_start = start + fact.sentence.rindex(answer)
        question = chance.pick(QUESTIONS[kind]).format(key=fact.key)
        answers = [{"answer_start": answer_start, "text": answer}]
        qas.append({"id": f"{part}-{number:02}-{kind}", "question": question, "answers": answers})
    return {"context": context.rstrip(), "qas": qas}


def _facts(part: Part, people: int, chance: _Chance) -> Iterator[_Fact]:
    persons = [word.capitalize() for word in chance.draw(kind_words("person", part), people)]
    trades = chance.draw(kind_words("trade", part), people)
    for kinds, forms in FACTS:
        told = people - 1  # nothing is told of everyone, so that no kind can be answered by elimination
        if kinds == ("person",):
            pairs = list(zip(trades, persons, strict=True))
            for key, person in chance.draw(pairs, told):
                yield _Fact(chance.pick(forms).format(key=key, person=person), key, {"person": person})
            continue
        words = [chance.draw(kind_words(kind, part), told) for kind in kinds]
        for key, *found in zip(chance.draw(persons, told), *words, strict=True):
            answers = {
                kind: _written(kind, word, qualifier_words(kind, part), chance)
                for kind, word in zip(kinds, found, strict=True)
            }
            yield _Fact(chance.pick(forms).format(key=key, **answers), key, answers)


def _written(kind: str, word: str, qualifiers: Sequence[str], chance: _Chance) -> str:
    words = [chance.pick(qualifiers), word] if qualifiers else [word]
    if kind == "place":
        words = [one.capitalize() for one in words]
    elif kind == "year":
        words[0] = words[0].capitalize()
    return " ".join(words)


def _set_words() -> list[str]:
    """The words of the sentences' and questions' fixed parts."""
    texts = [form for _, forms in FACTS for form in forms] + [form for forms in QUESTIONS.values() for form in forms]
    return re.findall("[a-z]+", re.sub(r"{\w+}", " ", " ".join(texts)).lower())


def _write(path: Path, text: str) -> None:
    """A whole file or none: under another name first, then renamed."""
    partial = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        partial.write_text(text, encoding="utf-8", newline="\n")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
