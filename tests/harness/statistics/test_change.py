"""The statistics of comparisons, with SciPy as their judge, and their error rates by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.statistics.change import (
    mcnemar,
    paired_bootstrap,
    welch,
)

scipy_stats = pytest.importorskip("scipy.stats", reason="SciPy, the judge here, is not installed")


def test_welchs_interval_is_scipys() -> None:
    first, second = [10.0, 11.0, 10.4], [12.0, 12.9, 11.1, 12.2]
    found = welch(first, second, 0.01)
    judge = scipy_stats.ttest_ind(np.log(second), np.log(first), equal_var=False).confidence_interval(0.98)
    assert np.log([found.low, found.high]) == pytest.approx([judge.low, judge.high], rel=1e-9)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(lost=st.integers(0, 60), won=st.integers(0, 60))
def test_mcnemar_is_the_binomial_test(lost: int, won: int) -> None:
    assert mcnemar(lost, won) == pytest.approx(
        scipy_stats.binomtest(won, lost + won).pvalue if lost + won else 1.0, rel=1e-9
    )


def test_many_samples_that_changed_are_no_overflow() -> None:
    assert mcnemar(20_000, 20_400) == pytest.approx(scipy_stats.binomtest(20_000, 40_400).pvalue, rel=1e-6)


def test_the_paired_bootstrap_is_scipys() -> None:
    differences = np.random.default_rng(5).normal(0.2, 1, 60)
    whole = np.append(differences, np.zeros(140))
    judge = scipy_stats.bootstrap(
        (whole,), np.mean, confidence_level=0.98, method="percentile", n_resamples=4000, rng=1
    ).confidence_interval
    assert paired_bootstrap(differences, 200, 0.01) == pytest.approx((judge.low, judge.high), abs=0.02)


@pytest.mark.parametrize("spread", [0.01, 0.2])
def test_what_is_within_its_limit_is_called_regressed_in_at_most_one_of_a_hundred(spread: float) -> None:
    random = np.random.default_rng(11)
    wrong = 0
    for _ in range(500):
        first, second = random.lognormal(0, spread, (2, 4))
        # At the limit itself: the worst that is no regression.
        wrong += welch(first, second * 1.03, 0.01).low > 1.03
    # 5 are expected; 16 and more would come once in ten thousand.
    assert wrong < 16


def test_a_regression_of_ten_percent_is_found_by_five_runs_that_spread_by_one() -> None:
    random = np.random.default_rng(3)
    pairs = random.lognormal(0, 0.01, (200, 2, 5))
    found = [welch(first, 1.1 * second, 0.01) for first, second in pairs]
    assert sum(each.low > 1.03 for each in found) > 195
