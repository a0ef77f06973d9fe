"""The built-in question answering set keeps what its module promises."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any, get_args

import pytest

from accuracy.truth.squad import read_questions, read_truth
from harness.zoo.builtin.squad import (
    PARTS,
    SPECIAL_TOKENS,
    Part,
    builtin_squad,
    kind_words,
    qualifier_words,
    vocabulary,
    write_builtin_squad,
)
from harness.zoo.builtin.squad_words import KINDS, MARKS, QUALIFIERS
from tasks.text.text_windows import TextWindows
from tasks.text.wordpiece import WordPiece


def paragraphs(part: Part) -> list[dict[str, Any]]:
    return [one for article in builtin_squad(part)["data"] for one in article["paragraphs"]]


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def kind_of(word: str) -> str | None:
    return next((kind for kind, members in KINDS.items() if word in members), None)


def is_key(word: str) -> bool:
    return kind_of(word) in ("person", "trade")


@pytest.mark.parametrize("part", PARTS)
def test_answers_are_where_the_file_says(part: Part) -> None:
    for paragraph in paragraphs(part):
        for qa in paragraph["qas"]:
            [answer] = qa["answers"]
            start = answer["answer_start"]
            context = f" {paragraph['context']} "
            assert context[start + 1 : start + 1 + len(answer["text"])] == answer["text"]
            assert not context[start].isalnum()
            assert not context[start + 1 + len(answer["text"])].isalnum()


@pytest.mark.parametrize("part", PARTS)
def test_there_are_enough_questions_of_every_kind(part: Part) -> None:
    asked = [qa["id"].rsplit("-", 1)[-1] for paragraph in paragraphs(part) for qa in paragraph["qas"]]
    assert len(asked) >= 100
    assert len(MARKS) >= 6
    assert {kind: asked.count(kind) for kind in MARKS} == dict.fromkeys(MARKS, len(asked) // len(MARKS))
    assert len({qa["id"] for paragraph in paragraphs(part) for qa in paragraph["qas"]}) == len(asked)


@pytest.mark.parametrize("part", PARTS)
def test_the_answer_is_the_first_word_of_its_kind_behind_the_questions_key(part: Part) -> None:
    for paragraph in paragraphs(part):
        sentences = [words(sentence) for sentence in paragraph["context"].split(". ")]
        for qa in paragraph["qas"]:
            kind = qa["id"].rsplit("-", 1)[-1]
            asked = words(qa["question"])
            assert [word for word in asked if word in MARKS.values()] == [MARKS[kind]]
            [key] = [word for word in asked if kind_of(word)]
            assert kind_of(key) == ("trade" if kind == "person" else "person")
            [behind] = [
                sentence[sentence.index(key) + 1 :]
                for sentence in sentences
                if key in sentence and any(kind_of(word) == kind for word in sentence[sentence.index(key) + 1 :])
            ]
            last = next(place for place, word in enumerate(behind) if kind_of(word) == kind)
            first = last - (kind in QUALIFIERS)
            assert behind[first : last + 1] == words(qa["answers"][0]["text"])
            assert last <= 6
            assert not any(is_key(word) for word in behind[:last])
            if kind in QUALIFIERS:
                assert behind[first] in QUALIFIERS[kind]


def test_most_answers_start_at_one_word_and_end_at_another() -> None:
    """Else start and end could be swapped without a loss."""
    assert set(QUALIFIERS) < set(MARKS)
    assert len(QUALIFIERS) >= len(MARKS) * 3 / 4


@pytest.mark.parametrize("part", PARTS)
def test_every_context_has_several_words_of_each_kind_and_no_mark(part: Part) -> None:
    for paragraph in paragraphs(part):
        found = set(words(paragraph["context"]))
        assert not found & set(MARKS.values())
        for kind in MARKS:
            assert len(found & set(KINDS[kind])) >= 4


def test_kinds_share_no_word() -> None:
    members = [*KINDS.values(), *QUALIFIERS.values(), MARKS.values()]
    every = [word for group in members for word in group]
    assert len(every) == len(set(every))


def test_the_parts_share_no_word_of_a_kind_and_no_sentence() -> None:
    used: dict[str, set[str]] = {}
    sentences: dict[str, set[str]] = {}
    for part in get_args(Part):
        texts = [paragraph["context"] for paragraph in paragraphs(part)]
        questions = [qa["question"] for paragraph in paragraphs(part) for qa in paragraph["qas"]]
        qualifiers = {word for group in QUALIFIERS.values() for word in group}
        used[part] = {word for text in texts + questions for word in words(text) if kind_of(word) or word in qualifiers}
        sentences[part] = {sentence for text in texts for sentence in text.split(". ")} | set(questions)
        known = {word for kind in KINDS for word in kind_words(kind, part) + qualifier_words(kind, part)}
        assert used[part] <= known
    assert not used["fit"] & used["test"]
    assert not sentences["fit"] & sentences["test"]


def test_the_vocabulary_has_the_official_size_and_special_ids() -> None:
    tokens = vocabulary()
    assert len(tokens) == len(set(tokens)) == 30522
    assert {index: tokens[index] for index in (0, 100, 101, 102, 103)} == {
        0: "[PAD]",
        100: "[UNK]",
        101: "[CLS]",
        102: "[SEP]",
        103: "[MASK]",
    }
    assert {tokens[index] for index in SPECIAL_TOKENS} == set(SPECIAL_TOKENS.values())
    assert all(token.startswith("[unused") for index, token in enumerate(tokens[:999]) if index not in SPECIAL_TOKENS)
    assert tokens[-1].startswith("[unused")


def test_the_vocabulary_is_not_the_official_one(zoo: Path) -> None:
    official = (zoo / "datasets" / "squad" / "vocab.txt").read_text(encoding="utf-8").split("\n")
    same = sum(one == two for one, two in zip(vocabulary()[999:], official[999:], strict=False))
    assert same < 100


@pytest.mark.parametrize("part", PARTS)
def test_every_word_is_one_token_and_some_contexts_need_several_windows(tmp_path: Path, part: Part) -> None:
    path = write_builtin_squad(tmp_path / "made" / "here", part)
    windows = TextWindows(path, WordPiece(path.parent / "vocab.txt"))
    tokens = {token for index in range(len(windows)) for token in windows.window(index).tokens}
    assert "[UNK]" not in tokens
    assert not any(token.startswith("##") for token in tokens)
    assert len(windows.questions()) == 112
    assert len(windows) == 224
    known = set(vocabulary())
    assert all(word in known for members in [*KINDS.values(), *QUALIFIERS.values()] for word in members)


def test_the_files_are_read_as_squads_own(tmp_path: Path) -> None:
    path = write_builtin_squad(tmp_path)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["builtin-test-v1.1.json", "vocab.txt"]
    assert len(read_questions(path)) == len(read_truth(path).answers) == 112


def test_the_set_is_the_same_on_every_machine(tmp_path: Path) -> None:
    """Python 3.11, 3.12 and 3.13 write these bytes."""
    digests = {}
    for part in PARTS:
        path = write_builtin_squad(tmp_path / part, part)
        digests[part] = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        first = path.read_bytes()
        assert write_builtin_squad(tmp_path / part, part).read_bytes() == first
    vocab = hashlib.sha256((tmp_path / "fit" / "vocab.txt").read_bytes()).hexdigest()[:16]
    assert (digests["fit"], digests["test"], vocab) == ("422d71174f61b2ef", "80360a9a25b4de75", "7ccf162299be76d3")


def test_a_part_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no part 'train'; there are fit, test"):
        write_builtin_squad(tmp_path, "train")  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())
