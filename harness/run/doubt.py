"""A score that is no better than guessing: whether the same log, read another way, would have scored."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from accuracy.answers.log import Answer, LogError
from accuracy.errors import TruthError
from accuracy.metric.doubt import OtherReading, remark
from tasks.base import DataMissing, Reading, Task

_FEW = 3
"""Fewer samples are no base for a word on a score that no reading explains."""


def other_reading(task: Task, value: float, answers: Callable[[], Iterable[Answer]]) -> str | None:
    """The remark for a score that guessing reaches too, with the reading of the same answers that explains it, if any does.

    Args:
        task: What was scored.
        value: Its headline, or what it is `told_by`.
        answers: Reads the log once more.

    Returns:
        None where the score is better than guessing or cannot be told from it, or of too few samples.
    """
    chance = task.chance()
    if value > chance or not chance:
        return None

    def read(reading: Reading) -> float:
        try:
            return reading.score(answers())
        except (LogError, TruthError, DataMissing):
            return 0.0  # it cannot be read so

    readings = (
        OtherReading(reading.words, reading.meaning, partial(read, reading), reading.last_resort)
        for reading in task.readings(answers)
    )
    found = remark(task.told_by or task.headline, value, chance, readings)
    return found or (None if len(task) < _FEW else _unexplained(task, value))


def _unexplained(task: Task, value: float) -> str:
    return (
        f"{task.told_by or task.headline} {value:.4g} is no better than guessing, and no other reading of the answers that was "
        "tried explains it: are the classes of the ground truth the model's, in its order, and is the input prepared as the "
        "model wants it?"
    )
