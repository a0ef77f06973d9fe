"""What `run` does: one run or a series, in a directory of its own.

What draws tables, searches or runs several is imported when it is needed: a run begins a tenth of a second sooner.
"""

from __future__ import annotations

import contextlib
import importlib
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from harness.config.official.compliance_tests import named_tests
from harness.errors import EXIT_USER, ConfigError, exit_status, message_of
from harness.machine.child_process import Child
from harness.machine.standby import Standby
from harness.report.screen import Screen
from harness.results.files import RESULT_FILE, read_result
from harness.results.loadgen_log import DETAIL_LOG
from harness.results.record import Result, SeriesResult, status_of
from harness.run.execute import execute
from harness.run.launch import StartWorker, start_worker
from harness.series.plan import PlannedRun, Series, plan_series
from harness.spec.schema import least_duration_s
from harness.zoo.files.official import cache_dir


@dataclass(frozen=True, slots=True)
class Performed:
    """What came of it."""

    status: int
    text: str
    result: Result | SeriesResult
    directory: Path
    complaint: str = ""
    """What went wrong, where there is a result all the same."""


def perform(
    config: Path,
    overrides: Sequence[tuple[str, Any]],
    *,
    models: Sequence[str],
    backends: Sequence[str],
    repeat: int,
    out: Path | None,
    as_json: bool,
    quiet: bool = False,
    require: Sequence[str] = (),
    standby: Standby | None = None,
    retry: bool = False,
    compliance: Sequence[str] = (),
    elsewhere: Callable[[Series, Path | None], Performed] | None = None,
) -> Performed:
    """One run or a series of runs, in a directory of their own.

    Args:
        config: The benchmark's config file.
        overrides: Fields of the config.
        models: As the user named them; more than one is a sweep.
        backends: Likewise.
        repeat: How often each.
        out: The directory; None for one of its own below results/.
        as_json: Nothing is drawn, and a failure that has a result gives it back.
        quiet: Nothing is drawn.
        require: What is asked of the figures, besides what the config asks.
        standby: A worker that was started ahead, for one run; None starts each when it is needed.
        retry: Whether a run that is INVALID for what the calibration found runs once more.
        compliance: Compliance tests of MLPerf inference, by name.
        elsewhere: Runs what is planned on another machine; None for this one.

    Raises:
        UnknownName: No such compliance test.
    """
    series = plan_series(
        config,
        overrides,
        models=models,
        backends=backends,
        repeat=repeat,
        cache_dir=cache_dir(),
        require=require,
        retry=retry,
        compliance=named_tests(compliance),
    )
    if elsewhere is not None:
        return elsewhere(series, out)
    return perform_planned(series, out, Screen(quiet=as_json or quiet), as_json=as_json, standby=standby)


def perform_planned(
    series: Series, out: Path | None, screen: Screen, *, as_json: bool = False, standby: Standby | None = None
) -> Performed:
    """What is planned, run.

    Args:
        series: One run or several.
        out: The directory; None for one of its own below results/.
        screen: Where progress is shown.
        as_json: A failure that has a result gives it back.
        standby: See `perform`.
    """
    own = out is None
    first = series.runs[0]
    out = default_out(first) if out is None else out
    found = (out / RESULT_FILE).exists()
    try:
        if series.peak is not None:
            from harness.series.find_peak import execute_find_peak

            return _told(*execute_find_peak(first, series.peak, out, screen), out)
        if len(series.runs) > 1 or series.retry:
            from harness.series.execute import execute_series

            _object(screen, series)
            return _told(*execute_series(series, out, screen), out)
        _announce(screen, first, out)
        result = execute(first.spec, out, screen, _start_with(standby))
        from harness.report.run import render_run
        from harness.report.tail import outliers_of

        outliers = outliers_of(out, result)
        return _told(result, f"{render_run(result, [outliers.row()] if outliers else ())}\n{out}", out)
    except BaseException as error:
        status = exit_status(error)
        failed = None
        if as_json and status is not None and not found and (out / RESULT_FILE).exists():
            failed = Performed(status, "", read_result(out), out, message_of(error))
        if own:
            _remove_if_nothing_began(out, error)
        if failed is not None:
            return failed
        raise


def _start_with(standby: Standby | None) -> StartWorker:
    """Takes the worker that is there already, and imports what scores and shows the result while it works."""
    if standby is None:
        return start_worker

    def start(descriptors: Sequence[int], folder: Path, log: IO[bytes]) -> Child:
        child = standby.take(descriptors, folder, log) or start_worker(descriptors, folder, log)
        for needed in ("harness.run.outcome", "harness.report.run", "harness.report.tail"):
            importlib.import_module(needed)
        return child

    return start


def _told(result: Result | SeriesResult, text: str, directory: Path) -> Performed:
    return Performed(status_of(result), text, result, directory)


def _object(screen: Screen, series: Series) -> None:
    """Says of a submission, before it runs, what those who receive it would object to."""
    if series.mode != "submission":
        return
    from harness.report.submission import objection_lines
    from harness.results.verdict.submission import objections_to_plan

    for line in objection_lines([reason for planned in series.runs for reason in objections_to_plan(planned.spec)]):
        screen.say(line)


def _announce(screen: Screen, planned: PlannedRun, out: Path) -> None:
    spec = planned.spec
    screen.expect(least_duration_s(spec))
    if spec.model.source == "standin":
        asked = planned.model_asked == "standin"
        why = "" if asked else "no official file is here, so "
        fetch = "" if asked else f". Get the official one with: ./run.sh fetch {spec.model.name}"
        screen.say(f"{spec.benchmark}: {why}a stand-in of the same architecture runs{fetch}")
    screen.say(f"{spec.title}, {spec.load.scenario}, {spec.load.mode}, in {out}")


def _remove_if_nothing_began(out: Path, error: BaseException) -> None:
    """What was refused before LoadGen began leaves nothing, unless a runtime or driver has said more of it than the error."""
    with contextlib.suppress(OSError):
        began = any(out.rglob(DETAIL_LOG))
        says_more = isinstance(error, ConfigError) and error.log_says_more
        if exit_status(error) == EXIT_USER and not began and not says_more:
            # Made by `default_out` for this command alone.
            shutil.rmtree(out)
        else:
            out.rmdir()
        out.parent.rmdir()


def default_out(planned: PlannedRun) -> Path:
    """A directory of its own below results/, made."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    spec = planned.spec
    name = f"{stamp}-{spec.benchmark}-{planned.backend}-{spec.load.scenario}"
    for number in range(1, 1000):
        out = Path("results") / (name if number == 1 else f"{name}-{number}")
        try:
            # Made here, so that two runs started in the same second never share it.
            out.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise ConfigError(f"cannot write the run's directory {out}: {error.strerror}") from None
        return out
    raise ConfigError(f"results/{name} and 998 more of the same name exist: name another with --out")
