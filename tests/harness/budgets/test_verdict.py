"""Figures held against limits, and what comes of a row."""

from __future__ import annotations

import pytest

from harness.budgets.figures import budget_figure
from harness.budgets.file import Limit
from harness.budgets.verdict import Check, Measured, checked, judged
from harness.errors import UnknownName


def limit(name: str, value: float | None, *, optional: bool = False) -> Limit:
    return Limit(budget_figure(name), str(value), value, optional)


PASSED = checked(limit("latency.mean", 5e6), Measured(4e6))
FAILED = checked(limit("latency.mean", 5e6), Measured(6e6))
LACKING = checked(limit("power", 2.0), Measured(None, "no gauge"))
OPTIONAL = checked(limit("power", 2.0, optional=True), Measured(None, "no gauge"))
NO_TEST = checked(limit("difference.avg_error", 1.0), Measured(None, "both sides are the same", no_test=True))
SHOWN = checked(limit("power", None), Measured(3.0))


def test_a_limit_is_the_most_or_the_least_and_has_a_margin() -> None:
    assert (PASSED.status, PASSED.margin) == ("passed", 1e6)
    assert (FAILED.status, FAILED.margin) == ("failed", -1e6)
    assert checked(limit("latency.mean", 5e6), Measured(5e6)).status == "passed"
    assert checked(limit("accuracy.top1", 0.75), Measured(0.8)).status == "passed"
    assert checked(limit("difference.snr", 40), Measured(39)).status == "failed"
    assert SHOWN.status == "reported"


@pytest.mark.parametrize(
    ("checks", "optional", "allow", "verdict", "missed"),
    [
        ([PASSED], False, False, "pass", False),
        ([PASSED, FAILED, LACKING], False, True, "fail", True),
        ([PASSED, FAILED], True, True, "fail", True),
        ([PASSED, LACKING], False, False, "not here", True),
        ([PASSED, LACKING], True, False, "not here", False),
        ([PASSED, LACKING], False, True, "not here", False),
        ([PASSED, OPTIONAL], False, False, "pass", False),
        ([OPTIONAL], False, False, "not here", False),
        ([NO_TEST], False, False, "not here", True),
        ([PASSED, NO_TEST], False, False, "not here", True),
        ([PASSED, SHOWN], False, False, "pass", False),
        ([SHOWN], False, False, "not asked", False),
    ],
)
def test_a_row_passes_only_by_what_was_measured(
    checks: list[Check], optional: bool, allow: bool, verdict: str, missed: bool
) -> None:
    found = judged(checks, optional=optional, allow_unmeasured=allow)
    assert found[:2] == (verdict, missed)


def test_what_is_no_test_says_so_and_never_passes() -> None:
    assert NO_TEST.status == "not a test"
    assert judged([NO_TEST], optional=False, allow_unmeasured=True)[0] == "not here"
    assert judged([NO_TEST], optional=False, allow_unmeasured=False)[2] == "not a test: both sides are the same"


def test_a_figure_that_nobody_knows_is_answered_with_a_near_one() -> None:
    assert budget_figure("latency.p97.5").percentile == 97.5
    with pytest.raises(UnknownName, match=r"did you mean 'latency\.median'"):
        budget_figure("latency.medain")
