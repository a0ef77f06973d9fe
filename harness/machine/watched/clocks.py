"""The system's clock against one that nobody sets: LoadGen measures by the first, and a step of it would go into the figures.

A clock is set when a board without a battery first hears of the time, when a machine that slept or a virtual one resumes, or by
hand. Slewing, by which a clock is corrected bit by bit, moves both clocks alike, and is no step.
"""

from __future__ import annotations

import select
import time
from dataclasses import dataclass

APART_NS = 3_000_000
"""Two readings are microseconds apart, on a machine that is busy as well; a step is of milliseconds at least."""
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Clocks:
    """How far two clocks are ahead of the one since the machine's start, in ns."""

    wall_ns: int
    """The system's, by which LoadGen measures."""
    asleep_ns: int
    """The one that goes on while the machine is suspended: for so long it was, since its start."""


def read_clocks() -> Clocks:
    """Of several readings the one that nothing came between; takes microseconds."""
    best: tuple[int, Clocks] | None = None
    for _ in range(_TRIES):
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        wall = time.clock_gettime_ns(time.CLOCK_REALTIME)
        boot = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        after = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        middle = (before + after) // 2
        if best is None or after - before < best[0]:
            best = after - before, Clocks(wall - middle, boot - middle)
    return best[1] if best else Clocks(0, 0)


def pause(seconds: float) -> None:
    """Sleeps for a span. `time.sleep` names a moment of a clock, which a library that fakes one (libfaketime) refuses."""
    select.select((), (), (), seconds)


def step_of(before: Clocks, after: Clocks) -> str:
    """What is to be said of two readings; empty where the clock went on."""
    step_ns, asleep_ns = after.wall_ns - before.wall_ns, after.asleep_ns - before.asleep_ns
    if asleep_ns >= APART_NS:
        return (
            f"the machine slept for {asleep_ns / 1e9:.3f} s while LoadGen measured, and LoadGen's clock went on meanwhile: no "
            "figure of this run means anything. Keep it awake (systemd-inhibit --what=sleep:idle ...), and run again"
        )
    if abs(step_ns) < APART_NS:
        return ""
    return (
        f"the system's clock was set while LoadGen measured, by {step_ns / 1e9:+.3f} s, and LoadGen measures by it: no "
        "figure of this run means anything. Let the clock be (timedatectl set-ntp false), and run again"
    )
