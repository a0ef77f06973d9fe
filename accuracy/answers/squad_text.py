"""BERT's plain view of a text, and the way back from it to the words as they were written.

BERT sees text lower-cased, without accents, with punctuation and Chinese characters standing alone ("basic tokens",
google-research/bert tokenization.py). An answer is chosen among such tokens, but scored as the original text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_WORD_BREAK = re.compile("[ \t\r\n\u202f]+")
_CJK_RANGES = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


def split_words(context: str) -> list[str]:
    """A context's words, as BERT's run_squad.py counts them: only these five characters part words."""
    return [word for word in _WORD_BREAK.split(context) if word]


def basic_tokens(text: str) -> list[str]:
    """Lower case, no accents, no control characters; punctuation and Chinese characters are tokens of their own.

    Control is what Unicode calls Cc and Cf: private and unassigned characters stay, where transformers drops them.
    """
    if text.isascii() and text.isalnum():
        return [text.lower()]
    cleaned = "".join(map(_clean, text))
    tokens: list[str] = []
    for word in cleaned.split():
        plain = "".join(c for c in unicodedata.normalize("NFD", word.lower()) if unicodedata.category(c) != "Mn")
        tokens += "".join(f" {c} " if _is_punctuation(c) else c for c in plain).split()
    return tokens


def joined_pieces(tokens: Sequence[str]) -> str:
    """WordPiece tokens as text: "##" marks a piece that continues the word before it."""
    text = " ".join(tokens).replace(" ##", "").replace("##", "")
    return " ".join(text.split())


def original_text(plain: str, original: str) -> str:
    """The part of `original` that `plain` was made from.

    The basic tokens of `original` have its characters one to one but for spaces; where they have not (an accent that
    was a character of its own, a character that was dropped), or where `plain` is not among them (a word the vocabulary
    does not know), all of `original` is the answer, as in BERT's get_final_text.

    Args:
        plain: The answer as text made of basic tokens.
        original: The original words the answer lies in, joined by single spaces.
    """
    tokenised = " ".join(basic_tokens(original))
    start = tokenised.find(plain)
    if start < 0 or not plain:
        return original
    places = [at for at, character in enumerate(original) if character != " "]
    if len(places) != len(tokenised) - tokenised.count(" "):
        return original
    first = start - tokenised.count(" ", 0, start)
    last = first + len(plain) - plain.count(" ") - 1
    return original[places[first] : places[last] + 1]


def _clean(character: str) -> str:
    code = ord(character)
    if character in " \t\n\r":
        return " "
    if code == 0 or code == 0xFFFD:
        return ""
    category = unicodedata.category(character)
    if category in ("Cc", "Cf"):
        return ""
    if category == "Zs":
        return " "
    if any(low <= code <= high for low, high in _CJK_RANGES):
        return f" {character} "
    return character


def _is_punctuation(character: str) -> bool:
    """All ASCII that is neither letter, digit nor space counts, "$" and "~" too, besides Unicode's own punctuation."""
    if character.isascii():
        return character.isprintable() and not character.isalnum() and character != " "
    return unicodedata.category(character).startswith("P")
