"""Windows: cut from JSON, or read from records."""

from __future__ import annotations

import itertools
import json
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accuracy.answers.squad_text import joined_pieces, split_words
from accuracy.records.tfrecord import crc32c, masked
from accuracy.truth.squad import read_truth
from tasks.base import DataMissing
from tasks.text.record_windows import RecordWindows
from tasks.text.text_windows import TextWindows, spans, widest_window
from tasks.text.windows import Windows
from tasks.text.wordpiece import WordPiece

quick = settings(
    deadline=None,
    derandomize=True,
    max_examples=80,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def wordpiece(tmp_path_factory: pytest.TempPathFactory) -> WordPiece:
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    letters = "abcdefghijklmnopqrstuvwxyz"
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters, *(f"##{letter}" for letter in letters), *"?.,"]
    path.write_text("\n".join(tokens), encoding="utf-8")
    return WordPiece(path)


def squad_file(folder: Path, texts: Sequence[tuple[str, Sequence[str]]]) -> Path:
    paragraphs = [
        {
            "context": context,
            "qas": [
                {"id": f"{number}-{nth}", "question": question, "answers": [{"text": "a", "answer_start": 0}]}
                for nth, question in enumerate(questions)
            ],
        }
        for number, (context, questions) in enumerate(texts)
    ]
    path = folder / "some.json"
    path.write_text(json.dumps({"data": [{"title": "t", "paragraphs": paragraphs}]}), encoding="utf-8")
    return path


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(number: int, payload: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def record_file(path: Path, windows: Windows, **changes: Sequence[int]) -> Path:
    """The windows as MLPerf stores them."""
    out = b""
    for index in range(len(windows)):
        window = windows.window(index)
        numbers = {
            **{name: values.tolist() for name, values in windows.inputs(index)._asdict().items()},
            "token_to_orig_map": window.token_to_orig_map.tolist(),
            "token_is_max_context": window.token_is_max_context.astype(int).tolist(),
            "unique_ids": [1000000000 + index],
            **changes,
        }
        texts = {"qas_id": [window.qas_id], "tokens": window.tokens}
        features = {name: field(3, field(1, b"".join(map(varint, values)))) for name, values in numbers.items()}
        features |= {
            name: field(1, b"".join(field(1, text.encode()) for text in values)) for name, values in texts.items()
        }
        data = field(
            1, b"".join(field(1, field(1, name.encode()) + field(2, value)) for name, value in features.items())
        )
        length = struct.pack("<Q", len(data))
        out += length + struct.pack("<I", masked(crc32c(length))) + data + struct.pack("<I", masked(crc32c(data)))
    path.write_bytes(zlib.compress(out))
    return path


def differences(one: Windows, here: int, two: Windows, there: int) -> list[str]:
    """What differs between a window of one set and a window of another."""
    left, right = one.window(here), two.window(there)
    names = ["token_to_orig_map", "token_is_max_context"]
    arrays = [(name, getattr(left, name), getattr(right, name)) for name in names]
    inputs, others = one.inputs(here), two.inputs(there)
    arrays += [(name, getattr(inputs, name), getattr(others, name)) for name in inputs._fields]
    found = [name for name, own, other in arrays if not np.array_equal(own, other)]
    return found + ["tokens"] * (left.tokens != right.tokens) + ["qas_id"] * (left.qas_id != right.qas_id)


@quick
@given(st.integers(1, 120), st.integers(1, 60), st.integers(1, 60))
def test_every_context_token_is_seen_and_has_one_widest_window(length: int, room: int, stride: int) -> None:
    pieces = spans(length, room, stride)
    assert pieces[0][0] == 0
    assert pieces[-1][1] == length
    assert all(0 < end - start <= room for start, end in pieces)
    assert all(first[1] < length and first[0] < second[0] <= first[1] for first, second in itertools.pairwise(pieces))
    widest = np.full(length, -1)
    for number, (start, end) in enumerate(pieces):
        own = widest_window(pieces, start, end) == number
        assert (widest[start:end][own] == -1).all()
        widest[start:end][own] = number
    for token in range(length):
        seen = [
            (min(token - start, end - 1 - token) + 0.01 * (end - start), -number)
            for number, (start, end) in enumerate(pieces)
            if start <= token < end
        ]
        assert widest[token] == -max(seen)[1]


@quick
@given(
    context=st.lists(st.text("abcz.", min_size=1, max_size=6), min_size=1, max_size=60),
    question=st.text("abc ?", max_size=30),
    sequence=st.integers(24, 40),
    stride=st.integers(1, 20),
)
def test_windows_hold_the_question_and_all_of_the_context(
    tmp_path: Path, wordpiece: WordPiece, context: list[str], question: str, sequence: int, stride: int
) -> None:
    path = squad_file(tmp_path, [(" ".join(context), [question])])
    windows = TextWindows(path, wordpiece, sequence=sequence, doc_stride=stride, max_query_length=12)
    asked = wordpiece.pieces([question]).tokens[:12]
    words_seen = set()
    max_contexts = 0
    for index in range(len(windows)):
        window, inputs = windows.window(index), windows.inputs(index)
        size = len(window.tokens)
        assert size <= sequence
        assert window.tokens[: len(asked) + 2] == ["[CLS]", *asked, "[SEP]"]
        assert window.context_start == len(asked) + 2
        assert [wordpiece.id_of(token) for token in window.tokens] == inputs.input_ids[:size].tolist()
        assert inputs.input_mask.tolist() == [1] * size + [0] * (sequence - size)
        assert inputs.segment_ids.tolist() == [0] * (len(asked) + 2) + [1] * (size - len(asked) - 2) + [0] * (
            sequence - size
        )
        assert not inputs.input_ids[size:].any()
        words_seen |= set(window.token_to_orig_map.tolist())
        max_contexts += int(window.token_is_max_context.sum())
    assert words_seen == set(range(len(split_words(" ".join(context)))))
    assert max_contexts == len(wordpiece.pieces(context).tokens)


def test_windows_survive_being_stored_as_records(tmp_path: Path, wordpiece: WordPiece) -> None:
    path = squad_file(tmp_path, [("some words, " * 30, ["who?", "where is it?"]), ("few words", ["when?"])])
    cut = TextWindows(path, wordpiece, sequence=64, doc_stride=20, max_query_length=16)
    stored = RecordWindows(record_file(tmp_path / "some.tfrecord", cut), 64)
    assert len(cut) > 5
    assert len(stored) == len(cut)
    assert [differences(cut, index, stored, index) for index in range(len(cut))] == [[]] * len(cut)
    assert stored.questions() == cut.questions() == ["0-0", "0-1", "1-0"]


def test_a_count_keeps_the_first_windows(tmp_path: Path, wordpiece: WordPiece) -> None:
    path = squad_file(tmp_path, [("some words, " * 30, ["who?", "where is it?"])])
    cut = TextWindows(path, wordpiece, sequence=64, doc_stride=20, max_query_length=16)
    records = record_file(tmp_path / "some.tfrecord", cut)
    for few in (
        TextWindows(path, wordpiece, sequence=64, doc_stride=20, max_query_length=16, count=3),
        RecordWindows(records, 64, 3),
    ):
        assert len(few) == 3
        assert few.questions() == ["0-0"]
        assert differences(few, 2, cut, 2) == []
    assert len(RecordWindows(records, 64, 10_000)) == len(cut)


def test_records_that_contradict_the_model_or_themselves_are_named(tmp_path: Path, wordpiece: WordPiece) -> None:
    path = squad_file(tmp_path, [("some words", ["who?"])])
    cut = TextWindows(path, wordpiece, sequence=64, max_query_length=16)
    records = record_file(tmp_path / "some.tfrecord", cut)
    with pytest.raises(DataMissing, match=r"record 0 has 64 input_ids, but max_seq_length is 384"):
        RecordWindows(records, 384)
    bad = RecordWindows(record_file(tmp_path / "bad.tfrecord", cut, token_is_max_context=[1, 1]), 64)
    with pytest.raises(
        DataMissing, match=r"bad\.tfrecord, record 0 contradicts itself: 16 tokens, 9 of them.*2 marked"
    ):
        bad.window(0)


def test_broken_records_are_named(tmp_path: Path) -> None:
    path = tmp_path / "some.tfrecord"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(DataMissing, match=r"some\.tfrecord is no TFRecord"):
        RecordWindows(path, 384)


def test_a_ground_truth_is_no_set_of_windows(zoo: Path) -> None:
    with pytest.raises(DataMissing, match="holds no windows: its records have answers, qas_id, tokens, words"):
        RecordWindows(zoo / "datasets" / "squad" / "squad_groundtruth.tfrecord", 384)


@pytest.mark.parametrize(("sequence", "stride", "query"), [(64, 0, 16), (64, 20, 61), (64, 20, 0), (3, 1, 1)])
def test_windows_without_room_are_refused(
    tmp_path: Path, wordpiece: WordPiece, sequence: int, stride: int, query: int
) -> None:
    path = squad_file(tmp_path, [("some words", ["who?"])])
    with pytest.raises(DataMissing, match="leave no room for a context"):
        TextWindows(path, wordpiece, sequence=sequence, doc_stride=stride, max_query_length=query)


def test_contexts_without_words_are_refused(tmp_path: Path, wordpiece: WordPiece) -> None:
    with pytest.raises(DataMissing, match="has no context with a word in it"):
        TextWindows(squad_file(tmp_path, [(" \n", ["who?"])]), wordpiece)


@pytest.mark.parametrize(("context", "question"), [("a b", "w\ud800?"), ("a \udfff b", "who?")])
def test_text_with_half_a_character_is_refused_with_its_question(
    tmp_path: Path, wordpiece: WordPiece, context: str, question: str
) -> None:
    path = tmp_path / "squad.json"
    answers = [{"text": "a", "answer_start": 0}]
    qas = [{"id": "first", "question": question, "answers": answers}]
    path.write_text(json.dumps({"data": [{"paragraphs": [{"context": context, "qas": qas}]}]}))
    with pytest.raises(DataMissing, match=r"question 'first' .*lone surrogate '\\ud(800|fff)'"):
        TextWindows(path, wordpiece)


def test_a_json_in_another_format_is_refused(tmp_path: Path, wordpiece: WordPiece) -> None:
    path = tmp_path / "map.json"
    path.write_text('{"q1": ["a"]}')
    with pytest.raises(DataMissing, match=r"map\.json is not in SQuAD's format"):
        TextWindows(path, wordpiece)


def test_windows_of_the_dev_set_equal_mlperfs_own(zoo: Path, tmp_path: Path) -> None:
    """Contexts are the ground truth's words; question texts are put together from each first window's own tokens.

    Every question with more than one window is taken, every tenth of the others, and those where a difference is known.
    """
    squad = zoo / "datasets" / "squad"
    official = RecordWindows(squad / "squad_eval.tfrecord", 384)
    words_of = read_truth(squad / "squad_groundtruth.tfrecord").words_of
    assert words_of is not None
    places: dict[str, list[int]] = {}
    for index in range(len(official)):
        places.setdefault(official.qas_id(index), []).append(index)
    assert (len(official), len(places)) == (10833, 10570)
    blazer = [7260, 7261, 7262]
    taken = [
        (qas_id, indices)
        for number, (qas_id, indices) in enumerate(places.items())
        if len(indices) > 1 or number % 10 == 0 or indices[0] in blazer
    ]
    paragraphs = []
    for qas_id, indices in taken:
        window = official.window(indices[0])
        question = joined_pieces(window.tokens[1 : window.context_start - 1])
        qa = {"id": qas_id, "question": question, "answers": []}
        paragraphs.append({"context": " ".join(words_of(qas_id)), "qas": [qa]})
    rebuilt = tmp_path / "rebuilt.json"
    rebuilt.write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}))
    expected = [index for _, indices in taken for index in indices]
    own = TextWindows(rebuilt, WordPiece(squad / "vocab.txt"))
    assert len(own) == len(expected) > 1300
    different = [place for index, place in enumerate(expected) if differences(own, index, official, place)]
    # This copy of the vocabulary has "bazel" where the windows were made with "blaze" (id 15347), a piece of the word
    # "blazer." of one context. With that line put right nothing differs.
    assert different == blazer
    lines = (squad / "vocab.txt").read_text(encoding="utf-8").split("\n")
    assert lines[15347] == "bazel"
    lines[15347] = "blaze"
    (tmp_path / "vocab.txt").write_text("\n".join(lines), encoding="utf-8")
    right = TextWindows(rebuilt, WordPiece(tmp_path / "vocab.txt"))
    assert [place for place in blazer if differences(right, expected.index(place), official, place)] == []
