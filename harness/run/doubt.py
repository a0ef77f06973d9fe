"""A score that is no better than guessing: whether the same log, read another way, would have scored."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from accuracy.answers.log import Answer, LogError
from accuracy.errors import TruthError
from accuracy.metric.doubt import OtherReading, remark
from tasks.base import DataMissing, Reading, Task


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

    def read(reading: Reading) -> float:
        try:
            return reading.score(answers())
        except (LogError, TruthError, DataMissing):
            return 0.0  # it cannot be read so

    readings = (
        OtherReading(reading.words, reading.meaning, partial(read, reading), reading.last_resort)
        for reading in task.readings()
    )
    return remark(task.headline, value, task.chance(), readings)
