"""Several runs of one benchmark: performance then accuracy, repeats, sweeps over models and backends."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import ConfigError, Interrupted, exit_status
from harness.report.screen import Screen
from harness.results import files as results
from harness.results.figures import Range, Spread
from harness.results.record import Reason, Result, SeriesResult, SeriesRun, status_of
from harness.run.execute import execute
from harness.series.identity import identity_of
from harness.series.journal import Journal
from harness.series.plan import PlannedRun, Series
from harness.spec.schema import least_duration_s


def execute_series(series: Series, out: Path, screen: Screen) -> tuple[SeriesResult, str]:
    """Runs one after the other. The result on top and the journal are written after each, so a kill loses one run at most.

    Returns:
        The result on top (`runs` holds each), and the text for the terminal.
    """
    empty_directory(out)
    identities = {planned.name: identity_of(planned.spec) for planned in series.runs}
    runs: list[SeriesRun] = []
    sweep = len({(planned.backend_asked, planned.model_asked) for planned in series.runs}) > 1
    at = ""
    with kept_on_top(out, lambda error: _broken_off(runs, at, error)) as on_top:
        on_top.so_far(top_of(runs))
        journal = Journal(out)
        for name, identity in identities.items():
            journal.write("planned", name, identity)
        for number, planned in enumerate(series.runs, 1):
            at = planned.name
            screen.say(f"run {number} of {len(series.runs)}: {at}")
            screen.expect(least_duration_s(planned.spec))
            journal.write("began", at, identities[at])
            runs.append(_one(_answering_alike(planned, runs), out, screen, go_on=sweep))
            journal.write("ended", at, identities[at], runs[-1].result.status)
            on_top.so_far(top_of(runs))
        at = ""
        top = top_of(runs)
        on_top.end(top)
    from harness.report.series import render_series

    return top, f"{render_series(top)}\n\n{out}"


class OnTop:
    """The result on top of a series, in its directory."""

    def __init__(self, out: Path) -> None:
        self._out, self._reserve = out, results.Reserve(out)

    def begin(self) -> None:
        """Keeps room for the last one.

        Raises:
            ConfigError: The directory cannot be written.
        """
        with _writable(self._out):
            self._reserve.take()

    def so_far(self, top: SeriesResult) -> None:
        """Writes the result of the runs so far, which says `started`: a series that is killed leaves what it had."""
        # Where it finds no room, the last one finds the reserve.
        with contextlib.suppress(OSError):
            results.write_result(self._out, replace(top, status="started", exit_status=None))

    def end(self, top: SeriesResult) -> None:
        """Writes the last one.

        Raises:
            RunFailed: It cannot be written: the disk is full.
        """
        self._reserve.release()
        results.keep(self._out, top)

    def broken_off(self, top: SeriesResult) -> None:
        """Writes the last one of a series that an error ended, if that can be."""
        with contextlib.suppress(OSError):
            self._reserve.release()
            results.write_result(self._out, top)


@contextlib.contextmanager
def kept_on_top(out: Path, broken_off: Callable[[BaseException], SeriesResult]) -> Iterator[OnTop]:
    """Keeps the result on top of a series also where an error ends it.

    Args:
        out: The directory, made and empty.
        broken_off: The result of a series that an error ends.

    Raises:
        ConfigError: The directory cannot be written.
    """
    on_top = OnTop(out)
    try:
        on_top.begin()
        yield on_top
    except BaseException as error:
        on_top.broken_off(broken_off(error))
        raise


def _broken_off(runs: Sequence[SeriesRun], at: str, error: BaseException) -> SeriesResult:
    """The result of a series that an error ended, in the run of that name, or in none."""
    top, last = top_of(runs), results.failure(error)
    reasons = (*top.reasons, named(at, last) if at else last)
    return replace(top, status="failed", reasons=reasons, exit_status=None)


def empty_directory(out: Path) -> None:
    """Makes the directory of a series.

    Raises:
        ConfigError: It cannot be written, or holds something.
    """
    with _writable(out):
        out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        raise ConfigError(f"{out} is not empty: every run gets a directory of its own (--out DIR)")


@contextlib.contextmanager
def _writable(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"cannot write the run's directory {out}: {error.strerror}") from None


def _one(planned: PlannedRun, out: Path, screen: Screen, *, go_on: bool) -> SeriesRun:
    """One run. In a sweep, a backend that is not here or breaks is a row that says so, and the others still run."""
    try:
        return run_of(planned, planned.name, execute(planned.spec, out / planned.name, screen))
    except Exception as error:
        status = exit_status(error)
        written = out / planned.name / results.RESULT_FILE
        if not go_on or status is None or isinstance(error, Interrupted) or not written.is_file():
            raise
        result = results.read_result(out / planned.name)
        if not isinstance(result, Result):
            raise
        return replace(run_of(planned, planned.name, result), exit_status=status)


def _answering_alike(planned: PlannedRun, runs: Sequence[SeriesRun]) -> PlannedRun:
    """An accuracy run with the engine that the performance run of the same model and backend found quicker.

    The rules want the same output in both modes; an accuracy run measures no speed, so by itself it takes the interpreter.
    """
    backend = planned.spec.backend
    asked = planned.backend_asked, planned.model_asked
    before = [run.result for run in runs if (run.backend_asked, run.model_asked) == asked]
    engines = next((one.calibration.engines for one in before if one.calibration), None)
    if planned.spec.load.mode != "accuracy" or not backend.is_plain_cpu or engines is None:
        return planned
    section = backend.model_copy(update={"options": {"engine": engines.chosen}})
    return replace(planned, spec=planned.spec.model_copy(update={"backend": section}))


def run_of(planned: PlannedRun, directory: str, result: Result) -> SeriesRun:
    """A run of a series, in its directory."""
    return SeriesRun(
        directory=directory, backend_asked=planned.backend_asked, model_asked=planned.model_asked, result=result
    )


def top_of(runs: Sequence[SeriesRun]) -> SeriesResult:
    """The result on top of these runs."""
    from harness.series.sweep import sweep_rows, worst

    scored = next((run.result for run in runs if run.result.accuracy), None)
    top = SeriesResult(
        status=worst(run.result.status for run in runs),
        reasons=tuple(named(run.directory, reason) for run in runs for reason in run.result.reasons),
        warnings=tuple(f"{run.directory}: {warning}" for run in runs for warning in run.result.warnings),
        unstable=tuple(named(run.directory, reason) for run in runs for reason in run.result.unstable),
        requirements=tuple(replace(verdict, run=run.directory) for run in runs for verdict in run.result.requirements),
        accuracy=scored.accuracy if scored else None,
        accuracy_card=scored.accuracy_card if scored else None,
        spread=_spread(runs),
        sweep=sweep_rows(runs),
        exit_status=max((run.exit_status or 0 for run in runs), default=0),
        runs=tuple(runs),
    )
    return replace(top, exit_status=status_of(top))


def named(run: str, reason: Reason) -> Reason:
    """A run's reason among those of other runs."""
    return replace(reason, what=f"{run}: {reason.what}")


def _spread(runs: Sequence[SeriesRun]) -> Spread | None:
    """Median and range of repeats of the same performance run."""
    same = [(run, run.result.performance) for run in runs if run.result.performance]
    if len(same) < 2 or len({(run.backend_asked, run.result.model.sha256) for run, _ in same}) > 1:
        return None
    rate = _range([figures.samples_per_second for _, figures in same])
    if same[0][0].result.scenario == "Offline":
        # One Offline query is the whole run: its latency says nothing that the throughput does not.
        return Spread(rate)
    latencies = [figures.latency_ns for _, figures in same]
    return Spread(rate, _range([one.p50 for one in latencies]), _range([one.p90 for one in latencies]))


def _range(values: Sequence[float]) -> Range:
    return Range(statistics.median(values), min(values), max(values))
