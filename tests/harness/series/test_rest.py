"""How the machine rests between runs, on a clock and a sensor of the test's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.series.rest import Machine, PlannedRest, has_rested


class Clock:
    """Time that passes where somebody sleeps, and a CPU that cools by a degree in 10 s."""

    def __init__(self, celsius: float | None) -> None:
        self.now, self.start = 1000.0, celsius

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds

    def celsius(self) -> float | None:
        return None if self.start is None else self.start - (self.now - 1000) / 10

    def machine(self) -> Machine:
        return Machine(celsius=self.celsius, sleep=self.sleep, clock=lambda: self.now)


@pytest.fixture
def rested() -> Callable[..., tuple[Any, list[str]]]:
    def rest(planned: PlannedRest, cool: float | None, warm: float | None) -> tuple[Any, list[str]]:
        clock, said = Clock(cool), []  # type: tuple[Clock, list[str]]
        machine = clock.machine()
        clock.start = warm
        return machine.rest(planned, said.append), said

    return rest


def test_without_a_sensor_it_is_as_long_as_the_rules_say(rested: Callable[..., Any]) -> None:
    rest, said = rested(PlannedRest(300), None, None)
    assert (rest.why, rest.asked_s, rest.took_s, rest.celsius_before) == ("time", 300, 300, None)
    assert said == ["the machine rests for 5 min"]


def test_with_a_sensor_it_ends_when_the_machine_is_as_cool_as_before_the_first_run(rested: Callable[..., Any]) -> None:
    rest, said = rested(PlannedRest(300), 50.0, 60.0)
    assert rest.why == "cool"
    assert 80 <= rest.took_s < 84
    assert rest.celsius_after <= 52
    assert said == ["the machine rests for 5 min, or until the CPU is at 50 degrees Celsius again"]
    assert rested(PlannedRest(300), 50.0, 51.0)[0].took_s == 0


def test_a_machine_that_stays_warm_rests_no_longer_than_the_rules_say(rested: Callable[..., Any]) -> None:
    rest, _ = rested(PlannedRest(60), 20.0, 90.0)
    assert (rest.why, rest.took_s) == ("time", 60)


def test_what_the_user_says_is_done_whatever_the_temperature(rested: Callable[..., Any]) -> None:
    rest, _ = rested(PlannedRest(300, 30), 50.0, 50.0)
    assert (rest.why, rest.took_s) == ("time", 30)
    rest, said = rested(PlannedRest(300, 0), 50.0, 60.0)
    assert (rest.why, rest.took_s, said) == ("skipped", 0, [])


def test_a_rest_counts_as_it_was_and_not_as_it_is_asked_for_now(rested: Callable[..., Any]) -> None:
    skipped, _ = rested(PlannedRest(300, 0), None, None)
    whole, _ = rested(PlannedRest(300), None, None)
    cool, _ = rested(PlannedRest(300), 50.0, 60.0)
    # A series that was begun with --cooldown 0s and goes on without it.
    assert not has_rested(PlannedRest(300), skipped)
    assert not has_rested(PlannedRest(300), None)
    assert not has_rested(PlannedRest(300), rested(PlannedRest(300, 299), None, None)[0])
    assert has_rested(PlannedRest(300), rested(PlannedRest(300, 300), None, None)[0])
    assert has_rested(PlannedRest(300, 0), whole)
    assert has_rested(PlannedRest(300), cool)
    assert has_rested(None, None)
    assert has_rested(PlannedRest(0.0, 60.0), None)
