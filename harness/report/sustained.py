"""A long run minute by minute: whether the machine keeps its speed as it warms up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.machine.state import MachineState
from harness.report.table import Column, table_lines
from harness.results.figures import MachineStates
from harness.results.queries.query_times import KeptTimes
from harness.units import duration

_MINUTE_NS = 60_000_000_000
_LEAST_QUERIES = 20
"""Of a minute whose percentiles are said; a last minute that was begun is left out unless it has as many."""


@dataclass(frozen=True, slots=True)
class Minute:
    """The queries that ended in a minute of the run."""

    number: int
    """From 1."""
    queries: int
    p50_ns: float
    p90_ns: float


@dataclass(frozen=True, slots=True)
class Sustained:
    """What a long run shows."""

    minutes: tuple[Minute, ...]
    p50_change: float | None
    """The last minute over the first, less 1: 0.05 is 5 % slower. None where there are not two."""
    p90_change: float | None
    busy_share: float | None
    """An estimate of the duty cycle that would hold: the share of the time in which the first minute's speed does the last
    minute's work, 1 where it did not become slower. None where there are not two."""
    left_out: int
    """Queries whose times the run did not keep."""


def sustained(times: KeptTimes) -> Sustained:
    """The minutes of a run.

    Args:
        times: As the run kept them.
    """
    ended = np.maximum.accumulate(times.ended_ns)
    number = ended // _MINUTE_NS
    minutes = []
    for place in np.unique(number):
        latency = times.latency_ns[number == place]
        if len(latency) >= _LEAST_QUERIES:
            p50, p90 = np.percentile(latency, [50, 90])
            minutes.append(Minute(int(place) + 1, len(latency), float(p50), float(p90)))
    lacking = times.seen - len(times.latency_ns)
    if len(minutes) < 2 or not minutes[0].p50_ns or not minutes[0].p90_ns:
        return Sustained(tuple(minutes), None, None, None, lacking)
    first, last = minutes[0], minutes[-1]
    change = last.p50_ns / first.p50_ns - 1
    return Sustained(tuple(minutes), change, last.p90_ns / first.p90_ns - 1, 1 / max(1.0, 1 + change), lacking)


def render_sustained(found: Sustained, machine: MachineStates | None) -> str:
    """The minutes as a table, then the first against the last, the clock and the heat."""
    columns = [Column("minute"), *(Column(name, align="right") for name in ("queries", "p50", "p90"))]
    rows = [(str(one.number), f"{one.queries:,}", duration(one.p50_ns), duration(one.p90_ns)) for one in found.minutes]
    lines = table_lines(rows, columns)
    if found.p50_change is None or found.p90_change is None or found.busy_share is None:
        lines.append("fewer than two minutes: nothing to hold against each other")
    else:
        lines.append(f"the last minute against the first: p50 {found.p50_change:+.1%}, p90 {found.p90_change:+.1%}")
        lines.append(
            f"at a duty cycle of about {found.busy_share:.0%} the first minute's speed would hold (an estimate)"
        )
    lines += _machine(machine)
    if found.left_out:
        lines.append(f"{found.left_out:,} queries are not in the table: a run keeps the times of a million at most")
    return "\n".join(lines)


def _machine(machine: MachineStates | None) -> list[str]:
    if machine is None:
        return []
    before, after = machine.before, machine.after
    pairs = (
        ("fastest CPU", _clock(before), _clock(after), "how fast the CPUs run is not known here"),
        ("hottest sensor", _heat(before), _heat(after), "the machine has no temperature sensor that can be read"),
    )
    return [f"{name}: {one} before, {other} after" if one and other else why for name, one, other, why in pairs]


def _clock(state: MachineState) -> str:
    return f"{max(state.cpu_mhz):,.0f} MHz" if state.cpu_mhz else ""


def _heat(state: MachineState) -> str:
    return f"{max(one.celsius for one in state.temperatures):.0f} \N{DEGREE SIGN}C" if state.temperatures else ""
