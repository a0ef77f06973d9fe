"""What the slowest queries of a run coincide with, in words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import ConfigError, message_of
from harness.json_records import to_json
from harness.results.queries.query_times import read_query_times
from harness.results.queries.tail import Cause, Tail, tail_of
from harness.results.record import Result, SeriesResult
from harness.units import duration

_MOST = 3


@dataclass(frozen=True, slots=True)
class Outliers:
    """What a finished run's files say of its slowest queries."""

    tail: Tail | None
    why_not: str = ""
    """Why nothing is known."""

    def row(self) -> tuple[str, str]:
        """For the run's table."""
        return "outliers", self.why_not if self.tail is None else tail_text(self.tail)

    def json(self) -> dict[str, Any]:
        """For the run's JSON: the fields of `Tail`, or `why_not` alone."""
        return {"why_not": self.why_not} if self.tail is None else to_json(self.tail)


def outliers_of(directory: Path, result: Result | SeriesResult) -> Outliers | None:
    """Of one timed run; None of a series and of a run that has no figures of time, or no query."""
    if isinstance(result, SeriesResult) or result.performance is None:
        return None
    try:
        times = read_query_times(directory)
        if times is None:
            return Outliers(None, f"n/a: {why_no_times(result)}")
        tail = tail_of(directory, times)
    except ConfigError as error:
        return Outliers(None, message_of(error))
    return None if tail is None else Outliers(tail)


def why_no_times(result: Result) -> str:
    """Why a timed run has no times of its queries."""
    if result.scenario == "Offline":
        return "Offline is one query, whose samples are not timed one by one"
    return "the run kept no times of its queries (--no-query-times, or a version before they were kept)"


def tail_text(tail: Tail) -> str:
    """One or two sentences."""
    if not tail.outliers:
        return f"none of {tail.queries:,} queries took over {duration(tail.fence_ns)}"
    some = f"{tail.outliers:,} of {tail.queries:,} queries took over {duration(tail.fence_ns)}"
    if tail.why_not:
        return f"{some}; {tail.why_not}"
    of = f"the slowest {tail.looked_at:,}" if tail.looked_at < tail.outliers else f"{tail.looked_at:,}"
    if tail.causes:
        return f"{some}; " + ", ".join(_cause(cause, of) for cause in tail.causes[:_MOST])
    whom = f" with the slowest {tail.looked_at:,}" if tail.looked_at < tail.outliers else ""
    return f"{some}; nothing coincides{whom} ({_looked(tail)})"


def _cause(cause: Cause, of: str) -> str:
    return f"{cause.outliers:,} of {of} coincide with {cause.what} ({cause.by_accident:.1f} by accident)"


def _looked(tail: Tail) -> str:
    untold = f"; not told by this machine: {', '.join(tail.untold)}" if tail.untold else ""
    return f"looked at: {', '.join(tail.asked)}{untold}"
