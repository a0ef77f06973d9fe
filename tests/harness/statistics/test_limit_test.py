"""The error rates of the sequential test, counted on made-up noise."""

from __future__ import annotations

import numpy as np
import pytest

from harness.statistics.limit_test import LOOKS, bounds, decide


def decisions(true: float, spread: float, count: int) -> list[str | None]:
    """What the test says of so many comparisons of noise with tails as wide as a busy machine's."""
    random = np.random.default_rng(8)
    found: list[str | None] = []
    for _ in range(count):
        ratios = (true * np.exp(spread * random.standard_t(2, LOOKS[-1]))).tolist()
        # Half of them are out of time somewhere, and look once more there.
        end = int(random.integers(1, 2 * LOOKS[-1]))
        each = [decide(ratios[:look], 1.02) for look in LOOKS if look < end]
        each += [decide(ratios[:end], 1.02, last=True)] if end < LOOKS[-1] else []
        found.append(next((decision for decision in each if decision is not None), None))
    return found


@pytest.mark.parametrize("spread", [0.003, 0.05])
def test_what_is_just_within_the_limit_is_called_regressed_in_at_most_one_of_a_hundred(spread: float) -> None:
    assert decisions(1.02, spread, 600).count("regressed") <= 13


@pytest.mark.parametrize("spread", [0.003, 0.05])
def test_what_is_just_beyond_the_limit_is_kept_in_at_most_one_of_a_hundred(spread: float) -> None:
    assert decisions(1.0201, spread, 600).count("within the limit") <= 13


def test_five_percent_is_found_and_two_identical_builds_are_kept_where_noise_is_one_percent() -> None:
    found, identical = decisions(1.05, 0.01, 200), decisions(1.0, 0.01, 200)
    assert found.count("within the limit") == identical.count("regressed") == 0
    # One in fifteen is out of time before there are ratios enough.
    assert found.count("regressed") >= 175
    assert identical.count("within the limit") >= 165


def test_ten_ratios_are_too_few_for_a_verdict() -> None:
    assert bounds([1.0 + each / 100 for each in range(8)]).low is None
    assert decide([1.5] * (LOOKS[0] - 1), 1.02) is None
    assert decide([1.5] * (LOOKS[0] - 1), 1.02, last=True) is None
    assert decide([1.5] * LOOKS[0], 1.02) == "regressed"


def test_where_the_time_is_up_it_looks_once_more() -> None:
    ratios = [1.5] * (LOOKS[0] + 1)
    assert decide(ratios, 1.02) is None
    assert decide(ratios, 1.02, last=True) == "regressed"
    assert decide([1.0] * len(ratios), 1.02, last=True) == "within the limit"
