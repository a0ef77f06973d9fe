"""Models of one task: each is scored by an accuracy run of its own, then all are timed in turns on a sample of the data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from backends.base import TensorSpec
from harness.bench.result import BenchResult, BenchRow
from harness.bench.session import BenchCase, Settings, Supply, bench
from harness.messages.bench import BenchInput, BenchOutput, Opened
from harness.model.subject import Subject
from harness.report.screen import Screen
from harness.results.record import SeriesResult, SeriesRun, status_of
from harness.results.verdict.figure_names import metric_figure
from harness.series.execute import execute_series
from harness.series.plan import PlannedRun, Series
from harness.side_by_side.record import (
    ComparedBackend,
    ComparedFigure,
    ComparedRow,
    Kind,
    ModelComparison,
    Versus,
)
from harness.spec.schema import Spec
from harness.spec.task import open_task
from harness.statistics.intervals import difference
from harness.turns.process import CandidateFailed
from harness.units import Unit
from tasks.base import DataMissing, ModelMismatch

SCHEMA_VERSION = 1
FED = "the first sample of the data, prepared as for the task"


def compare_models(series: Series, settings: Settings, out: Path, screen: Screen) -> ModelComparison:
    """Scores and times.

    Args:
        series: An accuracy run of every model behind every backend.
        settings: Of the timing.
        out: A directory for the runs, empty or not there.
        screen: Draws how far it is.
    """
    top, _ = execute_series(series, out, screen)
    backends = list(dict.fromkeys(planned.backend_asked for planned in series.runs))
    compared = [_behind(backend, series, top, settings, screen) for backend in backends]
    first = series.runs[0].spec
    refused = [row.refusal.exit_status for each in compared for row in each.bench.rows if row.refusal]
    return ModelComparison(
        SCHEMA_VERSION,
        first.benchmark,
        first.task,
        first.dataset.name,
        next((run.result.dataset.count for run in top.runs if run.result.dataset.count is not None), None),
        tuple(row.model for row in compared[0].bench.rows),
        tuple(compared),
        str(out),
        FED,
        max([status_of(top) if top.status == "failed" else 0, *refused, *_failed(top)]),
    )


def _failed(top: SeriesResult) -> Iterator[int]:
    """The exit statuses of runs that failed."""
    for run in top.runs:
        if run.result.status == "failed":
            yield run.exit_status or 3


def _behind(backend: str, series: Series, top: SeriesResult, settings: Settings, screen: Screen) -> ComparedBackend:
    """All models behind one backend."""
    planned = [each for each in series.runs if each.backend_asked == backend]
    done = {run.directory: run for run in top.runs}
    runs = [done.get(each.name) for each in planned]
    found = bench([_case(each, run) for each, run in zip(planned, runs, strict=True)], settings, screen.say)
    return ComparedBackend(
        backend,
        (*_metric_rows(runs), *_bench_rows(found)),
        found,
        {
            row.model: "; ".join(reason.what for reason in run.result.reasons) if run else "it did not run"
            for row, run in zip(found.rows, runs, strict=True)
            if run is None or run.result.status == "failed"
        },
    )


def _case(planned: PlannedRun, run: SeriesRun | None) -> BenchCase:
    spec = planned.spec
    model = spec.model
    invocation = model.invocation
    if run is not None and run.result.model.open_sizes:
        # The task's data named the sizes that the file leaves open.
        shapes = {**(run.result.model.input_shapes or {}), **invocation.input_shapes}
        invocation = invocation.model_copy(update={"input_shapes": shapes})
    threads = 1 if spec.backend.threads == "auto" else spec.backend.threads
    subject = Subject(
        model.path,
        model.sha256,
        model.name,
        model.source,
        spec.backend.model_dump(mode="json"),
        invocation.model_dump(mode="json"),
        threads,
        spec.cache_dir,
    )
    return BenchCase(subject, planned.backend_asked, _supply(spec))


def _supply(spec: Spec) -> Supply:
    """The first sample of the data, as this model takes it."""

    def supply(opened: Opened, folder: Path) -> Mapping[str, Path]:
        try:
            return supplied(opened, folder)
        except (ModelMismatch, DataMissing) as error:
            # One model that cannot be asked does not take the others' figures away.
            raise CandidateFailed(str(error), "refused", error.exit_status) from None

    def supplied(opened: Opened, folder: Path) -> Mapping[str, Path]:
        task = open_task(spec.task, spec.options, spec.dataset)
        codec = task.codec([_tensor(each) for each in opened.inputs], [_tensor(each) for each in opened.outputs])
        files = {}
        for place, (each, values) in enumerate(zip(opened.inputs, codec.preprocess(0), strict=True)):
            files[each.name] = folder / f"input-{place}.npy"
            np.save(files[each.name], values)
        return files

    return supply


def _tensor(each: BenchInput | BenchOutput) -> TensorSpec:
    return TensorSpec(each.name, each.shape, np.dtype(each.dtype), each.scale, each.zero_point, each.stored_as)


def _metric_rows(runs: Sequence[SeriesRun | None]) -> Iterator[ComparedRow]:
    names = dict.fromkeys(name for run in runs if run for name in run.result.accuracy or {})
    for name in names:
        figures = tuple(_metric(run, name) for run in runs)
        versus = tuple(_metric_versus(figures[0], each) for each in figures[1:])
        yield ComparedRow(name, "metric", metric_figure(name).unit, figures, versus)


def _metric(run: SeriesRun | None, name: str) -> ComparedFigure:
    found = (run.result.accuracy or {}).get(name) if run else None
    if run is None or found is None:
        return ComparedFigure(None)
    card = run.result.accuracy_card
    interval = card.interval if card is not None and card.metric == name else None
    return ComparedFigure(found.value, *((interval.low, interval.high) if interval else ()))


def _metric_versus(first: ComparedFigure, second: ComparedFigure) -> Versus:
    if first.value is None or second.value is None:
        return Versus()
    if first.low is None or first.high is None or second.low is None or second.high is None:
        return Versus(difference=second.value - first.value)
    more, low, high = difference((first.value, first.low, first.high), (second.value, second.low, second.high))
    return Versus(difference=more, low=low, high=high)


def _bench_rows(found: BenchResult) -> Iterator[ComparedRow]:
    rows = found.rows
    medians = tuple(
        ComparedFigure(row.found.latency.median, row.found.latency.median_low, row.found.latency.median_high)
        if row.found
        else ComparedFigure(None)
        for row in rows
    )
    turns = tuple(
        Versus(ratio=row.speed.median, low=row.speed.low, high=row.speed.high, standing=row.standing)
        if row.speed
        else Versus()
        for row in rows[1:]
    )
    yield ComparedRow("latency, median", "time", "ns", medians, turns)
    figures: list[tuple[str, Kind, Unit]] = [
        ("latency, p90", "time", "ns"),
        ("load", "time", "ns"),
        ("memory at load", "memory", "bytes"),
        ("memory overall", "memory", "bytes"),
        ("size", "size", "bytes"),
        ("size after gzip", "size", "bytes"),
        ("multiply-adds", "work", "count"),
        ("ops", "work", "count"),
        ("parameters", "work", "count"),
        ("arena", "work", "bytes"),
        ("ops in the delegate", "share", "share"),
    ]
    values = [_values(row) for row in rows]
    for name, kind, unit in figures:
        of_models = [each.get(name) for each in values]
        first = of_models[0]
        versus = tuple(
            Versus(ratio=first / each if first and each and kind != "share" else None) for each in of_models[1:]
        )
        yield ComparedRow(name, kind, unit, tuple(ComparedFigure(each) for each in of_models), versus)


def _values(row: BenchRow) -> dict[str, float | None]:
    """What there is one figure of, by name."""
    found: dict[str, float | None] = {}
    if row.found is not None:
        found["latency, p90"] = row.found.latency.p90
        found["memory at load"], found["memory overall"] = row.found.memory.load_bytes, row.found.memory.overall_bytes
    if row.opened is not None and row.refusal is None:
        found["load"] = row.opened.load_ns
        if (coverage := row.opened.backend.coverage) is not None:
            found["ops in the delegate"] = coverage.share
    if (described := row.description) is not None:
        found |= {"size": described.size_bytes, "size after gzip": described.gzip_bytes}
        if (runs := described.runs) is not None:
            found["multiply-adds"] = runs.multiply_adds if runs.counts_are_complete else None
            found["ops"] = sum(each.count for each in runs.operators)
            found |= {"parameters": runs.parameters, "arena": runs.arena_bytes}
    return found
