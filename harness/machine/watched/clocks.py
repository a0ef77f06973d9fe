"""The system's clock against one that nobody sets: LoadGen measures by the first, and a step of it would go into the figures.

A clock is set when a board without a battery first hears of the time, when a virtual machine resumes, or by hand. Slewing, by
which a clock is corrected bit by bit, moves both clocks alike, and is no step.
"""

from __future__ import annotations

import time

APART_NS = 3_000_000
"""Two readings are microseconds apart, on a machine that is busy as well; a step is of milliseconds at least."""
_TRIES = 5


def wall_ahead_ns() -> int:
    """How far the system's clock is ahead of the one since the machine's start, in ns.

    Of several readings the one that nothing came between; takes microseconds.
    """
    best: tuple[int, int] | None = None
    for _ in range(_TRIES):
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        wall = time.clock_gettime_ns(time.CLOCK_REALTIME)
        after = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        if best is None or after - before < best[0]:
            best = after - before, wall - (before + after) // 2
    return best[1] if best else 0


def step_of(before_ns: int, after_ns: int) -> str:
    """What is to be said of two readings of `wall_ahead_ns`; empty where the clock went on."""
    step_ns = after_ns - before_ns
    if abs(step_ns) < APART_NS:
        return ""
    return (
        f"the system's clock was set while LoadGen measured, by {step_ns / 1e9:+.3f} s, and LoadGen measures by it: no "
        "figure of this run means anything. Let the clock be (timedatectl set-ntp false), and run again"
    )
