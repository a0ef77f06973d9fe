"""What a message shows of values that may be many or long: the first few, and how many there are."""

from __future__ import annotations

import re
from collections.abc import Sequence

_ITEMS = 5
_CHARACTERS = 80
_MOST_OF_A_MESSAGE = 4000
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What a terminal obeys instead of showing it, what turns text around, and halves of characters, which no stream takes."""


def some(values: Sequence[object], most: int = _ITEMS) -> str:
    """The first values, separated by commas, each cut where it is long, and `, ...` where there are more."""
    return ", ".join(brief(value) for value in values[:most]) + (", ..." if len(values) > most else "")


def bounded(message: str, most: int = _MOST_OF_A_MESSAGE) -> str:
    """A whole message, its middle left out where a value in it is longer than anyone reads."""
    if len(message) <= most:
        return message
    head, tail = most * 3 // 4, most // 4
    return f"{message[:head]} ... ({len(message) - head - tail:,} characters left out) ... {message[-tail:]}"


def brief(value: object, most: int = _CHARACTERS) -> str:
    """A value as text of one line, cut where it is long."""
    text = " ".join(str(value).split()) if isinstance(value, str) else repr(value)
    return text if len(text) <= most else f"{text[: most - 3]}..."


def printable(text: str) -> str:
    r"""A text as it may go to a terminal: what would steer the terminal, and did not come from us, is shown as `\x1b`.

    Names of files and tensors, configs, results and what servers say may hold anything. Ends of lines and tabs stay.
    """
    return _UNPRINTABLE.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"
