"""The sequential test on ratios, with simulated measurements."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
import pytest

from harness.statistics.intervals import LOOKS, difference, judge, ratio_of


def _measured(truth: float, noise: float, seed: int) -> tuple[str | None, list[float]]:
    """Rounds until the test is done, or has no look left."""
    rng = np.random.default_rng(seed)
    ratios: list[float] = []
    while len(ratios) < LOOKS[-1]:
        ratios.append(float(truth * rng.lognormal(0, noise)))
        if (verdict := judge(ratios)) is not None:
            return verdict, ratios
    return None, ratios


def test_a_clear_difference_is_found_after_the_first_look() -> None:
    for seed in range(50):
        assert _measured(1.9, 0.05, seed)[0] == "quicker"
        assert len(_measured(1.9, 0.05, seed)[1]) == LOOKS[0]


def test_a_rival_that_is_far_behind_is_out_after_three_rounds() -> None:
    verdict, ratios = _measured(0.5, 0.05, 1)
    assert (verdict, len(ratios)) == ("slower", 3)


@pytest.mark.parametrize("noise", [0.02, 0.1, 0.5])
def test_equals_are_told_apart_in_less_than_one_case_of_twenty(noise: float) -> None:
    wrong = [_measured(1.0, noise, seed)[0] in ("quicker", "slower") for seed in range(400)]
    far = [max(_measured(1.0, noise, seed)[1][:3]) < 0.85 for seed in range(400)]
    # Three rounds far behind are no proof, only a reason not to spend more time.
    assert np.mean(np.array(wrong) & ~np.array(far)) < 0.06


def test_equals_with_little_noise_are_said_to_be_the_same() -> None:
    assert [_measured(1.001, 0.002, seed)[0] for seed in range(20)] == ["same"] * 20


def test_small_differences_are_found_where_the_noise_allows() -> None:
    verdicts = [_measured(1.05, 0.03, seed)[0] for seed in range(50)]
    assert verdicts.count("quicker") > 45
    assert "slower" not in verdicts


@pytest.mark.parametrize("count", [8, 12, 27, 60, 61])
def test_the_interval_is_that_of_the_binomial_distribution(count: int) -> None:
    ratios = [1 + number / 100 for number in range(count)]
    found = ratio_of(ratios)
    # Both sides together: the median is outside with this chance, exactly.
    outside = [Fraction(2 * sum(comb(count, k) for k in range(cut)), 2**count) for cut in range(count // 2)]
    cut = max(cut for cut, chance in enumerate(outside) if chance <= Fraction(5, 100) / len(LOOKS))
    assert cut > 0
    assert found.low == ratios[cut - 1]
    assert found.high == ratios[count - cut]


def test_too_few_rounds_give_a_median_and_no_interval() -> None:
    found = ratio_of([1.2, 1.1, 1.3])
    assert (found.median, found.low, found.high, found.rounds) == (1.2, None, None, 3)
    assert judge([1.2, 1.1, 1.3]) is None


def test_a_difference_is_as_sure_as_both_its_sides() -> None:
    assert difference((0.7, 0.66, 0.74), (0.6, 0.57, 0.63)) == pytest.approx((-0.1, -0.15, -0.05))
    # Of a figure that is exact only the other's doubt is left.
    assert difference((0.5, 0.5, 0.5), (0.5, 0.4, 0.7)) == pytest.approx((0.0, -0.1, 0.2))
