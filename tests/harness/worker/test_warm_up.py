"""When a model counts as warm. No timing is asserted: the clock stands still or goes as it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.messages.calibration import WarmUp
from harness.results.verdict.stability import not_warm
from harness.worker.warm_up import settle


class Model:
    """Takes what it is told, a window after the other, the last for ever; each window lasts so long."""

    def __init__(self, *times_ns: int, window_s: float) -> None:
        self._times: Iterator[int] = iter(times_ns)
        self._last = times_ns[-1]
        self._window_s = window_s
        self.now = 0.0
        self.asked = 0

    def measure(self) -> int:
        self.now += self._window_s
        self.asked += 1
        return next(self._times, self._last)

    def settle(self, expected_ns: int, budget_s: float, stopped: Callable[[], bool] = lambda: False) -> WarmUp:
        return settle(self.measure, expected_ns, budget_s, stopped, lambda: self.now)


def test_one_window_is_enough_where_the_calibration_has_seen_the_same() -> None:
    assert Model(1_040, window_s=0.05).settle(1_000, 2) == WarmUp(True, 0.05, (1_000, 1_040))


def test_a_model_that_gets_quicker_is_asked_until_it_does_so_no_more() -> None:
    found = Model(900, 700, 500, 490, window_s=0.125).settle(1_000, 2)
    assert found == WarmUp(True, 0.5, (1_000, 900, 700, 500, 490))


@pytest.mark.parametrize(("window_s", "windows"), [(0.0625, 32), (0.5, 4), (0.8, 2), (1.5, 1), (60, 1)])
def test_a_model_that_never_settles_is_asked_for_as_long_as_allowed_and_a_slow_one_once(
    window_s: float, windows: int
) -> None:
    model = Model(*[100, 200] * 50, window_s=window_s)
    found = model.settle(200, 2)
    assert (found.stable, model.asked) == (False, windows)
    assert found.time_s == windows * window_s
    assert found.time_s <= 2 or windows == 1


def test_who_stops_the_run_stops_its_warm_up() -> None:
    model = Model(*[100, 200] * 50, window_s=0.1)
    assert not model.settle(200, 1000, lambda: model.asked == 3).stable
    assert model.asked == 3


@settings(deadline=None, derandomize=True)
@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=30), st.integers(1, 10**12))
def test_stable_means_that_the_last_two_windows_differ_by_less_than_five_percent_and_none_before(
    times: Sequence[int], expected: int
) -> None:
    found = Model(*times, window_s=0.5).settle(expected, 5)
    pairs = list(zip(found.windows_ns, found.windows_ns[1:], strict=False))
    assert [max(pair) < 1.05 * min(pair) for pair in pairs] == [False] * (len(pairs) - 1) + [found.stable]


def test_a_warm_up_that_ended_unsettled_is_a_reason_with_its_figures() -> None:
    assert not_warm(None) == []
    assert not_warm(WarmUp(True, 0.05, (1, 1))) == []
    (reason,) = not_warm(WarmUp(False, 1.96, (9, 2_000_000, 2_340_000)))
    assert reason.what == "the latency was not stable within 2.0 s of warm-up"
    assert reason.figure == "a sample took 2 ms and then 2.34 ms"
    assert "--set load.warm_up_s=" in reason.fix
