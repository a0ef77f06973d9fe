"""What a measurement says: a figure, what it was held against, and whether the target is met."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One figure."""

    what: str
    value: float
    unit: str
    target: float | None = None
    """None for a figure that is only told."""
    at_least: bool = False
    """Whether more is better."""
    beside: str = ""
    """Where the figure comes from: what was measured side by side."""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.target is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"met": self.met}


def ratio(what: str, pairs: Iterable[tuple[float, float]], target: float | None, *, at_least: bool = False) -> Row:
    """The median of ratios, each of two figures taken one right after the other.

    Args:
        what: Names the row.
        pairs: (ours, what it is held against) of each round, in one unit.
        target: Of the ratio.
        at_least: Whether more is better.
    """
    rounds = list(pairs)
    each = [ours / other for ours, other in rounds]
    ours, other = (statistics.median(side) for side in zip(*rounds, strict=True))
    beside = f"{ours:.5g} : {other:.5g}, {len(each)} rounds from {min(each):.4f} to {max(each):.4f}"
    return Row(what, statistics.median(each), "x", target, at_least, beside)


def render(rows: Sequence[Row]) -> str:
    """A Markdown table."""
    lines = ["| figure | | target | | beside |", "|---|---|---|---|---|"]
    for row in rows:
        sign = ">=" if row.at_least else "<="
        target = "" if row.target is None else f"{sign} {row.target:g}"
        met = {None: "", True: "met", False: "MISSED"}[row.met]
        lines.append(f"| {row.what} | {_figure(row)} | {target} | {met} | {row.beside} |")
    return "\n".join(lines)


def _figure(row: Row) -> str:
    return f"{row.value:.4f}" if row.unit == "x" else f"{row.value:,.2f} {row.unit}"
