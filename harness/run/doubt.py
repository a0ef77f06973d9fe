"""A score that is no better than guessing: whether the same log, read another way, would have scored."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from accuracy.answers.log import Answer, LogError
from accuracy.errors import TruthError
from tasks.base import DataMissing, Task

_CLEARLY = 2
"""So many times the score another reading must reach to be worth a word."""


def other_reading(task: Task, value: float, answers: Callable[[], Iterable[Answer]]) -> str | None:
    """The remark for a score that guessing reaches too, where another reading of the same answers explains it.

    Args:
        task: What was scored.
        value: Its headline.
        answers: Reads the log once more.

    Returns:
        None where the score is better than guessing, or where no reading is clearly better.
    """
    if value > task.chance():
        return None
    best, meant = max(_CLEARLY * value, task.chance()), None
    for reading in task.readings():
        try:
            found = reading.score(answers())
        except (LogError, TruthError, DataMissing):
            continue  # it cannot be read so
        if found > best:
            best, meant = found, reading
    if meant is None:
        return None
    return (
        f"{task.headline} {value:.4g} is no better than guessing; read with {meant.words} it would be {best:.4g}: "
        f"{meant.meaning}"
    )
