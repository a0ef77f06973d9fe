"""The numbers of `diff`, drawn in C and in Python."""

from __future__ import annotations

import numpy as np
import pytest

import native
from harness.difference.draws import NormalDraws

pytestmark = pytest.mark.skipif(native.normal_draws is None, reason=f"the draws in C are not here: {native.why_not}")


def test_c_and_python_draw_the_same_numbers_however_they_are_asked_for() -> None:
    in_c, in_python = NormalDraws(), NormalDraws()
    pieces = (1, 2, 100_000, 7)
    found = np.concatenate([in_c.take(count) for count in pieces])
    np.testing.assert_allclose(found, in_python._drawn_in_python(sum(pieces)), rtol=0, atol=3e-16)


def test_what_is_spread_over_a_range_is_rounded_as_in_single_precision_and_goes_on_where_doubles_ended() -> None:
    spread, plain = NormalDraws(), NormalDraws()
    low, span = np.float32(-128), np.float32(255)
    for count in (1, 513, 3, 70_000, 2):
        assert spread.take(count).tolist() == plain.take(count).tolist()
        expected = low + span * plain.take(count).astype(np.float32)
        np.testing.assert_array_equal(spread.take_spread(count, low, span), expected)


def test_many_at_once_are_those_that_come_one_by_one() -> None:
    many, single = NormalDraws(), NormalDraws()
    assert many.take(3000).tolist() == [float(single.take(1)[0]) for _ in range(3000)]


@pytest.mark.parametrize("state", [0, 2147483647])
def test_a_state_that_the_engine_never_has_is_refused(state: int) -> None:
    assert native.normal_draws is not None
    with pytest.raises(ValueError, match="a state is 1 to 2147483646"):
        native.normal_draws.draw(state, float("nan"), np.empty(1))
