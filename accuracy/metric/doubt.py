"""A score that is no better than guessing: whether the same answers, read another way, would have scored."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

_CLEARLY = 2
"""So many times the score another reading must reach to be worth a word."""


class OtherReading(NamedTuple):
    """Another way in which answers, or their ground truth, may have been meant."""

    words: str
    """How it is read so, to stand after "read with"."""
    meaning: str
    """What that would say of the answers or the truth, and how to say so to the program where it can be said."""
    score: Callable[[], float]
    """The headline of the same answers, read so; 0 where they cannot be."""
    last_resort: bool = False
    """Whether it is worth a word only where no other is."""


def remark(headline: str, value: float, chance: float, readings: Iterable[OtherReading]) -> str | None:
    """The remark for a score that guessing reaches too, where another reading of the same answers explains it.

    Args:
        headline: The metric's name.
        value: What was scored.
        chance: Up to which a score is no better than guessing.
        readings: To be tried.

    Returns:
        None where the score is better than guessing, or where no reading is clearly better.
    """
    if value > chance:
        return None
    best, meant = max(_CLEARLY * value, chance), None
    for reading in readings:
        if reading.last_resort and meant is not None:
            continue
        if (found := reading.score()) > best:
            best, meant = found, reading
    if meant is None:
        return None
    return f"{headline} {value:.4g} is no better than guessing; read with {meant.words} it would be {best:.4g}: {meant.meaning}"
