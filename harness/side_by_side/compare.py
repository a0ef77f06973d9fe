"""Models of one task: each is scored by an accuracy run of its own, then all are timed in turns on a sample of the data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from backends.base import TensorSpec
from harness.bench.session import BenchCase, Settings, Supply, bench
from harness.config.registry import task_class
from harness.messages.bench import BenchInput, BenchOutput, Opened
from harness.model.subject import held_files
from harness.report.screen import Screen
from harness.results.record import SeriesResult, SeriesRun, status_of
from harness.results.verdict.figure_names import metric_figure
from harness.scratch_folder import ScratchFolder
from harness.series.execute import execute_series
from harness.series.plan import PlannedRun, Series
from harness.side_by_side.metric_intervals import MetricIntervals, Scored, scored_again
from harness.side_by_side.openings import open_in_turns
from harness.side_by_side.record import ComparedBackend, ComparedRow, ModelComparison, ModelFigure, Versus
from harness.side_by_side.timing_rows import timing_rows
from harness.spec.opener import subject_of_ref
from harness.spec.schema import Spec
from harness.spec.task import open_task
from harness.turns.process import CandidateFailed
from tasks.base import DataMissing, ModelMismatch

SCHEMA_VERSION = 1
FED = "the first sample of the data, prepared as for the task"


def compare_models(series: Series, settings: Settings, out: Path, screen: Screen, openings: int = 1) -> ModelComparison:
    """Scores and times.

    Args:
        series: An accuracy run of every model behind every backend.
        settings: Of the timing.
        out: A directory for the runs, empty or not there.
        screen: Draws how far it is.
        openings: How often each model is opened, for what loading and memory take; `FEWEST_REPEATS` give an interval.
    """
    top, _ = execute_series(series, out, screen)
    backends = list(dict.fromkeys(planned.backend_asked for planned in series.runs))
    compared = [_behind(backend, series, top, out, _Timing(settings, openings), screen) for backend in backends]
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


@dataclass(frozen=True, slots=True)
class _Timing:
    """How the models are timed."""

    settings: Settings
    openings: int


def _behind(
    backend: str, series: Series, top: SeriesResult, out: Path, timing: _Timing, screen: Screen
) -> ComparedBackend:
    """All models behind one backend."""
    planned = [each for each in series.runs if each.backend_asked == backend]
    done = {run.directory: run for run in top.runs}
    runs = [done.get(each.name) for each in planned]
    cases = [_case(each, run) for each, run in zip(planned, runs, strict=True)]
    with ScratchFolder("compare-models") as folder:
        found = bench(cases, timing.settings, screen.say, times=Path(folder))
        opened = open_in_turns(cases, found, timing.settings, timing.openings, screen)
        timed = tuple(timing_rows(found, Path(folder), opened))
    return ComparedBackend(
        backend,
        (*_metric_rows(planned, runs, out), *timed),
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
    if run is not None and run.result.model.open_sizes:
        # The task's data named the sizes that the file leaves open.
        shapes = {**(run.result.model.input_shapes or {}), **model.invocation.input_shapes}
        invocation = model.invocation.model_copy(update={"input_shapes": shapes})
        model = model.model_copy(update={"invocation": invocation})
    threads = 1 if spec.backend.threads == "auto" else spec.backend.threads
    held = held_files(model.path, model.sha256, spec.backend)
    subject = subject_of_ref(model, spec.backend, spec.cache_dir, held, threads)
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


def _metric_rows(planned: Sequence[PlannedRun], runs: Sequence[SeriesRun | None], top: Path) -> Iterator[ComparedRow]:
    names = dict.fromkeys(name for run in runs if run for name in run.result.accuracy or {})
    intervals = MetricIntervals(
        [
            scored_again(top / each.name) if run and run.result.accuracy else Scored(None)
            for each, run in zip(planned, runs, strict=True)
        ]
    )
    spec = planned[0].spec
    kinds = task_class(spec.task).metric_kinds(spec.options)
    for name in names:
        values = [_metric(run, name) for run in runs]
        kind = next((kind for kind in kinds if kind.gives(name)), None)
        unit, lower = metric_figure(name, kind).unit, kind is not None and kind.lower_is_better
        figures = []
        for place, value in enumerate(values):
            sure = None if value is None else intervals.own(place, name, value)
            figures.append(ModelFigure(value, sure.low, sure.high, sure.method) if sure else ModelFigure(None))
        versus = tuple(_versus(intervals, place, name, values) for place in range(1, len(values)))
        yield ComparedRow(name, "metric", unit, tuple(figures), versus, lower_is_better=lower)


def _metric(run: SeriesRun | None, name: str) -> float | None:
    found = (run.result.accuracy or {}).get(name) if run else None
    return None if found is None else found.value


def _versus(intervals: MetricIntervals, place: int, name: str, values: Sequence[float | None]) -> Versus:
    first, second = values[0], values[place]
    if first is None or second is None:
        return Versus()
    sure = intervals.over_the_first(place, name, first, second)
    return Versus(difference=second - first, low=sure.low, high=sure.high, method=sure.method)
