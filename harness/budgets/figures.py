"""The figures that a budget may limit, by name: what each counts in, which way is better, and what measures it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harness.errors import UnknownName
from harness.results.card import DECIBELS
from harness.units import Unit

MeasuredBy = Literal["bench", "difference", "file", "power", "accuracy"]
ACCURACY = "accuracy."
_PERCENTILE = re.compile(r"latency\.p(\d{1,2}(?:\.\d{1,3})?)")


@dataclass(frozen=True, slots=True)
class BudgetFigure:
    """One of them."""

    name: str
    unit: Unit
    measured_by: MeasuredBy
    at_most: bool = True
    """Whether a limit is the most that is allowed, or the least."""
    percentile: float | None = None
    """Of the runs' times."""


_FIGURES: Mapping[str, BudgetFigure] = {
    figure.name: figure
    for figure in (
        *(BudgetFigure(f"latency.{name}", "ns", "bench") for name in ("mean", "median", "min", "max", "std", "first")),
        BudgetFigure("load", "ns", "bench"),
        BudgetFigure("peak_memory", "bytes", "bench"),
        BudgetFigure("load_memory", "bytes", "bench"),
        BudgetFigure("peak_rss", "bytes", "bench"),
        BudgetFigure("size", "bytes", "file"),
        *(
            BudgetFigure(f"difference.{name}", "count", "difference")
            for name in ("avg_error", "std_dev", "largest", "avg_steps", "largest_steps")
        ),
        BudgetFigure("difference.snr", "dB", "difference", at_most=False),
        BudgetFigure("difference.argmax_agreement", "share", "difference", at_most=False),
        BudgetFigure("power", "W", "power"),
    )
}


def budget_figure(name: str) -> BudgetFigure:
    """The figure of this name; `latency.p97.5` and its like are made, and so is `accuracy.` with a metric.

    Raises:
        UnknownName: There is none.
    """
    if name in _FIGURES:
        return _FIGURES[name]
    if found := _PERCENTILE.fullmatch(name):
        return BudgetFigure(name, "ns", "bench", percentile=float(found[1]))
    if name.startswith(ACCURACY):
        unit: Unit = "dB" if name.endswith(DECIBELS) else "share"
        return BudgetFigure(name, unit, "accuracy", at_most=False)
    raise UnknownName("figure", name, [*_FIGURES, "latency.p90", "latency.p99", f"{ACCURACY}METRIC"])
