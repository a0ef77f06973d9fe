"""What was timed, opened and counted of models, as rows: each figure with its interval, and what it is against the first's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from harness.bench.result import BenchResult, BenchRow
from harness.bench.session import times_file
from harness.side_by_side.openings import Opening, Openings
from harness.side_by_side.record import EXACT, ComparedRow, Kind, ModelFigure, Versus
from harness.statistics.rounds import (
    FEWEST_REPEATS,
    FEWEST_ROUNDS,
    Figure,
    RoundTimes,
    Within,
    figure_of,
    median_of,
    ratio_in_turns,
)
from harness.units import Unit

_LATENCIES: Sequence[tuple[str, Figure]] = (("mean", "mean"), ("p90", 90.0), ("p99", 99.0))
"""Beside the median, which the turns judge."""
_OPENED: Sequence[tuple[str, Kind, Unit, Callable[[Opening], float | None]]] = (
    ("load", "time", "ns", lambda each: each.load_ns),
    ("memory at load", "memory", "bytes", lambda each: each.load_bytes),
    ("memory overall", "memory", "bytes", lambda each: each.overall_bytes),
)
_SPARSE = "tensors stored sparse"
_COUNTED: Sequence[tuple[str, Kind, Unit]] = (
    ("size", "size", "bytes"),
    ("size after gzip", "size", "bytes"),
    ("multiply-adds", "work", "count"),
    ("ops", "work", "count"),
    ("parameters", "work", "count"),
    ("arena", "work", "bytes"),
    ("zero weights", "share", "share"),
    (_SPARSE, "work", "count"),
    ("ops in the delegate", "share", "share"),
)
_ORDER_STATISTICS = "order statistics of the runs"
_TEST = "the rounds in turns, a sequential test"


def timing_rows(found: BenchResult, times: Path, openings: Openings) -> Iterator[ComparedRow]:
    """The rows.

    Args:
        found: What bench says.
        times: Where it left what each run took.
        openings: Of the same models.
    """
    runs = [_times(times, place, row) for place, row in enumerate(found.rows)]
    yield _median(found.rows)
    for name, figure in _LATENCIES:
        yield _latency(name, figure, found.rows, runs)
    for name, kind, unit, value in _OPENED:
        yield _opened(name, kind, unit, [[_of(value, each) for each in model] for model in openings])
    values = [_counted(row) for row in found.rows]
    for name, kind, unit in _COUNTED:
        of_models = [each.get(name) for each in values]
        if name == _SPARSE and not any(of_models):
            continue
        first = of_models[0]
        ratios = [first / each if first and each and kind != "share" else None for each in of_models[1:]]
        yield ComparedRow(
            name,
            kind,
            unit,
            tuple(ModelFigure(each, method=None if each is None else EXACT) for each in of_models),
            tuple(Versus(ratio=each, method=None if each is None else EXACT) for each in ratios),
            lower_is_better=kind != "share",
        )


def _times(folder: Path, place: int, row: BenchRow) -> RoundTimes | None:
    if row.found is None:
        return None
    with np.load(times_file(folder, place)) as kept:
        return RoundTimes(kept["times"], kept["ends"])


def _median(rows: Sequence[BenchRow]) -> ComparedRow:
    figures = tuple(
        ModelFigure(
            row.found.latency.median, row.found.latency.median_low, row.found.latency.median_high, _ORDER_STATISTICS
        )
        if row.found
        else ModelFigure(None)
        for row in rows
    )
    turns = tuple(
        Versus(
            ratio=row.speed.median,
            low=row.speed.low,
            high=row.speed.high,
            standing=row.standing,
            method=_TEST if row.speed.low is not None else _too_few(row.speed.rounds),
        )
        if row.speed
        else Versus()
        for row in rows[1:]
    )
    return ComparedRow("latency, median", "time", "ns", figures, turns)


def _latency(name: str, figure: Figure, rows: Sequence[BenchRow], runs: Sequence[RoundTimes | None]) -> ComparedRow:
    figures = []
    for row, times in zip(rows, runs, strict=True):
        if row.found is None or times is None:
            figures.append(ModelFigure(None))
            continue
        sure = figure_of(times, figure)
        # The record's own value is of each run by itself, the interval of very many by groups.
        value = float(getattr(row.found.latency, name))
        low, high = (
            (None, None) if sure.low is None or sure.high is None else (min(sure.low, value), max(sure.high, value))
        )
        figures.append(ModelFigure(value, low, high, _rounds_text(sure, times)))
    versus = []
    for times in runs[1:]:
        if runs[0] is None or times is None:
            versus.append(Versus())
            continue
        ratio = ratio_in_turns(runs[0], times, figure)
        versus.append(Versus(ratio=ratio.value, low=ratio.low, high=ratio.high, method=_rounds_text(ratio, times)))
    return ComparedRow(f"latency, {name}", "time", "ns", tuple(figures), tuple(versus))


def _rounds_text(sure: Within, times: RoundTimes) -> str:
    rounds = len(times.ends)
    if sure.low is None:
        return _too_few(rounds)
    return f"bootstrap over {rounds} rounds in turns"


def _too_few(rounds: int) -> str:
    return f"no interval: {rounds} rounds, and {FEWEST_ROUNDS} are needed"


def _of(value: Callable[[Opening], float | None], opening: Opening | None) -> float | None:
    return None if opening is None else value(opening)


def _opened(name: str, kind: Kind, unit: Unit, models: Sequence[Sequence[float | None]]) -> ComparedRow:
    figures = []
    for values in models:
        known = [each for each in values if each is not None]
        sure = median_of(known) if known else None
        figures.append(
            ModelFigure(None)
            if sure is None
            else ModelFigure(sure.value, sure.low, sure.high, _repeats_text(sure, len(known)))
        )
    versus = []
    for values in models[1:]:
        ratios = [one / other for one, other in zip(models[0], values, strict=False) if one and other]
        if not ratios:
            versus.append(Versus())
            continue
        ratio = median_of(ratios)
        versus.append(
            Versus(ratio=ratio.value, low=ratio.low, high=ratio.high, method=_repeats_text(ratio, len(ratios)))
        )
    return ComparedRow(name, kind, unit, tuple(figures), tuple(versus))


def _repeats_text(sure: Within, count: int) -> str:
    if sure.low is None:
        times = "once" if count == 1 else f"{count} times"
        return f"no interval: opened {times}, and {FEWEST_REPEATS} are needed"
    return f"least and largest of {count} openings around their median"


def _counted(row: BenchRow) -> dict[str, float | None]:
    """What has no spread, by name."""
    found: dict[str, float | None] = {}
    if row.opened is not None and row.refusal is None and (coverage := row.opened.backend.coverage) is not None:
        found["ops in the delegate"] = coverage.share
    if (described := row.description) is not None:
        found |= {"size": described.size_bytes, "size after gzip": described.gzip_bytes}
        if (runs := described.runs) is not None:
            found["multiply-adds"] = runs.multiply_adds if runs.counts_are_complete else None
            found["ops"] = sum(each.count for each in runs.operators)
            found |= {"parameters": runs.parameters, "arena": runs.arena_bytes, "zero weights": runs.zero_weights_share}
            found[_SPARSE] = len(runs.sparse_tensors)
    return found
