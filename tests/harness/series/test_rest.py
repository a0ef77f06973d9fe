"""How the machine rests between runs, on a clock and a sensor of the test's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.series.rest import Machine, PlannedRest


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


@pytest.mark.parametrize(("asked", "enough"), [(None, True), (0, False), (299, False), (300, True)])
def test_less_than_the_rules_say_is_marked(asked: float | None, enough: bool) -> None:
    assert PlannedRest(300, asked).is_enough == enough
