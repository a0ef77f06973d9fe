from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from harness.statistics.quantiles import beta_quantile, student_quantile


@settings(max_examples=40, deadline=None, derandomize=True)
@given(share=st.floats(0.001, 0.999), freedom=st.floats(1, 300), a=st.floats(0.5, 400), b=st.floats(0.5, 400))
def test_quantiles_are_scipys(share: float, freedom: float, a: float, b: float) -> None:
    assert student_quantile(share, freedom) == pytest.approx(scipy_stats.t.ppf(share, freedom), rel=1e-7, abs=1e-7)
    assert beta_quantile(share, a, b) == pytest.approx(scipy_stats.beta.ppf(share, a, b), rel=1e-8, abs=1e-12)
