"""What a group of faults came to, counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.report.table import Column, table_lines


@dataclass(slots=True)
class Group:
    """Faults of one kind."""

    name: str
    injected: int = 0
    """Tried."""
    reached: int = 0
    """Of these, those that came where they should: a signal that found its process gone did not."""
    right: int = 0
    """Of the reached, those that ended as is promised."""
    wrong: int = 0
    void: int = 0
    """Not reached: they say nothing."""
    findings: list[str] = field(default_factory=list)
    """What each wrong one did, once for each kind."""
    whys: list[str] = field(default_factory=list)
    """Why some are void, where that is not a matter of chance."""
    figures: list[str] = field(default_factory=list)
    """What was measured besides."""

    def note(self, finding: str | None) -> None:
        """One that reached its target: None for one that ended as it should."""
        self.injected += 1
        self.reached += 1
        if finding is None:
            self.right += 1
            return
        self.wrong += 1
        if finding not in self.findings:
            self.findings.append(finding)

    def miss(self, why: str = "") -> None:
        """One that did not."""
        self.injected += 1
        self.void += 1
        if why and why not in self.whys:
            self.whys.append(why)


def render(groups: Sequence[Group]) -> str:
    """The table, and what was wrong below it."""
    columns = [Column("faults"), *(Column(name, "right") for name in ("injected", "reached", "right", "wrong", "void"))]
    sums = [sum(getattr(group, column.name) for group in groups) for column in columns[1:]]
    rows = [[group.name, *(f"{getattr(group, column.name):,}" for column in columns[1:])] for group in groups]
    lines = table_lines([*rows, ["all", *(f"{each:,}" for each in sums)]], columns)
    lines += [f"void {group.name}: {why}" for group in groups for why in group.whys]
    lines += [figure for group in groups for figure in group.figures]
    return "\n".join([*lines, *(f"WRONG {group.name}: {finding}" for group in groups for finding in group.findings)])
