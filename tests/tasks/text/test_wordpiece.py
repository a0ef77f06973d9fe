"""WordPiece tokens from a vocabulary file."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accuracy.answers.squad_text import basic_tokens
from tasks.base import DataMissing
from tasks.text.wordpiece import WordPiece

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
TOKENS = [*SPECIAL, *"abc.", "##a", "##b", "##c", "ab", "##bc", "abca", "cab", "##cab"]


def vocab_file(folder: Path, tokens: list[str]) -> Path:
    path = folder / "vocab.txt"
    path.write_text("".join(f"{token}\n" for token in tokens), encoding="utf-8")
    return path


def longest_match(word: str) -> list[str]:
    """WordPiece by its definition: the longest piece that fits, again and again; nothing fits: an unknown word."""
    pieces: list[str] = []
    rest = word
    while rest:
        prefix = "##" if pieces else ""
        fits = [length for length in range(len(rest), 0, -1) if prefix + rest[:length] in TOKENS]
        if not fits:
            return ["[UNK]"]
        pieces.append(prefix + rest[: fits[0]])
        rest = rest[fits[0] :]
    return pieces


def test_blanks_around_the_tokens_of_a_vocabulary_are_none_of_them(tmp_path: Path) -> None:
    spaced = WordPiece(
        vocab_file(tmp_path, [f"{token} " if place % 2 else f"\t{token}" for place, token in enumerate(TOKENS)])
    )
    assert spaced.pieces(["abc"]).ids == [TOKENS.index("ab"), TOKENS.index("##c")]


@settings(derandomize=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(words=st.lists(st.text("abcABCdÄ.", max_size=9), max_size=5))
def test_words_become_the_longest_pieces_that_fit(tmp_path: Path, words: list[str]) -> None:
    pieces = WordPiece(vocab_file(tmp_path, TOKENS)).pieces(words)
    expected = [
        (piece, at) for at, word in enumerate(words) for token in basic_tokens(word) for piece in longest_match(token)
    ]
    assert list(zip(pieces.tokens, pieces.words.tolist(), strict=True)) == expected
    assert pieces.ids == [TOKENS.index(piece) for piece in pieces.tokens]


@pytest.mark.parametrize(
    ("word", "tokens"),
    [
        ("a\ue000b", ["a", "##\ue000", "##b"]),  # private use
        ("a\U0010fffdb", ["[UNK]"]),
        ("a\u0378b", ["[UNK]"]),  # unassigned
        ("a\ufdd0b", ["[UNK]"]),  # no character
        ("a\U0001fae0b", ["[UNK]"]),  # an emoji of Unicode 14, newer than the library's tables
        ("a\U0002b820b", ["a", "[UNK]", "b"]),  # Chinese, of the part that the library's range leaves out
        ("a\u200bb", ["a", "##b"]),  # a format character
        ("a\u0000\ufffd\x07b", ["a", "##b"]),
        ("a\u2028b", ["a", "b"]),
        ("AB\u03a3", ["a", "##b", "##\u03c2"]),  # Python's lower case at the end of a word
    ],
)
def test_characters_are_dropped_and_parted_as_berts_own_script_does(
    tmp_path: Path, word: str, tokens: list[str]
) -> None:
    vocabulary = [*SPECIAL, "a", "b", "##b", "##\ue000", "##\u03c2"]
    pieces = WordPiece(vocab_file(tmp_path, vocabulary)).pieces(["b", word])
    assert pieces.tokens == ["b", *tokens]
    assert pieces.words.tolist() == [0] + [1] * len(tokens)


def test_words_of_two_hundred_characters_are_still_cut(tmp_path: Path) -> None:
    wordpiece = WordPiece(vocab_file(tmp_path, TOKENS))
    assert wordpiece.pieces(["c" * 200]).tokens == ["c", *["##c"] * 199]
    assert wordpiece.pieces(["c" * 201]).tokens == ["[UNK]"]


def test_special_tokens_in_a_text_are_only_text(tmp_path: Path) -> None:
    tokens = [*SPECIAL, "[", "]", *(letter for letter in string.ascii_lowercase), *(f"##{letter}" for letter in "sep")]
    assert WordPiece(vocab_file(tmp_path, tokens)).pieces(["[SEP]"]).tokens == ["[", "s", "##e", "##p", "]"]


def test_a_vocabulary_may_have_windows_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "vocab.txt"
    path.write_bytes("\r\n".join(TOKENS).encode())
    wordpiece = WordPiece(path)
    assert len(wordpiece) == len(TOKENS)
    assert wordpiece.id_of("[SEP]") == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"the\nof\n", r"vocab\.txt is no BERT vocabulary \(2 lines\): it lacks \[PAD\], \[UNK\], \[CLS\], \[SEP\]"),
        (b"[PAD]\n[UNK]\n[CLS]\n[SEP]\na\na\n", r"has 'a' twice, in lines 5 and 6"),
        (b"\xff\n", r"vocab\.txt is not UTF-8"),
        (None, r"vocab\.txt cannot be read"),
    ],
)
def test_a_file_that_is_no_vocabulary_is_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "vocab.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataMissing, match=message):
        WordPiece(path)
