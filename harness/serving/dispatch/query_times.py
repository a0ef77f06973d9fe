"""How long each query took and when it ended, kept while LoadGen asks in memory that was taken before: 8 bytes a query.

By the harness's own clock, from the callback to the answer; LoadGen's trace stays the reference.
`harness.results.queries.query_times` writes and reads the file that becomes of it.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from time import monotonic_ns
from typing import TypeVar

from harness.results.queries.query_times import FIRST_BEGAN, HEAD_WORDS, LAST_ENDED, MOST_KEPT, MOST_UNITS, SEEN, SHIFT

_COARSE_FROM_NS = 40_000_000
"""Where a query is expected to take so long, a unit is 1,024 ns: half a word then holds an hour, else 4.3 s."""
_COARSE = 10

A = TypeVar("A")
R = TypeVar("R")


class QueryTimes:
    """Where one thread writes. Nothing is allocated while it does; beyond its room queries are only counted."""

    __slots__ = ("words",)

    def __init__(self, most: int, expected_latency_ns: int) -> None:
        """For so many queries at most, of about this latency."""
        room = min(MOST_KEPT, most)
        # Written once, so that no page is the kernel's to give while a query waits.
        self.words = array("Q", [0]) * (HEAD_WORDS + room)
        """As `native/timed_path.c` writes it, too: `HEAD_WORDS`, then a word for each query."""
        self.words[SHIFT] = _COARSE if expected_latency_ns >= _COARSE_FROM_NS else 0

    def add(self, began_ns: int, ended_ns: int) -> None:
        """One query."""
        words = self.words
        seen = words[SEEN]
        words[SEEN] = seen + 1
        if not seen:
            words[FIRST_BEGAN] = words[LAST_ENDED] = began_ns
        took, since = ended_ns - began_ns, ended_ns - words[LAST_ENDED]
        words[LAST_ENDED] = ended_ns
        if seen + HEAD_WORDS >= len(words):
            return
        shift = words[SHIFT]
        # No call where nothing is odd: each takes as long as all else here.
        if shift or not (0 <= took <= MOST_UNITS and 0 <= since <= MOST_UNITS):
            took, since = (min(max(span, 0) >> shift, MOST_UNITS) for span in (took, since))
        words[HEAD_WORDS + seen] = took | since << 32


def timed(answer: Callable[[A], R], times: QueryTimes | None) -> Callable[[A], R]:
    """The same, with the times of every call kept; as it is where nobody wants them."""
    if times is None:
        return answer
    add, now = times.add, monotonic_ns

    def answered(asked: A) -> R:
        began_ns = now()
        found = answer(asked)
        add(began_ns, now())
        return found

    return answered
