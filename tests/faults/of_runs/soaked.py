"""A soak, much shortened: memory and descriptors of a run that lasts stay flat (`python -m benchmarks.soak` for hours)."""

from __future__ import annotations

from benchmarks.soak import measure
from tests.faults.table import Group


def soaked(seconds: float) -> Group:
    """One run of so many seconds, at least 60; each figure with a target counts as one."""
    group = Group(f"a soak of {seconds:g} s: memory and descriptors stay flat")
    try:
        rows = measure(seconds, ["Server"])
    except SystemExit as stop:
        group.miss(str(stop.code))
        return group
    for row in rows:
        if row.met is not None:
            group.note(None if row.met else f"{row.what}: {row.value:g} {row.unit}, {row.beside}")
        group.figures.append(f"{row.what}: {row.value:,.3g} {row.unit}")
    return group
