"""How long Server's queries waited and were worked on: so it is told, and so it stands in the result."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TimesAtShares:
    """Times in ns."""

    p50: int
    """The median."""
    p90: int
    """90 % took no longer."""
    p99: int
    """99 % took no longer."""


@dataclass(frozen=True, slots=True)
class ServerTimes:
    """What a query's latency in Server is made of."""

    waiting_ns: TimesAtShares
    """How long queries waited for a worker."""
    working_ns: TimesAtShares
    """How long they were worked on."""
    queries_seen: int
    """How many were looked at; of very long runs not all."""
    clock: str
    """Whose clock it was: not LoadGen's."""
