"""What a verb has to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a verb has to say."""

    status: int
    text: str
    data: dict[str, Any]
    """Printed instead of the text with --json."""
    complaint: str = ""
    """Said on standard error as well: what went wrong, where there is a result all the same."""
    as_it_is: bool = False
    """The text is for a program: commands in it are not put into the words of the way in."""
    wanted: bool = False
    """The text is a format asked for by name on standard output: --quiet does not take it away."""
