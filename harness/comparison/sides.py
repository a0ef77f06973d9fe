"""The results that are compared, read from their directories: timed runs, a scored run, or another program's figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.comparison.foreign import read_foreign
from harness.errors import ConfigError
from harness.results.files import RESULT_FILE, read_result
from harness.results.queries.query_times import KeptTimes, read_query_times
from harness.results.record import Result, SeriesResult


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """One run, with its directory."""

    folder: Path
    result: Result


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison."""

    path: Path
    timed: tuple[ComparedRun, ...]
    """Performance runs of one kind."""
    scored: tuple[ComparedRun, ...]
    """Accuracy runs of it; the first counts."""
    published: Mapping[str, float] | None = None
    """Figures of another program's result by name; then there are no runs."""

    @property
    def any(self) -> Result:
        """One of its results: what ran is the same in all."""
        return (*self.timed, *self.scored)[0].result


def read_side(path: Path, like: Side | None = None) -> Side:
    """Reads a run's directory, that of a series, or another program's result.

    Args:
        path: The directory or the file.
        like: What it is compared with, where it may be another program's: that tells which of its benchmarks counts.

    Raises:
        ConfigError: It is neither, it is damaged, failed, or holds runs of several kinds.
    """
    if like is not None and (figures := read_foreign(path, like.any)) is not None:
        return Side(path, (), (), figures)
    if not path.is_dir():
        what = "is no run's directory" if path.exists() else "is not there"
        raise ConfigError(f"{path} {what}: name the directory of a run or a series (results/...)")
    result = read_result(path)
    runs = _runs(path, result)
    for run in runs:
        if run.result.status in ("failed", "started"):
            why = "; ".join(reason.what for reason in run.result.reasons) or "it did not come to its end"
            raise ConfigError(f"{run.folder} cannot be compared: it is {run.result.status}: {why}")
    kinds = {(run.result.task, run.result.scenario, run.result.model.sha256, run.result.backend.name) for run in runs}
    if len(kinds) > 1:
        raise ConfigError(
            f"{path} holds runs of {len(kinds)} kinds (models, backends or scenarios): name the directory of one of them"
        )
    timed = tuple(run for run in runs if run.result.performance is not None)
    scored = tuple(run for run in runs if run.result.mode == "accuracy")
    if not timed and not scored:
        raise ConfigError(f"{path} holds no run that was timed or scored")
    return Side(path, timed, scored)


def _runs(path: Path, result: Result | SeriesResult) -> list[ComparedRun]:
    if isinstance(result, Result):
        return [ComparedRun(path, result)]
    runs = []
    for each in result.runs:
        # A run under a compliance test is no other's equal.
        if each.again is None and each.result.compliance is None:
            folder = path / each.directory
            if not (folder / RESULT_FILE).exists():
                raise ConfigError(f"{folder} is missing, and {path / RESULT_FILE} speaks of it")
            runs.append(ComparedRun(folder, each.result))
    if not runs:
        raise ConfigError(f"{path} holds no run that counts")
    return runs


def times_of(run: ComparedRun) -> tuple[KeptTimes | None, str]:
    """The times of its queries; None where it has none, and why where they are damaged."""
    try:
        return read_query_times(run.folder), ""
    except ConfigError as error:
        return None, str(error)
