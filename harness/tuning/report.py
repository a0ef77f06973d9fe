"""What a search says: the front, every candidate, how sure; and the config that it writes."""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from harness.config.fields import set_field
from harness.errors import ConfigError
from harness.report.table import Column, table_lines
from harness.statistics.intervals import Ratio
from harness.tuning.session import Row, SearchResult
from harness.units import duration, number
from harness.way_in import command
from harness.whole_file import replacing

_WIDTH = 150
_UNUSABLE = frozenset({"disagrees", "refused", "crashed", "too slow", "not tried"})


def front(rows: Sequence[Row]) -> list[Row]:
    """The rows that no other beats in latency, throughput and memory at once (the Pareto front), quickest first."""
    usable = [row for row in rows if row.status not in _UNUSABLE and row.latency_ns is not None]
    kept = [row for row in usable if not any(_beats(other, row) for other in usable if other is not row)]
    return sorted(kept, key=lambda row: row.latency_ns or 0.0)


def _beats(one: Row, other: Row) -> bool:
    mine, theirs = _costs(one), _costs(other)
    return all(a <= b for a, b in zip(mine, theirs, strict=True)) and mine != theirs


def _costs(row: Row) -> tuple[float, float, float]:
    """What is better when it is less; memory that nobody knows counts for nothing."""
    return row.latency_ns or math.inf, -(row.samples_per_second or 0.0), row.peak_rss_bytes or 0


def result(found: SearchResult, file: Path) -> dict[str, Any]:
    """All of it, for --json."""
    return {
        "task": found.spec.benchmark,
        "scenario": found.spec.load.scenario,
        "backend": found.spec.backend.name,
        "model": {"name": found.spec.model.name, "source": found.spec.model.source},
        "best": asdict(found.best),
        "how_sure": how_sure(found),
        "speed_over_default": asdict(found.final) if found.final else None,
        "front": [row.name for row in front(found.rows)],
        "rows": [asdict(row) for row in found.rows],
        "fields": dict(found.chosen),
        "time_s": found.time_s,
        "file": str(file),
    }


def render(found: SearchResult, file: Path) -> str:
    """For a terminal."""
    spec, best = found.spec, front(found.rows)
    names = ["", "candidate", "latency", "samples/s", "memory MB", "against", "speed", "95 % interval", "status"]
    columns = [
        Column(name, "right" if number in (2, 3, 4, 6) else "left", wrap=True) for number, name in enumerate(names)
    ]
    rows = []
    for row in found.rows:
        mark = ">" if row is found.best else "*" if row in best else ""
        rows.append((mark, row.name, *_figures(row), row.against or "-", *_ratio(row.ratio), row.status))
    lines = [f"{spec.title}, {spec.load.scenario}, {spec.model.name} on {spec.backend.name}, {found.time_s:.0f} s", ""]
    lines += table_lines(rows, columns, width=_WIDTH)
    lines += ["", "> the best, * on the front: no other is better in latency, throughput and memory at once"]
    lines += [f"  {row.name}: {row.why}" for row in found.rows if row.why]
    return "\n".join([*lines, "", how_sure(found), f"./run.sh --task {file}"])


def how_sure(found: SearchResult) -> str:
    """The sentence that says what is known of the best."""
    if found.final is None:
        open_rows = [row.name for row in found.rows if row.status == "not told apart"]
        left = f"; not told apart from it in the time: {'; '.join(open_rows)}" if open_rows else ""
        untried = [row.name for row in found.rows if row.status == "not tried"]
        rest = f"; not tried: {'; '.join(untried)}" if untried else ""
        known = "stays" if open_rows or untried else "is the best"
        return f"the default {known}: nothing was shown to be quicker{left}{rest}"
    ratio = found.final
    interval = (
        f", 95 % interval {number(ratio.low, 2)}..{number(ratio.high, 2)}"
        if ratio.low and ratio.high
        else ", too few rounds for an interval"
    )
    floor = found.best.floor
    agrees = f"; agrees with one CPU thread on {floor.samples} samples" if floor and floor.passed else ""
    return (
        f"{found.best.name} is {number(ratio.median, 2)}x the default{interval}, {ratio.rounds} rounds in turn{agrees}"
    )


def check_writable(file: Path) -> None:
    """Finds out before a search that its config could not be written after it; leaves nothing behind.

    Raises:
        ConfigError: It cannot be.
    """
    place = next(folder for folder in file.absolute().parents if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=place) as trial:
            trial.write(bytes(4096))
    except OSError as error:
        raise ConfigError(f"cannot write {file}: {error.strerror}; name another with --out") from None


def write_config(found: SearchResult, base: str, overrides: Sequence[tuple[str, Any]], file: Path) -> None:
    """Writes the config of the best, whole or not at all.

    Args:
        found: The search.
        base: What it inherits from.
        overrides: What the user asked for, which the config keeps.
        file: Must not exist.

    Raises:
        ConfigError: It cannot be written.
    """
    config: dict[str, Any] = {"inherits": base}
    fields = {**dict(overrides), "load.scenario": found.spec.load.scenario, **found.chosen}
    for name, value in fields.items():
        set_field(config, name, value)
    stamp = time.strftime("%Y-%m-%d")
    head = f"# Written by {command()} tune on {stamp}, {os.uname().machine}: {how_sure(found)}\n"
    text = head + yaml.safe_dump(_plain(config), sort_keys=False, allow_unicode=True)
    try:
        with replacing(file) as stream:
            stream.write(text.encode())
    except OSError as error:
        raise ConfigError(f"cannot write {file}: {error.strerror}") from None


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return str(value) if isinstance(value, Path) else value


def _figures(row: Row) -> tuple[str, str, str]:
    latency = duration(row.latency_ns) if row.latency_ns else "-"
    rate = number(row.samples_per_second, 1) if row.samples_per_second else "-"
    return latency, rate, number(row.peak_rss_bytes / 1e6, 0) if row.peak_rss_bytes else "-"


def _ratio(ratio: Ratio | None) -> tuple[str, str]:
    if ratio is None:
        return "-", "-"
    interval = (
        f"{number(ratio.low, 2)}..{number(ratio.high, 2)}" if ratio.low and ratio.high else f"{ratio.rounds} rounds"
    )
    return f"{number(ratio.median, 2)}x", interval
