"""What a variant lost."""

from __future__ import annotations

import pytest

from harness.side_by_side.drop import Lost, share_lost
from harness.side_by_side.drop_report import missed


@pytest.mark.parametrize(
    ("original", "value", "lower", "share"),
    [
        (0.80, 0.76, False, 0.05),
        (0.80, 0.84, False, -0.05),
        (2.0, 2.5, True, 0.25),
        (0.0, 0.0, True, 0.0),
        (0.0, 0.0, False, None),
        (0.0, 0.1, True, None),
        (None, 0.5, False, None),
        (0.5, None, False, None),
    ],
)
def test_it_is_a_share_of_the_originals_score_and_of_an_error_how_much_it_grew(
    original: float | None, value: float | None, lower: bool, share: float | None
) -> None:
    assert share_lost(original, value, lower=lower) == (None if share is None else pytest.approx(share))


def lost(drop: float | None, passed: bool | None) -> Lost:
    return Lost("small", "cpu", "top1", 0.8, None, drop, 0.01, passed, None)


def test_what_is_not_known_has_not_passed_the_gate() -> None:
    assert missed([lost(0.005, True), lost(0.5, None)]) == ""
    assert missed([lost(0.02, False)]) == "small lost 2.00% of top1, more than --max-drop 1%"
    assert (
        missed([lost(None, False)])
        == "what small lost of top1 is not known, or the original scores 0: --max-drop unmet"
    )
