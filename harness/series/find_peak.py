"""Mode find-peak: the highest load at which Server is VALID, its tail within the bound.

LoadGen has a mode of its own for this, FindPeakPerformance. It makes all its runs in one process with one set of logs, of which
only the last verdict is kept apart: a run that was INVALID could not be looked at afterwards, a delegate that crashes would
take the whole search with it, and its bisection starts from a guess of the user's. Here each run is a run like any other, in
a process and a directory of its own, and the search (`harness.series.peak_search`) starts from what was measured.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.config.registry import task_class
from harness.errors import ConfigError, RunFailed
from harness.report.screen import Screen
from harness.report.series import render_series
from harness.results import files as results
from harness.results.figures import Peak, Queueing
from harness.results.own_directory import alone_in
from harness.results.record import Reason, Result, Search, SearchedRun, SeriesResult, SeriesRun, status_of
from harness.results.subject import Answering, LoadGenSettings
from harness.results.verdict.gate import judge_search, missed, requirements
from harness.run.execute import execute
from harness.series.execute import run_of, top_of
from harness.series.identity import identity_of
from harness.series.journal import Journal
from harness.series.on_top import kept_on_top, require_empty
from harness.series.peak_search import Goal, Step, Trial, bracket, confirmed, next_step
from harness.series.plan import PeakSearch, PlannedRun
from harness.spec.schema import Spec, least_duration_s
from harness.statistics import queueing

_SHORTEST_MS, _SHARE, _WORTH = 5000, 1 / 20, 1 / 4
"""A run that only explores is this long, or this share of one that counts; where it would be more than the last, all count."""
_MOST_RUNS = 24
_MARGIN = 1.1
"""A run may take longer than the last of its kind."""
_KEPT = ("threads", "instances", "workers", "batch")
"""Fields of the backend that the first run decides for all; its result's `backend` has them under the same names."""


class PeakFinder:
    """One search: its runs so far, and how long the next may take."""

    def __init__(self, planned: PlannedRun, asked: PeakSearch, out: Path, screen: Screen) -> None:
        """Decides the length of the runs.

        Raises:
            ConfigError: A budget that not even one run fits into.
        """
        self._planned, self._asked, self._out, self._screen = planned, asked, out, screen
        # Loads above the peak miss what is asked of the peak: the search is judged, not each of its runs.
        self._required = requirements(
            planned.spec.require, task_class(planned.spec.task).metric_kinds(planned.spec.options)
        )
        spec = self._spec = planned.spec.model_copy(update={"require": [], "own_targets": False})
        self._full_s = least_duration_s(spec)
        full_ms = spec.load.min_duration_ms
        short_ms = max(_SHORTEST_MS, int(_SHARE * full_ms))
        self._all_full = short_ms > _WORTH * full_ms
        self._short_ms = full_ms if self._all_full else short_ms
        self.budget_s = asked.budget_s
        if self.budget_s < self._full_s:
            raise ConfigError(
                f"a search of {self.budget_s:g} s has no room for one run that counts, which takes {self._full_s:g} s: "
                "raise --set load.find_peak_budget_s=..., or take a shorter --preset"
            )
        self._asked_bound_ns = spec.load.server_target_latency_ns
        self._share = spec.load.target_percentile
        self._goal: Goal | None = None
        self._began = time.monotonic()
        self._longest_s = {True: 0.0, False: 0.0}
        self.runs: list[SeriesRun] = []
        self.trials: list[Trial] = []

    def search(self, journal: Journal, after_each: Callable[[], None]) -> None:
        """Runs until the peak is known, or the budget is used up.

        Args:
            journal: Of the search's directory.
            after_each: Called when a run has ended.
        """
        qps = self._asked.first_qps
        first = self._run(Step(qps or 0.0, self._all_full), "estimate" if qps is None else f"{qps:.6g}", journal)
        goal = self._goal = self._hold(first)
        after_each()
        while len(self.runs) < _MOST_RUNS and (step := self._next(goal)) is not None:
            self._run(step, f"{step.qps:.6g}", journal)
            after_each()

    def found(self) -> Peak | None:
        """What was found, for the result; None where not one run came to its end."""
        if not self.trials:
            return None
        best, (_, high) = confirmed(self.trials), bracket(self.trials)
        goal, calibration = self._goal, self.runs[0].result.calibration
        service_ns = calibration.service_time_ns if calibration else 0.0
        allowed = queueing.peak_rate(goal.servers, service_ns, goal.bound_ns, goal.share) * 1e9 if goal else None
        broke = high.qps if high else None
        chosen = self._chosen(best).performance if best else None
        return Peak(
            target_qps=best.qps if best else None,
            samples_per_second=chosen.samples_per_second if chosen else None,
            bound_ns=goal.bound_ns if goal else None,
            bound_from="config" if self._asked_bound_ns else "measured",
            percentile=self._share,
            highest_valid_qps=best.qps if best else None,
            lowest_broken_qps=broke,
            gap=broke / best.qps - 1 if best and broke else None,
            tolerance=self._asked.tolerance,
            lowest_tried_qps=min(trial.qps for trial in self.trials),
            queueing=Queueing(goal.servers if goal else None, service_ns, allowed),
            time_s=time.monotonic() - self._began,
            budget_s=self.budget_s,
        )

    def top(self) -> SeriesResult:
        """The result on top: the figures of the run that counts, and all runs."""
        best = confirmed(self.trials)
        chosen = self._chosen(best) if best else None
        shown = chosen or (self.runs[-1].result if self.runs else None)
        # Runs that broke the bound are what the search is made of, no fault of the result.
        top = replace(
            top_of(self.runs),
            spread=None,
            sweep=None,
            search=Search(
                mode="find-peak",
                peak=self.found(),
                performance=chosen.performance if chosen else None,
                run=SearchedRun.of(shown) if shown else None,
            ),
        )
        if chosen:
            own = replace(top, warnings=chosen.warnings, unstable=chosen.unstable)
            return replace(own, status="valid", reasons=(), exit_status=0)
        reasons = (self._no_peak(),) if self.trials else ()
        return replace(top, status="invalid", reasons=reasons, exit_status=1)

    def judged(self) -> SeriesResult:
        """The result on top of a search that came to its end, with a verdict on what was asked of it."""
        top, best = self.top(), confirmed(self.trials)
        chosen = self._chosen(best) if best else None
        peak = top.search.peak if top.search else None
        verdicts = judge_search(chosen, peak, self._required, allow_short=self._spec.allow_short)
        top = replace(top, requirements=verdicts, reasons=(*top.reasons, *missed(verdicts)))
        return replace(top, exit_status=status_of(top))

    def broken_off(self, error: BaseException) -> SeriesResult:
        """The result on top of a search that an error ended."""
        top = self.top()
        search = replace(top.search, performance=None) if top.search else None
        return replace(top, status="failed", reasons=(results.failure(error),), search=search, exit_status=None)

    def _next(self, goal: Goal) -> Step | None:
        left = self.budget_s - (time.monotonic() - self._began)
        overhead = max(self._longest_s.values()) - (self._full_s if self._all_full else self._short_ms / 1000)
        full_s = _MARGIN * max(self._longest_s[True], self._full_s + max(0.0, overhead))
        short_s = _MARGIN * self._longest_s[self._all_full]
        explore = left >= short_s + (0.0 if self._all_full else full_s)
        step = next_step(self.trials, goal, explore=explore, all_full=self._all_full)
        return None if step is not None and step.full and left < full_s else step

    def _run(self, step: Step, name: str, journal: Journal) -> Result:
        load: dict[str, Any] = {"server_load": "peak"}
        if step.qps:
            load["target_qps"] = step.qps
        if not step.full:
            load["min_duration_ms"] = self._short_ms
        spec = _with(self._spec, load=load)
        folder = f"{len(self.runs) + 1}-find-peak-{name}"
        self._screen.say(f"{folder}, {least_duration_s(spec):g} s at least{self._so_far()}")
        self._screen.expect(least_duration_s(spec))
        began = time.monotonic()
        identity = identity_of(spec)
        journal.write("began", folder, identity)
        result = execute(spec, self._out / folder, self._screen)
        self._longest_s[step.full] = max(self._longest_s[step.full], time.monotonic() - began)
        self.runs.append(run_of(self._planned, folder, result))
        self.trials.append(_trial(result, full=step.full))
        journal.write("ended", folder, identity, result.status)
        return result

    def _hold(self, first: Result) -> Goal:
        """What the first run decided holds for all: a bound that moves with each calibration would be none."""
        loadgen, answering = _ran(first)
        bound_ns = loadgen.server_target_latency_ns
        kept = {name: getattr(answering, name) for name in _KEPT}
        self._spec = _with(self._spec, load={"server_target_latency_ns": bound_ns}, backend=kept)
        return Goal(answering.instances, bound_ns, self._share, self._asked.tolerance)

    def _so_far(self) -> str:
        low, high = bracket(self.trials)
        said = [f"{low.qps:.6g} holds" if low else "", f"{high.qps:.6g} does not" if high else ""]
        return "; " + ", ".join(filter(None, said)) if self.trials else ""

    def _chosen(self, best: Trial) -> Result:
        return self.runs[self.trials.index(best)].result

    def _no_peak(self) -> Reason:
        low, _ = bracket(self.trials)
        lowest = min(trial.qps for trial in self.trials)
        if low is None:
            # The lowest that was tried, not the lowest there could be.
            what = f"no load holds the bound, down to {lowest:.6g} queries/s"
        else:
            held = f"{low.qps:.6g} queries/s held in a short one"
            what = f"no run that counts confirmed a load in {self.budget_s:g} s, though {held}"
        return Reason(
            what=what,
            figure=f"{len(self.trials)} loads tried in {time.monotonic() - self._began:.0f} of {self.budget_s:g} s",
            fix="allow a longer tail with --set load.server_target_latency_ms=..., or more time with "
            "--set load.find_peak_budget_s=...",
        )


def _with(spec: Spec, *, load: Mapping[str, Any], backend: Mapping[str, Any] | None = None) -> Spec:
    """The same run with other fields of its load and its backend."""
    fields = {"load": spec.load.model_copy(update=load), "backend": spec.backend.model_copy(update=backend or {})}
    return spec.model_copy(update=fields)


def execute_find_peak(planned: PlannedRun, asked: PeakSearch, out: Path, screen: Screen) -> tuple[SeriesResult, str]:
    """Searches for the peak, from the run that is planned.

    Returns:
        The result on top (`runs` holds each run, `peak` what was found), and the text for the terminal.

    Raises:
        HarnessError: And its kin; the result on top then says `failed` and has the runs so far.
    """
    peak = PeakFinder(planned, asked, out, screen)
    with alone_in(out):
        top = _searched(peak, out)
    return top, f"{render_series(top)}\n\n{out}"


def _searched(peak: PeakFinder, out: Path) -> SeriesResult:
    require_empty(out)
    with kept_on_top(out, peak.broken_off) as on_top:
        on_top.so_far(peak.top())
        peak.search(Journal(out), lambda: on_top.so_far(peak.top()))
        top = peak.judged()
        on_top.end(top)
    return top


def _trial(result: Result, *, full: bool) -> Trial:
    loadgen, _ = _ran(result)
    figures = result.performance
    if figures is None or figures.overlatency_query_count is None or not figures.scheduled_samples_per_second:
        raise RunFailed(f"LoadGen's log does not say how the load of {loadgen.server_target_qps:g} queries/s was met")
    share = figures.target_percentile
    return Trial(
        qps=loadgen.server_target_qps,
        kept_up=figures.samples_per_second / figures.scheduled_samples_per_second,
        tail_ns=figures.latency_ns.at(share),
        held=figures.overlatency_query_count <= (1 - share) * figures.query_count,
        valid=result.status == "valid",
        full=full,
    )


def _ran(result: Result) -> tuple[LoadGenSettings, Answering]:
    """What a run that came to its end has."""
    if result.loadgen is None or result.backend.answering is None:
        raise RunFailed(f"a run of the search is {result.status} and has no settings")
    return result.loadgen, result.backend.answering
