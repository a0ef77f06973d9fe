"""The parts of a result: what was asked, what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from accuracy.answers.log import LogError
from backends.base import BackendInfo
from harness.errors import RunFailed
from harness.machine import facts as system
from harness.messages.calibration import Calibration
from harness.messages.worker import Done, Proven
from harness.results import files as results
from harness.results import stability as unstable
from harness.results.loadgen_log import invalid_reasons, performance, read_detail
from harness.results.warnings import doubtful_data, ignored_settings, not_placed, too_many_threads, too_short
from harness.run.launch import WorkerReport
from harness.run.score import score
from harness.spec.schema import Spec
from tasks.base import Task


def _failed(error: BaseException) -> dict[str, Any]:
    reasons = [results.failure(error)]
    return {"status": "failed", "reasons": reasons, "performance": None, "accuracy": None, "accuracy_card": None}


def _started(spec: Spec) -> dict[str, Any]:
    return {
        "schema_version": results.SCHEMA_VERSION,
        "status": "started",
        "reasons": [],
        "warnings": [],
        "unstable": [],
        "task": spec.benchmark,
        "title": spec.title,
        "scenario": spec.load.scenario,
        "mode": spec.load.mode,
        "preset": spec.load.preset,
        "round": spec.load.round,
        "model": {
            "name": spec.model.name,
            "source": spec.model.source,
            "path": str(spec.model.path),
            "sha256": spec.model.sha256,
            "checksum": spec.model.checksum,
            "modified": None,
        },
        "dataset": {
            "name": spec.dataset.name,
            "source": spec.dataset.source,
            "path": str(spec.dataset.path),
            "checksum": spec.dataset.checksum,
            "count": spec.dataset.count,
        },
        "options": spec.options,
        "backend": {"name": spec.backend.name},
        "loadgen": {},
        "parity": None,
        "performance": None,
        "accuracy": None,
        "accuracy_card": None,
        "memory": {"peak_rss_bytes": None},
        "machine": None,
        "system": system.describe(),
    }


def _outcome(spec: Spec, folder: Path, task: Task | None, done: Done, report: WorkerReport) -> dict[str, Any]:
    started = _started(spec)
    outcome: dict[str, Any] = {
        "dataset": dict(done.data) | started["dataset"] | {"count": done.sample_count},
        "backend": _backend(done),
        "loadgen": dict(done.loadgen) | {"performance_sample_count": done.performance_sample_count},
        "calibration": _calibration(done.calibration),
        "machine": _machine(spec, done, report.latency_drift),
        "memory": (asdict(report.memory) if report.memory else started["memory"])
        | {"sample_limit_bytes": done.sample_limit_bytes, "sample_limit_from": done.sample_limit_from},
        "system": started["system"],
    }
    detail = read_detail(folder, accuracy=spec.load.mode == "accuracy")
    outcome["warnings"] = [
        *done.warnings,
        *_doubts(report.proven),
        *doubtful_data(spec.model, spec.dataset, spec.load.mode),
        *ignored_settings(spec.load, spec.backend.workers),
        *not_placed(spec.backend.placement, done.placement),
        *too_many_threads(done.threads, done.instances, system.usable_cpus()),
        *(f"LoadGen: {error}" for error in detail[":errors"]),
    ]
    if spec.load.mode == "accuracy":
        try:
            outcome |= score(spec, folder, task)
        except LogError as error:
            raise RunFailed(str(error)) from None
        missed = [name for name, metric in outcome["accuracy"].items() if metric["passed"] is False]
        outcome["status"] = "valid"
        outcome["reasons"] = [_missed(name, outcome["accuracy"][name]) for name in missed]
        return outcome
    figures = performance(detail, spec.load)
    if done.queue_times:
        figures["server"] = asdict(done.queue_times)
    outcome["warnings"] += too_short(spec.load.scenario, figures)
    during = outcome["machine"]["during"]
    joules = during["energy_j"]
    during["energy_j_per_sample"] = None if joules is None else joules / figures["sample_count"]
    outcome["unstable"] = [*unstable.not_warm(done.calibration.warm_up), *_unstable(outcome["machine"])]
    reasons = invalid_reasons(detail, figures, done.loadgen)
    return outcome | {"performance": figures, "reasons": reasons, "status": "invalid" if reasons else "valid"}


def _backend(done: Done) -> dict[str, Any]:
    return _flat(done.backend) | {
        "devices": list(done.devices),
        "cpu_ops_time_share": done.cpu_ops_time.cpu,
        "cpu_ops_time_unknown": done.cpu_ops_time.why,
        "workers": done.workers,
        "threads": done.threads,
        "instances": done.instances,
        "batch": done.batch,
        "placement": done.placement.plain(),
        "native": done.native,
    }


def _calibration(found: Calibration) -> dict[str, Any]:
    """What there was; where nothing was warmed up, the result says so."""
    return {"warm_up": None} | _known_of(asdict(found))


def _known_of(record: Mapping[str, Any]) -> dict[str, Any]:
    known = {name: value for name, value in record.items() if value is not None}
    return {name: _known_of(value) if isinstance(value, Mapping) else value for name, value in known.items()}


def _machine(spec: Spec, done: Done, latency_drift: float | None) -> dict[str, Any]:
    """The machine before and after the run, and what happened to it meanwhile."""
    # How fast Server answers is for the load to say.
    drift = None if spec.load.scenario == "Server" else latency_drift
    during = unstable.between(done.before, done.after)
    return {"before": done.before, "after": done.after, "during": during | {"latency_drift": drift}}


def _unstable(machine: Mapping[str, Any]) -> list[dict[str, str]]:
    during = machine["during"]
    return [
        *unstable.reasons(machine["before"], machine["after"], during),
        *unstable.drifted(during["latency_drift"]),
    ]


def _known(result: Mapping[str, Any], report: WorkerReport) -> dict[str, Any]:
    """What the worker said before anything was timed, as parts of the result."""
    known: dict[str, Any] = {}
    if report.opened is not None:
        known["backend"] = _flat(report.opened.backend)
        known["model"] = result["model"] | {"modified": report.opened.modified}
    if (proven := report.proven) is not None:
        known["parity"] = asdict(proven.comparison) | {"time_s": proven.time_s, "allowed": proven.allowed}
    if report.memory is not None:
        known["memory"] = asdict(report.memory)
    return known


def _doubts(proven: Proven | None) -> list[str]:
    """What a run says of a backend that is not proven."""
    if proven is None or proven.comparison.passed:
        return []
    why = "; ".join(proven.comparison.why)
    if proven.comparison.passed is None:
        return [f"the backend could not be held against the CPU: {why}"]
    return [f"the backend DISAGREES with the CPU and was timed all the same: {why}"]


def _flat(info: BackendInfo) -> dict[str, Any]:
    """The backend's facts with its coverage among them; null where nobody knows."""
    backend = asdict(info)
    unknown = {"nodes": None, "delegated_nodes": None, "partitions": None, "cpu_ops": None}
    return {name: value for name, value in backend.items() if name != "coverage"} | (backend["coverage"] or unknown)


def _missed(name: str, metric: Mapping[str, Any]) -> dict[str, str]:
    return {
        "what": f"the accuracy target of {name} is missed",
        "figure": f"{metric['value']:.4f} of {metric['target']:.4f}",
        "fix": "the model is official and so is the data: look at the preprocessing profile and the backend",
    }
