"""What the slowest queries of a run coincide with, in words."""

from __future__ import annotations

from harness.results.queries.tail import Cause, Tail
from harness.results.record import Result
from harness.units import duration

_MOST = 3


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
