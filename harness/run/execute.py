"""One run from spec to result: the one place where the parts meet."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from accuracy.log import LogError, read_answers
from harness import results, system, unstable
from harness.card import Subject, judge
from harness.doubtful import doubtful_data, ignored_settings, not_placed, too_many_threads, too_short
from harness.errors import ConfigError, Interrupted, RunFailed
from harness.launch import Progress, run_worker
from harness.loadgen_names import ACCURACY_LOG
from harness.registry import open_task, task_class
from harness.spec import Spec, read_spec, write_spec
from tasks.base import Task


def execute(spec: Spec, folder: Path, progress: Progress) -> dict[str, Any]:
    """Runs a spec in a directory of its own.

    Whatever happens after the directory is made, its result.json says so: `started` while the run lasts, then `valid`,
    `invalid` or `failed`.

    Args:
        spec: The run.
        folder: Made here; may exist if it is empty.
        progress: Where progress is shown.

    Returns:
        The result, as written to result.json.

    Raises:
        HarnessError: And its kin (see harness.errors): the result says `failed`.
    """
    # Data and ground truth are looked at before anything is written: most mistakes show here.
    task = (
        open_task(spec.task, spec.options, spec.dataset)
        if spec.load.mode == "accuracy" or spec.dataset.truth is not None
        else None
    )
    if task is not None:
        task.check_truth()
    result = _started(spec)
    facts: dict[str, Any] = {}
    _make_directory(spec, folder)
    reserve = results.Reserve(folder)
    try:
        _begin(folder, result, reserve)
        done = run_worker(folder, progress, spec.backend.timeout_s, facts)
        result |= _known(result, facts)
        result |= _outcome(spec, folder, task, done, facts)
        reserve.release()
        results.keep(folder, result)
    except BaseException as error:
        with _uninterrupted(), contextlib.suppress(OSError):
            reserve.release()
            results.write_json(folder / results.RESULT_FILE, result | _known(result, facts) | _failed(error))
        raise
    return result


def score(spec: Spec, folder: Path, task: Task | None = None) -> dict[str, Any]:
    """The accuracy of a run and its card, from its accuracy log and the ground truth alone: see `card.judge`."""
    task = task or open_task(spec.task, spec.options, spec.dataset)
    subject = Subject(
        headline=task_class(spec.task).headline,
        targets=spec.targets,
        round=spec.load.round,
        full_count=spec.full_count,
        count=len(task),
        dataset=spec.dataset,
        model=spec.model,
    )
    return judge(task.score(read_answers(folder / ACCURACY_LOG, len(task))), subject)


def rescore(folder: Path) -> dict[str, Any]:
    """As `score`, for a finished run's directory.

    Raises:
        ConfigError: Not a run's directory, or not one of an accuracy run.
    """
    spec = read_spec(folder)
    if spec.load.mode != "accuracy":
        raise ConfigError(
            f"{folder} holds a {spec.load.mode} run: only an accuracy run (--mode accuracy) can be scored"
        )
    return score(spec, folder)


def _make_directory(spec: Spec, folder: Path) -> None:
    taken = ConfigError(f"{folder} is not empty: every run gets a directory of its own (--out DIR)")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise taken
        write_spec(spec, folder)
    except OSError as error:
        # Of two runs that are given one directory at the same moment, one finds the other's spec.
        raise (
            taken if isinstance(error, FileExistsError) and folder.is_dir() else _not_writable(folder, error)
        ) from None


def _begin(folder: Path, result: Mapping[str, Any], reserve: results.Reserve) -> None:
    try:
        results.write_json(folder / results.RESULT_FILE, result)
        reserve.take()
    except OSError as error:
        raise _not_writable(folder, error) from None


def _not_writable(folder: Path, error: OSError) -> ConfigError:
    return ConfigError(f"cannot write the run's directory {folder}: {error.strerror}")


def _failed(error: BaseException) -> dict[str, Any]:
    reasons = [results.failure(error)]
    return {"status": "failed", "reasons": reasons, "performance": None, "accuracy": None, "accuracy_card": None}


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """A signal that comes meanwhile is heard afterwards."""
    # Handlers, not a mask: another thread would get the signal then.
    heard: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: heard.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if heard:
        raise Interrupted(heard[0])


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


def _outcome(
    spec: Spec, folder: Path, task: Task | None, done: Mapping[str, Any], facts: Mapping[str, Any]
) -> dict[str, Any]:
    backend = _flat(done["backend"])
    started = _started(spec)
    outcome: dict[str, Any] = {
        "dataset": done["data"] | started["dataset"] | {"count": done["data"]["count"]},
        "backend": backend
        | {name: done[name] for name in ("workers", "threads", "instances", "batch", "placement", "native")},
        "loadgen": done["loadgen"] | {"performance_sample_count": done["performance_sample_count"]},
        "calibration": done["calibration"],
        "machine": _machine(spec, done),
        "memory": facts.get("memory", started["memory"]) | done["sample_memory"],
        "system": started["system"],
    }
    detail = results.read_detail(folder, accuracy=spec.load.mode == "accuracy")
    outcome["warnings"] = [
        *done["warnings"],
        *_doubts(facts),
        *doubtful_data(spec.model, spec.dataset, spec.load.mode),
        *ignored_settings(spec.load, spec.backend.workers),
        *not_placed(spec.backend.placement, done["placement"]),
        *too_many_threads(done["threads"], done["instances"], system.usable_cpus()),
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
    figures = results.performance(detail, spec.load)
    if done["queue_times"]:
        figures["server"] = done["queue_times"]
    outcome["warnings"] += too_short(spec.load.scenario, figures)
    during = outcome["machine"]["during"]
    joules = during["energy_j"]
    during["energy_j_per_sample"] = None if joules is None else joules / figures["sample_count"]
    outcome["unstable"] = [*unstable.not_warm(done["calibration"]["warm_up"]), *_unstable(outcome["machine"])]
    reasons = results.invalid_reasons(detail, figures, done["loadgen"])
    return outcome | {"performance": figures, "reasons": reasons, "status": "invalid" if reasons else "valid"}


def _machine(spec: Spec, done: Mapping[str, Any]) -> dict[str, Any]:
    """The machine before and after the run, and what happened to it meanwhile."""
    machine = done["machine"]
    # How fast Server answers is for the load to say.
    drift = None if spec.load.scenario == "Server" else done["latency_drift"]
    during = unstable.between(machine["before"], machine["after"])
    return {**machine, "during": during | {"latency_drift": drift}}


def _unstable(machine: Mapping[str, Any]) -> list[dict[str, str]]:
    during = machine["during"]
    return [
        *unstable.reasons(machine["before"], machine["after"], during),
        *unstable.drifted(during["latency_drift"]),
    ]


def _known(result: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """What the worker said before anything was timed, as parts of the result."""
    known: dict[str, Any] = {}
    if "backend" in facts:
        known["backend"] = _flat(facts["backend"])
        known["model"] = result["model"] | {"modified": facts["modified"]}
    for name in ("parity", "memory"):
        if name in facts:
            known[name] = facts[name]
    return known


def _doubts(facts: Mapping[str, Any]) -> list[str]:
    """What a run says of a backend that is not proven."""
    proof = facts.get("parity") or {"passed": True}
    if proof["passed"] is None:
        return [f"the backend could not be held against the CPU: {'; '.join(proof['why'])}"]
    if not proof["passed"]:
        return [f"the backend DISAGREES with the CPU and was timed all the same: {'; '.join(proof['why'])}"]
    return []


def _flat(backend: Mapping[str, Any]) -> dict[str, Any]:
    """The backend's facts with its coverage among them; null where nobody knows."""
    unknown = {"nodes": None, "delegated_nodes": None, "partitions": None, "cpu_ops": None}
    return {name: value for name, value in backend.items() if name != "coverage"} | (backend["coverage"] or unknown)


def _missed(name: str, metric: Mapping[str, Any]) -> dict[str, str]:
    return {
        "what": f"the accuracy target of {name} is missed",
        "figure": f"{metric['value']:.4f} of {metric['target']:.4f}",
        "fix": "the model is official and so is the data: look at the preprocessing profile and the backend",
    }


def status_of(result: Mapping[str, Any]) -> int:
    """The exit status a finished result leads to."""
    missed = any(metric["passed"] is False for metric in (result["accuracy"] or {}).values())
    # A sweep goes on after a run that failed, and says so in the end.
    return result.get("exit_status") or (1 if result["status"] == "invalid" or missed else 0)
