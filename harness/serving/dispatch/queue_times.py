"""How long Server's queries waited for a worker and were worked on, and when they were done: by our own clock."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from harness.messages.server_times import ServerTimes, TimesAtShares
from harness.results.queries.query_times import KeptTimes

_ROOM = 1 << 16
"""Queries that one worker keeps: a p99 of so many is known to a part in a thousand, in 1.5 MB."""


class QueueTimes:
    """Where one worker writes. Nothing is allocated, and nobody else writes: a query costs three stores.

    Where more queries are expected than there is room for, one of every so many is kept, so that the whole run is seen and not
    its end.
    """

    __slots__ = ("_done", "_every", "_seen", "_waiting", "_working")

    def __init__(self, expected: int) -> None:
        """For about so many queries of one worker."""
        self._every = -(-expected // _ROOM) or 1
        self._seen = 0
        self._waiting, self._working, self._done = (array("q", bytes(8 * _ROOM)) for _ in range(3))

    def add(self, issued_ns: int, began_ns: int, done_ns: int) -> None:
        """One query: asked by LoadGen, taken by a worker, completed."""
        place, rest = divmod(self._seen, self._every)
        self._seen += 1
        if not rest:
            place %= _ROOM
            self._waiting[place] = began_ns - issued_ns
            self._working[place] = done_ns - began_ns
            self._done[place] = done_ns

    def kept(self) -> tuple[array[int], array[int]]:
        """Waiting and working times in ns."""
        count = min(-(-self._seen // self._every), _ROOM)
        return self._waiting[:count], self._working[:count]

    @property
    def done(self) -> array[int]:
        """When each of those that are `kept` was done, in ns of the monotonic clock."""
        return self._done[: len(self.kept()[0])]

    @property
    def seen(self) -> int:
        """Queries that this worker had."""
        return self._seen

    @property
    def every(self) -> int:
        """One of so many is kept."""
        return self._every


def summary(workers: Sequence[QueueTimes]) -> ServerTimes | None:
    """Of all workers, for the result; None where no query was seen."""
    kept = [one.kept() for one in workers]
    waiting, working = (np.concatenate([np.asarray(times) for times in side]) for side in zip(*kept, strict=True))
    if not len(waiting):
        return None
    return ServerTimes(
        waiting_ns=_percentiles(waiting),
        working_ns=_percentiles(working),
        queries_seen=len(waiting),
        clock="the harness's own, not LoadGen's log",
    )


def of_each_query(workers: Sequence[QueueTimes]) -> KeptTimes:
    """Of all workers, in the order in which the queries were done."""
    kept = [(*one.kept(), one.done) for one in workers]
    waiting, working, done = (np.concatenate([np.asarray(times) for times in side]) for side in zip(*kept, strict=True))
    order = np.argsort(done, kind="stable")
    latency, done = (waiting + working)[order], done[order]
    began = int((done - latency).min()) if len(done) else 0
    return KeptTimes(latency, done - began, sum(one.seen for one in workers), max(one.every for one in workers), began)


def _percentiles(times: npt.NDArray[np.int64]) -> TimesAtShares:
    p50, p90, p99 = (int(value) for value in np.percentile(times, (50, 90, 99)))
    return TimesAtShares(p50, p90, p99)
