"""BERT's plain text, and the way back to the words as written."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from accuracy.answers.squad_text import basic_tokens, joined_pieces, original_text, split_words
from accuracy.records.example import Example
from accuracy.records.tfrecord import Records

quick = settings(deadline=None, derandomize=True, max_examples=200)
written = st.text(st.sampled_from(string.ascii_letters + "éüÅñ0123 .,'-$()\u2013\u00a0\u4e2d"), max_size=40)


@quick
@given(written)
def test_plain_text_is_what_the_tokenizers_library_makes_of_it(text: str) -> None:
    normalised = BertNormalizer(clean_text=True, handle_chinese_chars=True, strip_accents=True, lowercase=True)
    expected = [token for token, _ in BertPreTokenizer().pre_tokenize_str(normalised.normalize_str(text))]
    assert basic_tokens(text) == expected


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Steve Smith's", ["steve", "smith", "'", "s"]),
        ("Ångström", ["angstrom"]),
        ("$5.20~", ["$", "5", ".", "20", "~"]),
        ("1\u20135 \u4e2d\u6587", ["1", "\u2013", "5", "\u4e2d", "\u6587"]),
        ("a\u200bb\x00c\ufffd\td", ["abc", "d"]),
        ("a\ue000b\u0378\U0010fffdc", ["a\ue000b\u0378\U0010fffdc"]),
        ("", []),
    ],
)
def test_plain_text_is_lower_case_without_accents_and_with_punctuation_alone(text: str, tokens: list[str]) -> None:
    assert basic_tokens(text) == tokens


def test_every_word_of_mlperfs_ground_truth_is_plain_as_its_own_tokens_say(zoo: Path) -> None:
    records = Records(zoo / "datasets" / "squad" / "squad_groundtruth.tfrecord")
    seen = set()
    for number, record in enumerate(records):
        example = Example(record, records.name(number))
        if (raw := example.raw("words")) not in seen:
            seen.add(raw)
            words = example.texts("words")
            assert [" ".join(basic_tokens(word)) for word in words] == example.texts("tokens")
            assert split_words(" ".join(words)) == words
    assert len(seen) == 2067


def test_words_part_at_five_kinds_of_space_only() -> None:
    assert split_words(" a\tb\u202fc\r\nd\u00a0e  f ") == ["a", "b", "c", "d\u00a0e", "f"]
    assert split_words(" \n") == []


def test_pieces_are_joined() -> None:
    assert joined_pieces(["santa", "cl", "##ara", ",", "ca"]) == "santa clara , ca"
    assert joined_pieces(["##ara", "x"]) == "ara x"


@pytest.mark.parametrize(
    ("plain", "original", "found"),
    [
        ("steve smith", "Steve Smith's", "Steve Smith"),
        ("santa clara , california", "Santa Clara, California.", "Santa Clara, California"),
        ("1895", "(1895-1943).", "1895"),
        ("angstrom", "(Ångström)", "Ångström"),
        ("japan", "the Japanese", "Japan"),
        ("[UNK] b", "\u1234\u1235 B.", "\u1234\u1235 B."),  # a word that the vocabulary does not know
        ("x", "a\u200bx", "a\u200bx"),  # a character that plain text lacks: nothing can be counted off
        ("", "Whatever", "Whatever"),
    ],
)
def test_an_answer_is_given_as_it_was_written(plain: str, original: str, found: str) -> None:
    assert original_text(plain, original) == found


@quick
@given(
    st.lists(st.text(string.ascii_letters + string.digits + "é.,'()-", min_size=1, max_size=8), min_size=1, max_size=6),
    st.data(),
)
def test_any_run_of_tokens_comes_back_as_a_part_of_the_original_that_reads_the_same(
    words: list[str], data: st.DataObject
) -> None:
    original = " ".join(words)
    tokens = basic_tokens(original)
    first = data.draw(st.integers(0, len(tokens) - 1))
    last = data.draw(st.integers(first, len(tokens) - 1))
    plain = " ".join(tokens[first : last + 1])
    found = original_text(plain, original)
    assert found in original
    assert "".join(basic_tokens(found)) == plain.replace(" ", "")
