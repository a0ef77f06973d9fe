"""A profile for other programs."""

from __future__ import annotations

from harness.profiling.record import Profile
from harness.report.figure_rows import FigureRow, Told


def told_of_profile(profile: Profile) -> Told:
    """The whole model with and without the profiler, then a row for each type of op."""
    name = f"{profile.model}/{profile.backend}"
    rows = [
        FigureRow(name, "whole run", "ns", 1e3 * profile.unprofiled.mean_us, smaller_is_better=True),
        FigureRow(name, "all ops", "ns", 1e3 * profile.op_sum.mean_us, smaller_is_better=True),
    ]
    rows += [
        FigureRow(
            name, row.name, "ns", 1e3 * row.avg_us, smaller_is_better=True, note=f"{row.count} ops, {row.share:.1%}"
        )
        for row in profile.by_type
    ]
    return Told(f"profile of {profile.model} on {profile.backend}", profile.how, tuple(rows), (), {})
