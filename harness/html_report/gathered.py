"""All that a report shows of one run, read from its directory. What is damaged or gone is said and left out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from accuracy.answers.log import LogError, read_answers
from accuracy.errors import TruthError
from harness.errors import ConfigError, HarnessError, message_of
from harness.report.tail import why_no_times
from harness.results.files import RESULT_FILE, folder_of_run, read_result
from harness.results.loadgen_log import ACCURACY_LOG
from harness.results.queries.query_times import KeptTimes, read_query_times
from harness.results.queries.tail import Tail, tail_of
from harness.results.read_data import load_read_data
from harness.results.record import Result, SeriesResult
from harness.results.same_data import refuse_changed_data
from harness.run.reference import with_reference
from harness.spec.schema import SPEC_FILE, Spec, read_spec
from harness.spec.task import open_task
from tasks.base import DataMissing
from tasks.outputs.exhibits import Exhibition

MOST_EXHIBITS = 24


@dataclass(frozen=True, slots=True)
class Gathered:
    """One run."""

    name: str
    """Of its directory, as the user gave it; a run of a series has the series' before it."""
    result: Result
    spec: Spec | None
    times: KeptTimes | None
    tail: Tail | None
    """What the slowest queries coincide with."""
    exhibition: Exhibition | None
    lacking: tuple[str, ...]
    """What could not be shown, and why: a sentence each."""


def series_among(folders: list[Path]) -> dict[str, SeriesResult]:
    """The series of these directories, by name: what their runs are worth together.

    Raises:
        ConfigError: A directory is no run's, or its result is damaged.
    """
    found = {str(folder): read_result(folder) for folder in folders}
    return {name: result for name, result in found.items() if isinstance(result, SeriesResult)}


def gather(folders: list[Path], *, gallery: bool) -> list[Gathered]:
    """The runs of these directories, each run of a series by itself.

    Args:
        folders: Of runs or series.
        gallery: Whether samples are looked at again, which reads the data.

    Raises:
        ConfigError: A directory is no run's, or its result is damaged.
    """
    found = []
    for folder in folders:
        result = read_result(folder)
        if isinstance(result, Result):
            found.append(_gathered(str(folder), folder, result, gallery=gallery))
            continue
        found += _of_series(folder, result, gallery=gallery)
    return found


def _of_series(folder: Path, series: SeriesResult, *, gallery: bool) -> list[Gathered]:
    """Its result on top holds every run's: their own directories may be gone."""
    if not series.runs:
        raise ConfigError(f"{folder} is a series of which no run came to an end: there is nothing to report")
    return [
        _gathered(f"{folder}/{run.directory}", folder_of_run(folder, run.directory), run.result, gallery=gallery)
        for run in series.runs
    ]


def _gathered(name: str, folder: Path, result: Result, *, gallery: bool) -> Gathered:
    lacking: list[str] = []
    spec, times, tail, exhibition = None, None, None, None
    if not folder.is_dir():
        lacking.append(f"the run's directory is gone: all that is shown is of the series' {RESULT_FILE}")
        return Gathered(name, result, None, None, None, None, tuple(lacking))
    try:
        spec = read_spec(folder)
    except ConfigError as error:
        lacking.append(f"which settings differ from the defaults, and samples: {message_of(error)}")
    if result.performance is not None:
        try:
            times = read_query_times(folder)
        except ConfigError as error:
            lacking.append(f"charts of the latency: {message_of(error)}")
        else:
            if times is None:
                lacking.append(f"charts of the latency: {why_no_times(result)}")
            else:
                tail = _tail(folder, times, lacking)
    elif result.accuracy is not None and spec is not None and gallery:
        try:
            exhibition = _exhibition(folder, spec)
        except (HarnessError, DataMissing, LogError, TruthError, OSError, ValueError) as error:
            lacking.append(f"samples beside what is right: {message_of(error) or type(error).__name__}")
    return Gathered(name, result, spec, times, tail, exhibition, tuple(lacking))


def _tail(folder: Path, times: KeptTimes, lacking: list[str]) -> Tail | None:
    try:
        return tail_of(folder, times)
    except ConfigError as error:
        lacking.append(f"what slow queries coincide with: {message_of(error)}")
        return None


def _exhibition(folder: Path, spec: Spec) -> Exhibition:
    """Scored as it was, of the same data.

    Raises:
        ConfigError: The data are not what the run read.
    """
    kept = load_read_data(folder)
    if spec.asks_reference:
        spec = with_reference(spec, folder)
        kept = None
    task = open_task(spec.task, spec.options, spec.dataset)
    if kept is not None:
        refuse_changed_data(folder, task, kept)
    return task.exhibits(read_answers(folder / ACCURACY_LOG, len(task)), MOST_EXHIBITS)


__all__ = ["MOST_EXHIBITS", "SPEC_FILE", "Gathered", "gather", "series_among"]
