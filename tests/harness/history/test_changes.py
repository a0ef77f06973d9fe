from __future__ import annotations

import random

import pytest

from harness.history.changes import changes_in


def series(count: int, steps: dict[int, float], sigma: float = 0.01, seed: int = 0) -> list[float]:
    draw, level, values = random.Random(seed), 1.0, []
    for at in range(count):
        level *= steps.get(at, 1.0)
        values.append(level * draw.lognormvariate(0, sigma))
    return values


def test_a_step_is_found_where_it_is_and_as_large_as_it_is() -> None:
    (change,) = changes_in(series(40, {20: 1.05}))
    assert abs(change.place - 20) <= 1
    assert change.size == pytest.approx(0.05, abs=0.01)
    assert change.chance < 0.01


def test_two_steps_are_two_changes_in_the_order_of_time() -> None:
    found = changes_in(series(90, {30: 1.1, 60: 0.8}))
    assert [round(change.place, -1) for change in found] == [30, 60]
    assert [change.size > 0 for change in found] == [True, False]


def test_noise_alone_has_hardly_ever_a_change() -> None:
    assert sum(bool(changes_in(series(40, {}, seed=seed))) for seed in range(60)) <= 2


def test_a_disturbed_run_is_no_change_for_good() -> None:
    values = series(30, {})
    values[15] *= 5
    assert changes_in(values) == []


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0, 1.0], [1.0] * 50])
def test_too_few_runs_or_equal_ones_have_none(values: list[float]) -> None:
    assert changes_in(values) == []
