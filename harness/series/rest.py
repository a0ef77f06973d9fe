"""The machine at rest before a performance run, as the rules of a submission want it.

A round of the mobile suite rests up to five minutes, whatever the machine does. Where a sensor tells, the rest ends as soon as
the machine is as cool as before the first run; a figure of seconds alone would heat the room of whoever runs a suite.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from harness.machine.state import read_state
from harness.results.record import Rest
from harness.units import span_text

_LOOK_EVERY_S = 2.0
_AS_COOL_CELSIUS = 2.0
"""So much above the temperature before the first run is as cool as then."""


@dataclass(frozen=True, slots=True)
class PlannedRest:
    """How long to rest before a run."""

    rules_s: float
    """As the rules say."""
    asked_s: float | None = None
    """As the user says: then so long, whatever the temperature."""

    @property
    def most_s(self) -> float:
        """How long it may take."""
        return self.rules_s if self.asked_s is None else self.asked_s


def has_rested(planned: PlannedRest | None, rest: Rest | None) -> bool:
    """Whether the machine rested as the rules say, whatever is asked for now: a series that goes on has runs of before.

    Args:
        planned: Before the run; None where it needs none.
        rest: That it had; None where none is known of.
    """
    if planned is None or planned.rules_s <= 0:
        return True
    return rest is not None and (rest.why == "cool" or rest.asked_s >= planned.rules_s)


def hottest_celsius() -> float | None:
    """The CPU's hottest sensor; None where there is none."""
    found = read_state(os.sched_getaffinity(0), []).temperatures
    return max((sensor.celsius for sensor in found), default=None) if found else None


class Machine:
    """Rests between the runs of a series, and remembers how cool it was before the first."""

    def __init__(
        self,
        *,
        celsius: Callable[[], float | None] = hottest_celsius,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._celsius, self._sleep, self._clock = celsius, sleep, clock
        self._cool = celsius()

    def rest(self, planned: PlannedRest, say: Callable[[str], None]) -> Rest:
        """Waits.

        Args:
            planned: For how long.
            say: Tells what it waits for.
        """
        before, most_s = self._celsius(), planned.most_s
        if most_s <= 0:
            return Rest(0.0, 0.0, "skipped", before, before)
        by_temperature = planned.asked_s is None and self._cool is not None
        until = f", or until the CPU is at {self._cool:.0f} degrees Celsius again" if by_temperature else ""
        say(f"the machine rests for {span_text(most_s)}{until}")
        began = self._clock()
        is_cool = self._is_cool(before) if by_temperature else False
        while not is_cool and (left_s := most_s - (self._clock() - began)) > 0:
            self._sleep(min(left_s, _LOOK_EVERY_S))
            is_cool = self._is_cool(self._celsius()) if by_temperature else False
        return Rest(most_s, self._clock() - began, "cool" if is_cool else "time", before, self._celsius())

    def _is_cool(self, celsius: float | None) -> bool:
        return celsius is not None and self._cool is not None and celsius <= self._cool + _AS_COOL_CELSIUS
