"""A run under a compliance test and the run that it vouches for: both are told the same, and answer by the same parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from harness.config.official.rules import STREAMS
from harness.results.record import Result, SeriesRun
from harness.results.subject import LoadGenSettings
from harness.series.plan import PlannedRun
from harness.spec.schema import Load, Spec


def vouches(test: SeriesRun, other: SeriesRun) -> bool:
    """Whether a run under a compliance test vouches for another one."""
    asked = [(run.backend_asked, run.model_asked, run.directory.rpartition("/")[0]) for run in (test, other)]
    return asked[0] == asked[1] and other.result.compliance is None and other.again is None


def told_as_vouched_for(planned: PlannedRun, runs: Sequence[SeriesRun]) -> PlannedRun:
    """A compliance run with the settings of its performance run, as the rules ask for one user.conf; others as they are.

    Args:
        planned: What is to run.
        runs: Those that were made.
    """
    if planned.spec.load.compliance is None:
        return planned
    asked = planned.backend_asked, planned.model_asked, planned.group
    before = [
        run.result
        for run in runs
        if (run.backend_asked, run.model_asked, run.directory.rpartition("/")[0]) == asked
        and run.result.mode == "performance"
        and run.result.compliance is None
        and run.again is None
    ]
    return replace(planned, spec=_told_alike(planned.spec, before[0])) if before else planned


def _told_alike(spec: Spec, vouched: Result) -> Spec:
    settings, answering = vouched.loadgen, vouched.backend.answering
    if settings is None or answering is None:
        return spec
    section: dict[str, Any] = {"threads": answering.threads, "batch": answering.batch}
    if spec.load.scenario not in STREAMS:
        section["instances"] = answering.instances
    engines = vouched.calibration.engines if vouched.calibration else None
    if spec.backend.is_plain_cpu and engines is not None:
        section["options"] = {"engine": engines.chosen}
    load = spec.load.model_copy(update=_load(spec.load, settings))
    return spec.model_copy(update={"load": load, "backend": spec.backend.model_copy(update=section)})


def _load(load: Load, settings: LoadGenSettings) -> dict[str, Any]:
    """What the calibration found for the performance run, as LoadGen held it."""
    match load.scenario:
        case "SingleStream" | "MultiStream":
            name = "single_stream" if load.scenario == "SingleStream" else "multi_stream"
            told = settings.others.get(f"{name}_expected_latency_ns")
            # LoadGen keeps whole ns as a float.
            return {"expected_latency_ns": load.expected_latency_ns if told is None else int(told)}
        case "Offline":
            return {"target_qps": settings.others.get("offline_expected_qps", load.target_qps)}
        case _:
            return {
                "target_qps": settings.server_target_qps,
                "server_target_latency_ns": settings.server_target_latency_ns,
            }
