"""The words that decide, in colour, for a terminal alone."""

from __future__ import annotations

import re
from collections.abc import Mapping

_GOOD, _BAD = "32", "31"
_WORDS = re.compile(r"\b(VALID|INVALID|FAILED|MISSED|REGRESSED)\b")


def coloured(text: str, environment: Mapping[str, str]) -> str:
    """The same with VALID in green and what is wrong in red; as it is where NO_COLOR is set, or the terminal is dumb.

    Args:
        text: As it is shown.
        environment: Of the process (https://no-color.org: any value but an empty one).
    """
    if environment.get("NO_COLOR") or environment.get("TERM") == "dumb":
        return text
    return _WORDS.sub(lambda word: f"\x1b[1;{_GOOD if word[1] == 'VALID' else _BAD}m{word[1]}\x1b[0m", text)
