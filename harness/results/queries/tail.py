"""Why the slowest queries of a run were slow, as far as the machine tells: query_times.bin held against machine_trace.bin."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from harness.machine.watched.sampler import COLUMNS, UNKNOWN
from harness.results.queries.machine_trace import read_machine_trace
from harness.results.queries.query_times import KeptTimes
from harness.statistics.coincidence import Events

_BEYOND = 3.0
"""So many interquartile ranges above the upper quartile begins what lies outside: J. W. Tukey's outer fence
("Exploratory Data Analysis", 1977, section 2D)."""
_WINDOWS_EACH = 10
"""Windows for one outlier: where more have one, the slowest are looked at, or no window would be without."""
_BY_CHANCE = 0.01
"""How often at most a run has a cause named of which nothing is true; the causes share it."""
Kind = Literal["counted", "highest", "lowest"]
_CAUSES: tuple[tuple[str, str, Kind], ...] = (
    ("waited_ns", "waiting for a CPU", "counted"),
    ("preempted", "another thread taking the CPU", "counted"),
    ("migrations", "moves to another CPU", "counted"),
    ("minor_faults", "page faults", "counted"),
    ("major_faults", "page faults that read the disk", "counted"),
    ("steal_ms", "time stolen by other machines", "counted"),
    ("others_ms", "other work on the CPUs", "counted"),
    ("khz", "a lower clock", "lowest"),
    ("millicelsius", "heat", "highest"),
    ("throttled", "throttling", "counted"),
)


@dataclass(frozen=True, slots=True)
class Cause:
    """Something that the slowest queries coincide with."""

    what: str
    outliers: int
    """So many of those looked at."""
    by_accident: float
    """So many would if the two had nothing to do with each other."""


@dataclass(frozen=True, slots=True)
class Tail:
    """The queries that took far longer than most, and what they coincide with."""

    fence_ns: float
    """What took longer lies outside."""
    outliers: int
    queries: int
    looked_at: int = 0
    """The slowest of the outliers, so few that most of the time has none; 0 where nothing could be said."""
    every_s: float | None = None
    """How often the machine was sampled; None where it was not."""
    causes: tuple[Cause, ...] = ()
    """What they coincide with beyond chance, the most first."""
    asked: tuple[str, ...] = ()
    """What was looked for."""
    untold: tuple[str, ...] = ()
    """What the machine does not tell."""
    why_not: str = ""
    """Why nothing can be said."""


def fence_of(latency_ns: npt.NDArray[np.int64]) -> float:
    """What takes longer is an outlier, in ns."""
    quarter, three_quarters = np.percentile(latency_ns, [25, 75])
    # A clock of whole units can make the quartiles equal: a tenth of the median is then no outlier.
    return float(three_quarters + max(_BEYOND * (three_quarters - quarter), 0.1 * float(np.median(latency_ns))))


def tail_of(folder: Path, times: KeptTimes) -> Tail | None:
    """Of a run; None of one without queries.

    Args:
        folder: The run's directory.
        times: Its queries.

    Raises:
        ConfigError: What the machine did is kept in a file that is damaged.
    """
    if not len(times.latency_ns):
        return None
    samples = read_machine_trace(folder)
    return joined(times, samples)


def joined(times: KeptTimes, samples: npt.NDArray[np.int64] | None) -> Tail:
    """Holds the slowest queries against what was sampled.

    Args:
        times: Of one query at least.
        samples: int64 [samples, columns], in order of time; None where there are none.
    """
    fence = fence_of(times.latency_ns)
    outside = np.flatnonzero(times.latency_ns > fence)
    said = Tail(fence, len(outside), len(times.latency_ns))
    if not len(outside):
        return said
    if samples is not None and times.began_ns is not None:
        # LoadGen writes its logs after the last query, for seconds where they were many.
        samples = samples[samples[:, 0] <= times.began_ns + times.ended_ns[-1]]
    if samples is None or len(samples) < 2 or times.began_ns is None:
        return _with(said, why_not="what the machine did meanwhile was not sampled")
    if samples[-1, 0] < times.began_ns:
        return _with(said, why_not="machine_trace.bin ends before the first query: it is another run's")
    edges = samples[:, 0].astype(np.float64)
    every_s = float(np.median(np.diff(edges))) / 1e9
    most = max(1, (len(samples) - 1) // _WINDOWS_EACH)
    worst = outside[np.argsort(-times.latency_ns[outside], kind="stable")[:most]]
    ended = (times.began_ns + times.ended_ns[worst]).astype(np.float64)
    events = Events(ended - times.latency_ns[worst], ended, edges)
    if not events.enough:
        return _with(
            said, every_s=every_s, why_not="too few samples of the machine are without one to say what is usual"
        )
    level = _BY_CHANCE / len(_CAUSES)
    if events.least_chance > level:
        why = "too few, in too few samples of the machine, to tell cause from accident"
        return _with(said, every_s=every_s, why_not=why)
    causes, asked, untold = list[Cause](), list[str](), list[str]()
    for column, what, kind in _CAUSES:
        values = _in_windows(samples[:, COLUMNS.index(column)], kind)
        (untold if values is None else asked).append(what)
        if values is None:
            continue
        found = events.with_cause(values)
        if found.events and found.chance <= level:
            causes.append(Cause(what, found.events, found.by_accident))
    causes.sort(key=lambda cause: -cause.outliers)
    return Tail(
        fence, len(outside), len(times.latency_ns), len(events), every_s, tuple(causes), tuple(asked), tuple(untold)
    )


def _with(said: Tail, *, why_not: str, every_s: float | None = None) -> Tail:
    return Tail(said.fence_ns, said.outliers, said.queries, every_s=every_s, why_not=why_not)


def _in_windows(values: npt.NDArray[np.int64], kind: Kind) -> npt.NDArray[np.float64] | None:
    """[samples] of a column as [windows], the larger the worse; None where the machine does not tell."""
    if np.any(values == UNKNOWN):
        return None
    if kind == "counted":
        return np.diff(values).astype(np.float64)
    pairs = np.stack([values[:-1], values[1:]])
    found = pairs.max(axis=0) if kind == "highest" else -pairs.min(axis=0)
    return np.asarray(found, np.float64)
