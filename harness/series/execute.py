"""Several runs of one benchmark: performance then accuracy, repeats, sweeps over models and backends."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import ConfigError, Interrupted, exit_status
from harness.report.screen import Screen
from harness.results import files as results
from harness.results.files import status_of
from harness.run.execute import execute
from harness.series.identity import identity_of
from harness.series.journal import Journal
from harness.series.plan import PlannedRun, Series
from harness.spec.schema import least_duration_s

_RANK = {"valid": 0, "invalid": 1, "failed": 2}


def execute_series(series: Series, out: Path, screen: Screen) -> tuple[dict[str, Any], str]:
    """Runs one after the other. The result on top and the journal are written after each, so a kill loses one run at most.

    Returns:
        The result on top (`runs` holds each), and the text for the terminal.
    """
    empty_directory(out)
    journal = Journal(out)
    identities = {planned.name: identity_of(planned.spec) for planned in series.runs}
    for name, identity in identities.items():
        journal.write("planned", name, identity)
    runs: list[dict[str, Any]] = []
    sweep = len({(planned.backend_asked, planned.model_asked) for planned in series.runs}) > 1
    at = ""
    try:
        for number, planned in enumerate(series.runs, 1):
            at = planned.name
            screen.say(f"run {number} of {len(series.runs)}: {at}")
            screen.expect(least_duration_s(planned.spec))
            journal.write("began", at, identities[at])
            runs.append(_one(planned, out, screen, go_on=sweep))
            journal.write("ended", at, identities[at], runs[-1]["status"])
            keep_so_far(out, top_of(runs))
        at = ""
        top = top_of(runs)
        results.keep(out, top)
    except BaseException as error:
        top = top_of(runs)
        last = results.failure(error)
        reasons = [*top["reasons"], _named(at, last) if at else last]
        with contextlib.suppress(OSError):
            results.write_json(
                out / results.RESULT_FILE, top | {"status": "failed", "reasons": reasons, "exit_status": None}
            )
        raise
    from harness.report.series import render_series

    return top, f"{render_series(top)}\n\n{out}"


def keep_so_far(out: Path, top: Mapping[str, Any]) -> None:
    """Writes the result of a series that still lasts.

    Raises:
        RunFailed: It cannot be written: the disk is full.
    """
    results.keep(out, {**top, "status": "started"})


def empty_directory(out: Path) -> None:
    """Makes the directory of a series.

    Raises:
        ConfigError: It cannot be written, or holds something.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot write the run's directory {out}: {error.strerror}") from None
    if any(out.iterdir()):
        raise ConfigError(f"{out} is not empty: every run gets a directory of its own (--out DIR)")


def _one(planned: PlannedRun, out: Path, screen: Screen, *, go_on: bool) -> dict[str, Any]:
    """One run. In a sweep, a backend that is not here or breaks is a row that says so, and the others still run."""
    asked = {
        "directory": planned.name,
        "backend_asked": planned.backend_asked,
        "model_asked": planned.model_asked,
    }
    try:
        return asked | execute(planned.spec, out / planned.name, screen)
    except Exception as error:
        status = exit_status(error)
        written = out / planned.name / results.RESULT_FILE
        if not go_on or status is None or isinstance(error, Interrupted) or not written.is_file():
            raise
        return asked | results.read_result(out / planned.name) | {"exit_status": status}


def top_of(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The result on top of these runs."""
    from harness.series.sweep import sweep_rows

    status = max((run["status"] for run in runs), key=lambda name: _RANK[name], default="failed")
    top = {
        "schema_version": results.SCHEMA_VERSION,
        "status": status,
        "reasons": [_named(run["directory"], reason) for run in runs for reason in run["reasons"]],
        "warnings": [f"{run['directory']}: {warning}" for run in runs for warning in run["warnings"]],
        "unstable": [_named(run["directory"], reason) for run in runs for reason in run["unstable"]],
        "accuracy": next((run["accuracy"] for run in runs if run["accuracy"]), None),
        "accuracy_card": next((run["accuracy_card"] for run in runs if run["accuracy"]), None),
        "spread": _spread(runs),
        "sweep": sweep_rows(runs),
        "exit_status": max((run.get("exit_status", 0) for run in runs), default=0),
        "runs": list(runs),
    }
    return top | {"exit_status": status_of(top)}


def _named(run: str, reason: Mapping[str, str]) -> dict[str, str]:
    """A run's reason among those of other runs."""
    return {**reason, "what": f"{run}: {reason['what']}"}


def _spread(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Median and range of repeats of the same performance run."""
    same = [run for run in runs if run["performance"]]
    if len(same) < 2 or len({(run["backend_asked"], run["model"]["sha256"]) for run in same}) > 1:
        return None
    columns = {"samples_per_second": [run["performance"]["samples_per_second"] for run in same]}
    if same[0]["scenario"] != "Offline":
        # One Offline query is the whole run: its latency says nothing that the throughput does not.
        columns |= {f"{name}_ns": [run["performance"]["latency_ns"][name] for run in same] for name in ("p50", "p90")}
    return {
        name: {"median": statistics.median(values), "min": min(values), "max": max(values)}
        for name, values in columns.items()
    }
