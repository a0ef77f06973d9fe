"""Several runs of one benchmark: performance then accuracy, repeats, sweeps over models and backends."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import Interrupted, exit_status
from harness.report.screen import Screen
from harness.results import files as results
from harness.results.figures import Range, Spread
from harness.results.own_directory import alone_in
from harness.results.record import Reason, Result, SeriesResult, SeriesRun, Submission, status_of
from harness.results.verdict.submission import joined, judged_submission
from harness.run.execute import execute
from harness.series.identity import identity_of
from harness.series.journal import Journal
from harness.series.on_top import kept_on_top, require_empty
from harness.series.plan import PlannedRun, Series
from harness.series.rest import Machine, has_rested
from harness.series.resume import Before, digest_of, go_on_from, is_begun
from harness.series.retry import AGAIN, corrected
from harness.series.vouching import told_as_vouched_for, vouches
from harness.spec.schema import Spec, least_duration_s
from harness.statistics.change import interval_of_runs
from harness.units import span_text

_ALPHA = 0.01
"""What the interval of repeats may miss on each side."""


def execute_series(series: Series, out: Path, screen: Screen, *, may_go_on: bool = False) -> tuple[SeriesResult, str]:
    """Runs one after the other. The result on top and the journal are written after each, so a kill loses one run at most.

    Args:
        series: What is planned.
        out: Its directory.
        screen: Where progress is shown.
        may_go_on: Where the directory has the journal of the same series, what came to its end there is kept.

    Returns:
        The result on top (`runs` holds each), and the text for the terminal.
    """
    identities = {planned.name: identity_of(planned.spec) for planned in series.runs}
    with alone_in(out):
        begun = may_go_on and is_begun(out)
        if not begun:
            require_empty(out)
        before = go_on_from(out, identities) if begun else None
        # Made first of all: who is killed now finds the directory to be a series', which goes on.
        journal = Journal(out, goes_on=before is not None, anew=begun and before is None)
        top = _executed(_Running(series, out, screen, identities, before, journal), out)
    from harness.report.series import render_series

    return top, f"{render_series(top)}\n\n{out}"


def _executed(running: _Running, out: Path) -> SeriesResult:
    with kept_on_top(out, running.broken_off) as on_top:
        on_top.so_far(running.top())
        running.begin()
        for number in range(running.count):
            running.run(number)
            on_top.so_far(running.top())
        running.verify()
        top = running.top(ended=True)
        on_top.end(top)
    return top


class _Running:
    """A series while it runs."""

    def __init__(
        self,
        series: Series,
        out: Path,
        screen: Screen,
        identities: Mapping[str, str],
        before: Before | None,
        journal: Journal,
    ) -> None:
        self._series, self._out, self._screen = series, out, screen
        self._identities, self._before, self._journal = identities, before, journal
        self.count = len(series.runs)
        """Of the runs that are planned."""
        self._goes_on = (
            len({(planned.backend_asked, planned.model_asked, planned.group) for planned in series.runs}) > 1
        )
        self._specs: dict[str, Spec] = {}
        self._machine = Machine() if any(planned.rest for planned in series.runs) else None
        self._at = ""
        self._took_s = self._expected_s = 0.0
        self._rested = True
        self.runs: list[SeriesRun] = []

    def begin(self) -> None:
        """Notes what is planned; the journal of a series that goes on has it already."""
        if self._before is None:
            for name, identity in self._identities.items():
                self._journal.write("planned", name, identity)

    def run(self, number: int) -> None:
        """Does one of the planned runs, or finds it done; once more where that is asked for and can help."""
        planned = told_as_vouched_for(_answering_alike(self._series.runs[number], self.runs), self.runs)
        self._screen.say(f"run {number + 1} of {len(self._series.runs)}: {planned.name}{self._left(number)}")
        done = self._do(planned)
        better = corrected(planned.spec, done.result) if self._series.retry else None
        if better is None:
            self._keep(done)
            return
        again = replace(planned, name=f"{planned.name}{AGAIN}", spec=better.spec)
        self._screen.say(f"{planned.name} is INVALID: {better.why}; it runs once more as {again.name}")
        self._keep(replace(done, again=again.name))
        self._keep(self._do(again))

    def verify(self) -> None:
        """Judges the compliance tests by the runs that they vouch for, and writes their results once more."""
        from harness.submission.compliance.judge import judged

        for place, run in enumerate(self.runs):
            compliance = run.result.compliance
            # Of a series that goes on it may be judged already.
            if compliance is None or compliance.passed is not None or run.again or run.result.status == "failed":
                continue
            beside = {one.result.mode: one.directory for one in self.runs if vouches(run, one)}
            accuracy = self._out / beside["accuracy"] if "accuracy" in beside else None
            folder, target = self._out / run.directory, self._specs[run.directory].load.compliance_target
            result = judged(run.result, folder, self._out / beside.get("performance", ""), accuracy, target)
            results.keep(folder, result)
            self.runs[place] = replace(run, result=result)

    def top(self, *, ended: bool = False) -> SeriesResult:
        """The result on top, so far or in the end; also of each benchmark of a suite, in its own directory."""
        judged_groups: list[Submission] = []
        if ended and self._series.mode == "submission":
            for group in dict.fromkeys(planned.group for planned in self._series.runs):
                own = [run for run in self.runs if group_of(run) == group]
                judged = self._judged(own)
                judged_groups.append(judged)
                if group:
                    self._write_group(group, own, judged)
        top = top_of(self.runs)
        if judged_groups:
            top = replace(top, submission=joined(judged_groups))
        return replace(top, exit_status=max(top.exit_status or 0, status_of(top)))

    def broken_off(self, error: BaseException) -> SeriesResult:
        """The result of a series that an error ended, in a run or between two."""
        top, last = top_of(self.runs), results.failure(error)
        reasons = (*top.reasons, named(self._at, last) if self._at else last)
        return replace(top, status="failed", reasons=reasons, exit_status=None)

    def _do(self, planned: PlannedRun) -> SeriesRun:
        identity = self._identities.get(planned.name) or identity_of(planned.spec)
        self._at, self._specs[planned.name] = planned.name, planned.spec
        if self._before is not None:
            if (result := self._before.result(planned.name, identity)) is not None:
                self._screen.say(f"{planned.name} is there already: {result.status}")
                self._at = ""
                rest = self._before.rests.get(planned.name)
                self._rested &= has_rested(planned.rest, rest)
                return replace(run_of(planned, planned.name, result), rest=rest)
            if aside := self._before.put_aside(planned.name):
                self._screen.say(aside)
        began = time.monotonic()
        rest = self._machine.rest(planned.rest, self._screen.say) if self._machine and planned.rest else None
        self._rested &= has_rested(planned.rest, rest)
        self._screen.expect(least_duration_s(planned.spec))
        self._journal.write("began", planned.name, identity)
        done = replace(_one(planned, self._out, self._screen, go_on=self._goes_on), rest=rest)
        self._journal.write("ended", planned.name, identity, done.result.status, digest_of(self._out / planned.name))
        self._took_s += time.monotonic() - began
        self._expected_s += planned.expected_s or 0.0
        self._at = ""
        return done

    def _keep(self, run: SeriesRun) -> None:
        self.runs.append(run)

    def _judged(self, runs: Sequence[SeriesRun]) -> Submission:
        counted = [(self._specs[run.directory], run.result) for run in runs if run.again is None]
        return judged_submission(counted, rested=self._rested)

    def _write_group(self, group: str, runs: Sequence[SeriesRun], judged: Submission) -> None:
        own = [
            replace(run, directory=run.directory.rpartition("/")[2], again=run.again and run.again.rpartition("/")[2])
            for run in runs
        ]
        top = replace(top_of(own), submission=judged)
        results.keep(self._out / group, replace(top, exit_status=max(top.exit_status or 0, status_of(top))))

    def _left(self, number: int) -> str:
        """How long the rest may take: what was expected of it, as far off as the runs that were made."""
        expected_s = sum(planned.expected_s or 0.0 for planned in self._series.runs[number:])
        off = self._took_s / self._expected_s if self._expected_s else 1.0
        return f", about {span_text(expected_s * off)} left" if expected_s else ""


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
    asked = planned.backend_asked, planned.model_asked, planned.group
    before = [run.result for run in runs if (run.backend_asked, run.model_asked, group_of(run)) == asked]
    engines = next((one.calibration.engines for one in before if one.calibration), None)
    if planned.spec.load.mode != "accuracy" or not backend.is_plain_cpu or engines is None:
        return planned
    section = backend.model_copy(update={"options": {"engine": engines.chosen}})
    return replace(planned, spec=planned.spec.model_copy(update={"backend": section}))


def group_of(run: SeriesRun) -> str:
    """As `PlannedRun.group`, of a run that was made."""
    return run.directory.rpartition("/")[0]


def run_of(planned: PlannedRun, directory: str, result: Result) -> SeriesRun:
    """A run of a series, in its directory."""
    return SeriesRun(
        directory=directory, backend_asked=planned.backend_asked, model_asked=planned.model_asked, result=result
    )


def top_of(all_runs: Sequence[SeriesRun]) -> SeriesResult:
    """The result on top of these runs. One that another stands in the place of is listed, and does not count."""
    from harness.series.sweep import sweep_rows, worst

    runs = [run for run in all_runs if run.again is None]
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
        runs=tuple(all_runs),
    )
    return replace(top, exit_status=status_of(top))


def named(run: str, reason: Reason) -> Reason:
    """A run's reason among those of other runs."""
    return replace(reason, what=f"{run}: {reason.what}")


def _spread(runs: Sequence[SeriesRun]) -> Spread | None:
    """Median and range of repeats of the same performance run; one under a compliance test is another run."""
    same = [(run, run.result.performance) for run in runs if run.result.performance and not run.result.compliance]
    kinds = {(run.backend_asked, run.result.model.sha256, run.result.task, run.result.scenario) for run, _ in same}
    if len(same) < 2 or len(kinds) > 1:
        return None
    rate = _range([figures.samples_per_second for _, figures in same])
    if same[0][0].result.scenario == "Offline":
        # One Offline query is the whole run: its latency says nothing that the throughput does not.
        return Spread(rate)
    latencies = [figures.latency_ns for _, figures in same]
    return Spread(rate, _range([one.p50 for one in latencies]), _range([one.p90 for one in latencies]))


def _range(values: Sequence[float]) -> Range:
    low, high = interval_of_runs(values, _ALPHA) or (None, None)
    return Range(statistics.median(values), min(values), max(values), low, high)
