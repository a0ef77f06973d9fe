"""Names of classes that are numbers in other words: `three`, `III`, `class_3`, `3_bird`. The alphabet orders them otherwise."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

# fmt: off
_WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)
# fmt: on
_ROMAN = re.compile(r"(x{0,3})(ix|iv|v?i{0,3})")
_BEFORE = re.compile(r"(\d{1,6})[\s_.:)-]+\D.*")
_AFTER = re.compile(r"\D+(\d{1,6})")


def counted(names: Sequence[str]) -> list[int] | None:
    """The numbers that names say, where all say one and these are all numbers from 0 or 1; else None.

    Args:
        names: Of the classes of one list.
    """
    for read in (_plain, _word, _roman, _before, _after):
        found = [number for name in names if (number := read(name.strip())) is not None]
        if len(found) == len(names) and is_count(found):
            return found
    return None


def is_count(numbers: Sequence[int]) -> bool:
    """Whether these are all numbers from 0 or 1, in whatever order."""
    return sorted(numbers) in (list(range(len(numbers))), list(range(1, len(numbers) + 1)))


def _plain(name: str) -> int | None:
    return int(name) if name.isascii() and name.isdecimal() else None


def _word(name: str) -> int | None:
    word = name.lower()
    return _WORDS.index(word) if word in _WORDS else None


def _roman(name: str) -> int | None:
    match = _ROMAN.fullmatch(name.lower())
    if match is None or not name:
        return None
    tens, ones = match.groups()
    return 10 * len(tens) + (9 if ones == "ix" else 4 if ones == "iv" else 5 * ones.count("v") + ones.count("i"))


def _matched(pattern: re.Pattern[str]) -> Callable[[str], int | None]:
    return lambda name: int(match[1]) if (match := pattern.fullmatch(name)) else None


_before, _after = _matched(_BEFORE), _matched(_AFTER)
