"""Mode find-peak: the highest load at which Server is VALID, its tail within the bound.

LoadGen has a mode of its own for this, FindPeakPerformance. It makes all its runs in one process with one set of logs, of which
only the last verdict is kept apart: a run that was INVALID could not be looked at afterwards, a delegate that crashes would
take the whole search with it, and its bisection starts from a guess of the user's. Here each run is a run like any other, in
a process and a directory of its own, and the search (`harness.series.peak_search`) starts from what was measured.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.errors import ConfigError
from harness.report.screen import Screen
from harness.report.series import render_series
from harness.results import files as results
from harness.run.execute import execute
from harness.series.execute import empty_directory, keep_so_far, top_of
from harness.series.identity import identity_of
from harness.series.journal import Journal
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


class Peak:
    """One search: its runs so far, and how long the next may take."""

    def __init__(self, planned: PlannedRun, asked: PeakSearch, out: Path, screen: Screen) -> None:
        """Decides the length of the runs.

        Raises:
            ConfigError: A budget that not even one run fits into.
        """
        self._planned, self._asked, self._out, self._screen = planned, asked, out, screen
        spec = self._spec = planned.spec
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
        self.runs: list[dict[str, Any]] = []
        self.trials: list[Trial] = []

    def search(self, journal: Journal) -> None:
        """Runs until the peak is known, or the budget is used up.

        Args:
            journal: Of the search's directory.
        """
        qps = self._asked.first_qps
        first = self._run(Step(qps or 0.0, self._all_full), "estimate" if qps is None else f"{qps:.6g}", journal)
        goal = self._goal = self._hold(first)
        while len(self.runs) < _MOST_RUNS and (step := self._next(goal)) is not None:
            self._run(step, f"{step.qps:.6g}", journal)

    def facts(self) -> dict[str, Any]:
        """What was found, for the result."""
        best, (_, high) = confirmed(self.trials), bracket(self.trials)
        goal = self._goal
        first = self.runs[0]["calibration"]
        service_ns = first["service_time_ns"]
        allowed = queueing.peak_rate(goal.servers, service_ns, goal.bound_ns, goal.share) * 1e9 if goal else None
        broke = high.qps if high else None
        return {
            "target_qps": best.qps if best else None,
            "samples_per_second": self._chosen(best)["performance"]["samples_per_second"] if best else None,
            "bound_ns": goal.bound_ns if goal else None,
            "bound_from": "config" if self._asked_bound_ns else "measured",
            "percentile": self._share,
            "highest_valid_qps": best.qps if best else None,
            "lowest_broken_qps": broke,
            "gap": broke / best.qps - 1 if best and broke else None,
            "tolerance": self._asked.tolerance,
            "lowest_tried_qps": min(trial.qps for trial in self.trials),
            "queueing": {"servers": goal.servers if goal else None, "service_time_ns": service_ns, "peak_qps": allowed},
            "time_s": time.monotonic() - self._began,
            "budget_s": self.budget_s,
        }

    def top(self) -> dict[str, Any]:
        """The result on top: the figures of the run that counts, and all runs."""
        best = confirmed(self.trials)
        chosen = self._chosen(best) if best else None
        top = top_of(self.runs) | {"mode": "find-peak", "peak": self.facts() if self.trials else None}
        same = ("task", "title", "scenario", "preset", "round", "model", "dataset", "backend", "loadgen", "system")
        top |= {name: (chosen or self.runs[-1])[name] for name in same if self.runs}
        # Runs that broke the bound are what the search is made of, no fault of the result.
        top |= {"performance": chosen["performance"] if chosen else None, "spread": None, "sweep": None}
        if chosen:
            own = {name: chosen[name] for name in ("warnings", "unstable")}
            return top | {"status": "valid", "reasons": [], "exit_status": 0, **own}
        return top | {"status": "invalid", "reasons": [self._no_peak()] if self.trials else [], "exit_status": 1}

    def _next(self, goal: Goal) -> Step | None:
        left = self.budget_s - (time.monotonic() - self._began)
        overhead = max(self._longest_s.values()) - (self._full_s if self._all_full else self._short_ms / 1000)
        full_s = _MARGIN * max(self._longest_s[True], self._full_s + max(0.0, overhead))
        short_s = _MARGIN * self._longest_s[self._all_full]
        explore = left >= short_s + (0.0 if self._all_full else full_s)
        step = next_step(self.trials, goal, explore=explore, all_full=self._all_full)
        return None if step is not None and step.full and left < full_s else step

    def _run(self, step: Step, name: str, journal: Journal) -> dict[str, Any]:
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
        asked = {"backend_asked": self._planned.backend_asked, "model_asked": self._planned.model_asked}
        self.runs.append({"directory": folder} | asked | result)
        self.trials.append(_trial(result, full=step.full))
        journal.write("ended", folder, identity, result["status"])
        keep_so_far(self._out, self.top())
        return result

    def _hold(self, first: Mapping[str, Any]) -> Goal:
        """What the first run decided holds for all: a bound that moves with each calibration would be none."""
        bound_ns = first["loadgen"]["server_target_latency_ns"]
        instances = first["backend"]["instances"]
        kept = {name: first["backend"][name] for name in _KEPT if name in first["backend"]}
        self._spec = _with(self._spec, load={"server_target_latency_ns": bound_ns}, backend=kept)
        return Goal(instances, bound_ns, self._share, self._asked.tolerance)

    def _so_far(self) -> str:
        low, high = bracket(self.trials)
        said = [f"{low.qps:.6g} holds" if low else "", f"{high.qps:.6g} does not" if high else ""]
        return "; " + ", ".join(filter(None, said)) if self.trials else ""

    def _chosen(self, best: Trial) -> dict[str, Any]:
        return self.runs[self.trials.index(best)]

    def _no_peak(self) -> dict[str, str]:
        low, _ = bracket(self.trials)
        lowest = min(trial.qps for trial in self.trials)
        if low is None:
            # The lowest that was tried, not the lowest there could be.
            what = f"no load holds the bound, down to {lowest:.6g} queries/s"
        else:
            held = f"{low.qps:.6g} queries/s held in a short one"
            what = f"no run that counts confirmed a load in {self.budget_s:g} s, though {held}"
        return {
            "what": what,
            "figure": f"{len(self.trials)} loads tried in {time.monotonic() - self._began:.0f} of {self.budget_s:g} s",
            "fix": "allow a longer tail with --set load.server_target_latency_ms=..., or more time with "
            "--set load.find_peak_budget_s=...",
        }


def _with(spec: Spec, *, load: Mapping[str, Any], backend: Mapping[str, Any] | None = None) -> Spec:
    """The same run with other fields of its load and its backend."""
    fields = {"load": spec.load.model_copy(update=load), "backend": spec.backend.model_copy(update=backend or {})}
    return spec.model_copy(update=fields)


def execute_find_peak(planned: PlannedRun, asked: PeakSearch, out: Path, screen: Screen) -> tuple[dict[str, Any], str]:
    """Searches for the peak, from the run that is planned.

    Returns:
        The result on top (`runs` holds each run, `peak` what was found), and the text for the terminal.

    Raises:
        HarnessError: And its kin; the result on top then says `failed` and has the runs so far.
    """
    peak = Peak(planned, asked, out, screen)
    empty_directory(out)
    try:
        peak.search(Journal(out))
        top = peak.top()
        results.keep(out, top)
    except BaseException as error:
        with contextlib.suppress(OSError):
            failed = peak.top() | {"status": "failed", "reasons": [results.failure(error)], "performance": None}
            failed["exit_status"] = None
            results.write_json(out / results.RESULT_FILE, failed)
        raise
    return top, f"{render_series(top)}\n\n{out}"


def _trial(result: Mapping[str, Any], *, full: bool) -> Trial:
    figures = result["performance"]
    share = figures["target_percentile"]
    late, count = figures["overlatency_query_count"], figures["query_count"]
    return Trial(
        qps=result["loadgen"]["server_target_qps"],
        kept_up=figures["samples_per_second"] / figures["scheduled_samples_per_second"],
        tail_ns=figures["latency_ns"].get(f"p{100 * share:g}"),
        held=late <= (1 - share) * count,
        valid=result["status"] == "valid",
        full=full,
    )
