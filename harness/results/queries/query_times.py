"""query_times.bin in a run's directory: how long each query took, as the harness saw it. The only reader and writer.

A line of JSON, then 8 bytes a query, little-endian: its latency, and how long after the end of the query before it ended, 4
bytes each, in units of `unit_ns`. What took longer than 4 bytes hold has the largest number. In the order of completion.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness.json_records import LEFT_OUT
from harness.results.queries.headed_file import cut, read_headed, unknown_form, write_headed

QUERY_TIMES_FILE = "query_times.bin"
MOST_KEPT = 1_000_000
"""Queries: 8 MB. Those after them are counted."""
SEEN, FIRST_BEGAN, LAST_ENDED, SHIFT, HEAD_WORDS = range(5)
"""The words before the queries' own, while they are kept in memory."""
MOST_UNITS = (1 << 32) - 1
_FORM = "tflite-loadgen query times"


@dataclass(frozen=True, slots=True)
class Head:
    """The first line."""

    form: str
    version: int
    unit_ns: int
    seen: int
    """Queries of the run."""
    every: int
    """One of every so many was kept."""
    kept: int
    """So many follow."""
    began_ns: int | None = field(default=None, metadata=LEFT_OUT)
    """When the first query began, by the machine's monotonic clock; not there in files of earlier versions."""


@dataclass(frozen=True, slots=True)
class KeptTimes:
    """What a run kept."""

    latency_ns: npt.NDArray[np.int64]
    """[queries] Of each, in the order of their ends. What took longer than the form holds (4.3 s, or 73 min where anything
    took longer than that) has the longest that it does."""
    ended_ns: npt.NDArray[np.int64]
    """[queries] When each ended, since the first of them began."""
    seen: int
    """Queries that the run had: more than are kept where they were more than a million, or more than Server has room for."""
    every: int = 1
    """One of every so many was kept: of a Server with very many."""
    began_ns: int | None = None
    """When the first query began, by the machine's monotonic clock; None where an earlier version kept it."""

    @property
    def all(self) -> bool:
        """Whether no query is lacking."""
        return len(self.latency_ns) == self.seen


def of_memory(words: array[int]) -> KeptTimes:
    """What was kept in memory by one thread."""
    kept, unit_ns = min(words[SEEN], len(words) - HEAD_WORDS), 1 << words[SHIFT]
    halves = np.frombuffer(words, "<u4")[2 * HEAD_WORDS : 2 * (HEAD_WORDS + kept)].reshape(-1, 2).astype(np.int64)
    ended_ns = np.cumsum(halves[:, 1]) * unit_ns
    return KeptTimes(halves[:, 0] * unit_ns, ended_ns, words[SEEN], began_ns=words[FIRST_BEGAN])


def write_query_times(folder: Path, times: KeptTimes) -> None:
    """Writes them, whole or not at all.

    Raises:
        OSError: The disk is full.
    """
    longest = max((int(side.max()) for side in (times.latency_ns, np.diff(times.ended_ns)) if len(side)), default=0)
    unit_ns = 1 if longest <= MOST_UNITS and (not len(times.ended_ns) or times.ended_ns[0] <= MOST_UNITS) else 1024
    halves = np.empty((len(times.latency_ns), 2), "<u4")
    halves[:, 0] = np.minimum(times.latency_ns // unit_ns, MOST_UNITS)
    halves[:, 1] = np.minimum(np.diff(times.ended_ns // unit_ns, prepend=0), MOST_UNITS)
    head = Head(_FORM, 1, unit_ns, times.seen, times.every, len(halves), times.began_ns)
    write_headed(folder / QUERY_TIMES_FILE, head, halves.data)


def read_query_times(folder: Path) -> KeptTimes | None:
    """What a run kept; None where it kept none: an accuracy run, Offline, --no-query-times, an earlier version.

    Raises:
        ConfigError: The file is cut, damaged or of another version.
    """
    path = folder / QUERY_TIMES_FILE
    if (read := read_headed(path, Head, _FORM)) is None:
        return None
    head, numbers = read
    if head.unit_ns < 1:
        raise unknown_form(path, head)
    if not 0 <= head.kept <= head.seen or head.every < 1 or len(numbers) != 8 * head.kept:
        raise cut(path, numbers, f"{head.kept:,} queries take {8 * head.kept:,}")
    halves = np.frombuffer(numbers, "<u4").reshape(-1, 2).astype(np.int64) * head.unit_ns
    return KeptTimes(halves[:, 0], np.cumsum(halves[:, 1]), head.seen, head.every, head.began_ns)
