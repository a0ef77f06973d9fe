"""How a wake word is heard in a stream: hits, misses and false alarms, by MLPerf Tiny's rules.

A word counts as heard where anything is detected from its start to a second after its end, and what is detected there is no
false alarm; all else is, one a second at most (TI benchmark/runner/streaming_ww_utils.py, whose counts a submission's limits
of 8 speak of). The reference's own evaluation of a model gives a word half a second alone (TI
benchmark/training/streaming_wakeword/str_ww_util.py): its published 40 of 50 words are by that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from accuracy.truth.time_windows import Span

HEARD_UNTIL_S = 1.0
"""After the end of a word, by the runner."""
EXCUSED_UNTIL_S = 1.0
"""Likewise: till then, what is detected is no false alarm."""
DEBOUNCE_S = 1.0


@dataclass(frozen=True, slots=True)
class StreamOutcome:
    """What came of one stream."""

    was_heard: tuple[bool, ...]
    """Of each word."""
    alarms_s: tuple[float, ...]
    """When something was heard where no word was."""

    @property
    def hits(self) -> int:
        """Words that were heard."""
        return sum(self.was_heard)

    @property
    def misses(self) -> int:
        """Words that were not."""
        return len(self.was_heard) - self.hits

    @property
    def false_alarms(self) -> int:
        """How often a word was heard that was not said."""
        return len(self.alarms_s)


def judge(detected_s: Sequence[float], words: Sequence[Span], heard_until_s: float = HEARD_UNTIL_S) -> StreamOutcome:
    """Counts.

    Args:
        detected_s: When the model was sure, in s from the start of the stream, ascending.
        words: When the wake word is said.
        heard_until_s: How long after its end a word may be heard.
    """
    excused_s = max(EXCUSED_UNTIL_S, heard_until_s)
    hits = tuple(any(word.start_s <= at <= word.end_s + heard_until_s for at in detected_s) for word in words)
    alarms, last = list[float](), float("-inf")
    for at in detected_s:
        if any(word.start_s <= at <= word.end_s + excused_s for word in words):
            continue
        if at - last > DEBOUNCE_S:
            alarms.append(at)
            last = at
    return StreamOutcome(hits, tuple(alarms))
