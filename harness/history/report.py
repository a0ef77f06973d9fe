"""The history as a person reads it: a list, a plot of signs, changes, what is usual. No library draws it: it must be quick."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence

from harness.errors import ConfigError
from harness.history.changes import LEAST_SIDE, LastingChange, changes_in
from harness.history.entry import BENCHMARK, LOWER_IS_BETTER, HistoryEntry
from harness.history.noise import LEAST, Judgement, Noise
from harness.units import Unit, bytes_text, number, quantity_text

_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""What would move the cursor, colour the terminal or turn the text."""
_LONGEST, _LONGEST_PATH = 40, 60
_HEAD = (
    "when",
    "benchmark",
    "scenario",
    "model",
    "backend",
    "status",
    "p50",
    "p90",
    "samples/s",
    "accuracy",
    "directory",
)
_HEIGHT, _WIDTH = 12, 72
_UNITS: Mapping[str, Unit] = {"p50": "ns", "p90": "ns", "p99": "ns"}


def shown(text: str) -> str:
    """A name for the terminal."""
    plain = _plain(text)
    return plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 3]}..."


def _plain(text: str) -> str:
    return _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text)


def figure_text(name: str, value: float | None) -> str:
    """A figure with its unit; `-` for none."""
    if value is None:
        return "-"
    if name == "peak_rss_bytes":
        return bytes_text(round(value))
    return quantity_text(value, _UNITS[name]) if name in _UNITS else number(value, 4 if name == "accuracy" else 2, 3)


def when(at_s: float) -> str:
    """A moment, in the machine's own time; a moment that no calendar has as its number."""
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(at_s))
    except (OverflowError, ValueError, OSError):
        return f"{at_s:.0f} s"


def listed(entries: Sequence[HistoryEntry]) -> str:
    """A line a run."""
    rows = [_HEAD, *(_row(one) for one in entries)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    if back := sum(one.clock_went_back for one in entries):
        lines.append(
            f"*: {back:,} of them ran later than they were written: the clock was set in between, their order is doubtful"
        )
    return "\n".join(lines)


def _row(one: HistoryEntry) -> tuple[str, ...]:
    figures = (figure_text(name, getattr(one, name)) for name in ("p50", "p90", "samples_per_second", "accuracy"))
    moment = when(one.at_s) + ("*" if one.clock_went_back else "")
    # The end of a path says more than its beginning, and what is cut must not look like a path from the root.
    path = _plain(one.path)
    path = path if len(path) <= _LONGEST_PATH else f"...{path[3 - _LONGEST_PATH :]}"
    return (moment, *map(shown, (one.task, one.scenario, one.model, one.backend, one.status)), *figures, path)


def plotted(entries: Sequence[HistoryEntry], name: str) -> str:
    """A figure over the runs, in the order of time: a sign a run, or the median of several where there are many."""
    entries = [one for one in entries if getattr(one, name) is not None]
    values = [getattr(one, name) for one in entries]
    if not values:
        return f"none of the runs has {name}"
    columns = min(len(values), _WIDTH)
    points = [_median(values[at * len(values) // columns : (at + 1) * len(values) // columns]) for at in range(columns)]
    low, high = min(points), max(points)
    span = (high - low) or 1.0
    rows = [[" "] * columns for _ in range(_HEIGHT)]
    for at, point in enumerate(points):
        rows[_HEIGHT - 1 - round((point - low) / span * (_HEIGHT - 1))][at] = "*"
    labels = [figure_text(name, high), *[""] * (_HEIGHT - 2), figure_text(name, low)]
    width = max(map(len, labels))
    lines = [f"{label.rjust(width)} |{''.join(row).rstrip()}" for label, row in zip(labels, rows, strict=True)]
    each = f", the median of {len(values) / columns:.1f} runs a sign" if len(values) > columns else ""
    lines.append(f"{'':{width}} +{'-' * columns}")
    lines.append(
        f"{'':{width}}  {name} of {len(values):,} runs, {when(entries[0].at_s)} to {when(entries[-1].at_s)}{each}"
    )
    return "\n".join([*lines, *_mixed(entries)])


def _mixed(entries: Sequence[HistoryEntry]) -> list[str]:
    """What keeps runs that are drawn beside each other from being held against each other."""
    benchmarks = {one.benchmark for one in entries}
    if len(benchmarks) == 1:
        return []
    differing = [column for column in BENCHMARK if len({getattr(one, column) for one in entries}) > 1]
    return [
        f"note: these are {len(benchmarks):,} benchmarks, which differ in {', '.join(differing)}: a step between two of them "
        "is no change",
        f"      one alone: --filter {differing[0]}=...",
    ]


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def changes_text(groups: Mapping[tuple[str, ...], Sequence[HistoryEntry]], name: str) -> str:
    """When a figure changed for good, benchmark by benchmark, with what else changed then."""
    lines = []
    for runs in groups.values():
        known = [one for one in runs if (getattr(one, name) or 0) > 0]
        found = changes_in([getattr(one, name) for one in known])
        few = f"; {2 * LEAST_SIDE} are the least that can show a change" if len(known) < 2 * LEAST_SIDE else ""
        lines.append(
            f"{_title(known or runs)}: {_count(len(known))} with {name}{few or ('' if found else ', no change for good')}"
        )
        for change in found:
            lines += _change(change, known, name)
    return "\n".join(lines) or "no runs"


def _change(change: LastingChange, runs: Sequence[HistoryEntry], name: str) -> list[str]:
    former, first = runs[change.place - 1], runs[change.place]
    worse = (change.size > 0) == (name in LOWER_IS_BETTER)
    sizes = f"{figure_text(name, change.before)} to {figure_text(name, change.after)}"
    lines = [
        f"  {when(first.at_s)}: {'WORSE' if worse else 'better'}, {sizes} ({change.size:+.1%}; by chance {change.chance:.1g})",
        f"    between {_plain(former.path)} and {_plain(first.path)}",
    ]
    differing = [*_versions(former, first)]
    if former.host != first.host:
        differing.append(f"host {shown(former.host)} -> {shown(first.host)}")
    if former.platform != first.platform:
        differing.append(f"system {shown(former.platform)} -> {shown(first.platform)}")
    lines.append(f"    {'; '.join(differing) if differing else 'versions, host and system are the same on both sides'}")
    return lines


def _versions(former: HistoryEntry, later: HistoryEntry) -> list[str]:
    one, other = _parsed(former), _parsed(later)
    return [
        f"{shown(name)} {_whole(one, name)} -> {_whole(other, name)}"
        for name in sorted({*one, *other})
        if one.get(name) != other.get(name)
    ]


def _parsed(entry: HistoryEntry) -> Mapping[str, object]:
    try:
        found = json.loads(entry.versions)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ConfigError(
            f"the index is damaged: what it has as the versions of {_plain(entry.path)} is no JSON object: make it anew with "
            "./run.sh history --rebuild --add DIR (DIR holds the runs)"
        )
    return found


def _whole(versions: Mapping[str, object], name: str) -> str:
    """A version with its commit, which is longer than other names."""
    return _plain(str(versions.get(name, "absent")))[:80]


def noise_text(
    groups: Mapping[tuple[str, ...], Noise | None], runs: Mapping[tuple[str, ...], Sequence[HistoryEntry]], name: str
) -> str:
    """What is usual, benchmark by benchmark."""
    lines = []
    for key, noise in groups.items():
        if noise is None:
            known = sum(bool(getattr(one, name)) for one in runs[key])
            lines.append(
                f"{_title(runs[key])}: {_count(known)} with {name}; {LEAST} teach how much it differs from run to run"
            )
        else:
            usual = figure_text(name, noise.usual)
            lines.append(
                f"{_title(runs[key])}: {name} usually {usual}, from run to run {noise.sigma:.2%} ({noise.runs} runs)"
            )
    return "\n".join(lines) or "no runs"


def judgement_text(title: str, name: str, noise: Noise, found: Judgement) -> str:
    """A sentence."""
    return (
        f"{title}: {name} {found.change:+.2%} against {figure_text(name, noise.usual)}, what {noise.runs} runs make usual "
        f"(99 %: {found.low:+.2%} to {found.high:+.2%}); {found.limit:.2%} worse is allowed: {found.found.upper()}"
    )


def _title(runs: Sequence[HistoryEntry]) -> str:
    one = runs[0]
    mode = "" if one.mode == "performance" else f" {shown(one.mode)}"
    what = f"{shown(one.task)} {one.scenario}{mode}"
    return f"{what}, {shown(one.model)} on {shown(one.backend)}, {one.preset}, {shown(one.machine)}"


def _count(runs: int) -> str:
    return f"{runs:,} run{'' if runs == 1 else 's'}"
