"""Which runs of a suite are as long as the rules say, where there is not time enough for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.config.official.rules import Preset
from harness.errors import ConfigError
from harness.units import span_text

_LONGEST_FIRST: tuple[Preset, ...] = ("rules", "quick", "rapid")


def presets_within(
    budget_s: float | None, costs_s: Sequence[Mapping[Preset, float]], others_s: float, asked: Preset
) -> list[Preset]:
    """How long each performance run is to be.

    As many as can be are official, the cheapest first; of the rest as many as can be are quick.

    Args:
        budget_s: For all runs together; None for no limit.
        costs_s: Of each performance run by preset.
        others_s: Of all other runs, and of rests.
        asked: The longest that the user wants.

    Raises:
        ConfigError: Not even the shortest runs fit.
    """
    allowed = _LONGEST_FIRST[_LONGEST_FIRST.index(asked) :]
    if budget_s is None:
        return [asked] * len(costs_s)
    chosen: list[Preset] = [allowed[-1]] * len(costs_s)
    total_s = others_s + sum(costs[allowed[-1]] for costs in costs_s)
    if total_s > budget_s:
        raise ConfigError(
            f"a budget of {span_text(budget_s)} has no room for the shortest runs, which may take {span_text(total_s)}: allow "
            "more, or name fewer --tasks or --scenarios"
        )
    for preset in allowed[:-1]:
        for number in sorted(range(len(costs_s)), key=lambda number: costs_s[number][preset]):
            more_s = costs_s[number][preset] - costs_s[number][chosen[number]]
            if chosen[number] == allowed[-1] and total_s + more_s <= budget_s:
                chosen[number], total_s = preset, total_s + more_s
    return chosen
