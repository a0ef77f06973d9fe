"""Which runs are official where time is short."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.config.official.rules import Preset
from harness.errors import ConfigError
from harness.suite.budget import presets_within


def costs(rules: float, quick: float = 10, rapid: float = 6) -> dict[Preset, float]:
    return {"rules": rules, "quick": quick, "rapid": rapid}


def test_without_a_budget_all_are_as_long_as_was_asked() -> None:
    assert presets_within(None, [costs(60), costs(900)], 5, "rules") == ["rules", "rules"]
    assert presets_within(None, [costs(60)], 5, "quick") == ["quick"]


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        (2000, ["rules", "rules", "rules"]),
        (760, ["rules", "quick", "rules"]),
        (129, ["rapid", "rapid", "rules"]),
        (140, ["quick", "quick", "rules"]),
        (62, ["rapid", "rapid", "rapid"]),
    ],
)
def test_as_many_as_fit_are_official_the_cheapest_first(budget: float, expected: list[Preset]) -> None:
    assert presets_within(budget, [costs(600), costs(900), costs(70)], 44, "rules") == expected


def test_nothing_is_longer_than_was_asked() -> None:
    assert presets_within(1e6, [costs(60)], 0, "quick") == ["quick"]


def test_a_budget_without_room_for_the_shortest_runs_is_refused_with_what_they_take() -> None:
    with pytest.raises(
        ConfigError, match=r"budget of 10\.0 s has no room for the shortest runs, which may take 17\.0 s"
    ):
        presets_within(10, [costs(60), costs(60)], 5, "rules")


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.lists(st.floats(6, 900), min_size=1, max_size=8), st.floats(60, 4000))
def test_what_is_chosen_fits(full: list[float], budget: float) -> None:
    each = [costs(max(one, 10)) for one in full]
    chosen = presets_within(budget, each, 0, "rules")
    assert sum(one[preset] for one, preset in zip(each, chosen, strict=True)) <= budget + 1e-6
