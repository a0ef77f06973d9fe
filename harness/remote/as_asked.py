"""What a device has brought, held against what it was asked for: another run is refused by the name of what differs.

A device can lie about its figures. It cannot pass off another model, data set, scenario or count as the one that was asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.errors import RunFailed, shortened
from harness.json_records import to_json
from harness.results.files import RESULT_FILE, read_result
from harness.results.record import Result
from harness.results.subject import DataSet, ModelFacts, Reference
from harness.series.plan import Series
from harness.series.retry import AGAIN
from harness.spec.schema import SPEC_FILE, Spec, read_spec

_FOUND_THERE = {"expected_latency_ns", "target_qps", "server_target_latency_ns"}
"""Fields of a load that a calibration there, or an earlier run of the series, may have set."""
_SEARCHED = _FOUND_THERE | {"min_query_count", "min_duration_ms", "max_duration_ms"}
"""And those that a search for a peak chooses for each of its runs."""
_OF_A_SEARCH = {"require", "own_targets"}
_WAYS_TO_ANSWER = {"threads", "instances", "batch", "workers", "options"}
"""Fields of a backend that one run of a series may take over from another."""


def refuse_other(folder: Path, plan: Series, target: str) -> None:
    """Reads all that came, with the device's paths in it as in the plan.

    Args:
        folder: The run's or the series' directory.
        plan: As the device was handed it.
        target: As `--target` named it.

    Raises:
        ConfigError: A result or a spec is none of this version's.
        RunFailed: It is of another run than was asked for.
    """
    for file in sorted(folder.rglob(SPEC_FILE)):
        name = file.parent.relative_to(folder).as_posix()
        spec = read_spec(file.parent)
        _refuse(target, _differences_of_spec(spec, _asked(plan, name, target), plan), name)
    for file in sorted(folder.rglob(RESULT_FILE)):
        name = file.parent.relative_to(folder).as_posix()
        result = read_result(file.parent)
        if isinstance(result, Result):
            _refuse(target, _differences_of_result(result, _asked(plan, name, target)), name)
            continue
        below = "" if name == "." else f"{name}/"
        for run in result.runs:
            # In a suite's benchmark's own result its runs are named from there.
            full = run.directory if run.directory.startswith(below) else f"{below}{run.directory}"
            _refuse(target, _differences_of_result(run.result, _asked(plan, full, target)), full)


def _asked(plan: Series, name: str, target: str) -> Spec:
    """The spec of a directory's run.

    Raises:
        RunFailed: No such run was asked for.
    """
    if plan.peak is not None:
        return plan.runs[0].spec
    if name == "." and len(plan.runs) == 1:
        return plan.runs[0].spec
    known = {run.name: run.spec for run in plan.runs}
    found = known.get(name) or known.get(name.removesuffix(AGAIN))
    if found is None:
        raise RunFailed(f"{target} brought a run {shortened(ascii(name))}, which was not asked for")
    return found


def _differences_of_spec(came: Spec, asked: Spec, plan: Series) -> Iterator[str]:
    one, other = (spec.model_dump(mode="json") for spec in (came, asked))
    load, asked_load = one.pop("load"), other.pop("load")
    backend, asked_backend = one.pop("backend"), other.pop("backend")
    search = plan.peak is not None
    yield from _differing(one, other, _OF_A_SEARCH if search else set())
    yield from _differing(load, asked_load, _SEARCHED if search else _FOUND_THERE, "load.")
    yield from _differing(backend, asked_backend, _WAYS_TO_ANSWER, "backend.")


def _differences_of_result(came: Result, asked: Spec) -> Iterator[str]:
    said = {
        "task": came.task,
        "scenario": came.scenario,
        "mode": came.mode,
        "preset": came.preset,
        "rules": came.rules,
        "round": came.round,
        "labels": dict(came.labels),
        "backend.name": came.backend.name,
        "compliance": came.compliance and came.compliance.test,
        "reference": came.reference and to_json(came.reference),
        **_of(came.model, ("name", "source", "path", "sha256", "checksum"), "model."),
        **_of(came.dataset, ("name", "source", "path", "checksum"), "dataset."),
    }
    reference = Reference.of(asked.reference) if asked.asks_reference else None
    wanted = {
        "task": asked.benchmark,
        "scenario": asked.load.scenario,
        "mode": asked.load.mode,
        "preset": asked.load.preset,
        "rules": asked.load.rules,
        "round": asked.load.round,
        "labels": asked.labels,
        "backend.name": asked.backend.name,
        "compliance": asked.load.compliance,
        "reference": reference and to_json(reference),
        **_of(ModelFacts.of(asked.model), ("name", "source", "path", "sha256", "checksum"), "model."),
        **_of(DataSet.of(asked.dataset), ("name", "source", "path", "checksum"), "dataset."),
    }
    yield from _differing(said, wanted, set())
    if asked.dataset.count is not None and came.dataset.count not in (None, asked.dataset.count):
        yield f"dataset.count is {came.dataset.count}, not {asked.dataset.count}"
    for part, figures in (("performance", came.performance), ("memory", came.memory)):
        for name, number in _numbers(None if figures is None else to_json(figures), part):
            if number < 0:
                yield f"{name} is {number:g}, and nothing takes less than nothing"


def _of(record: ModelFacts | DataSet, names: tuple[str, ...], below: str) -> dict[str, object]:
    return {f"{below}{name}": getattr(record, name) for name in names}


def _differing(
    said: Mapping[str, object], wanted: Mapping[str, object], free: set[str], below: str = ""
) -> Iterator[str]:
    for name, value in wanted.items():
        if name not in free and said.get(name) != value:
            yield f"{below}{name} is {shortened(ascii(said.get(name)), 80)}, not {shortened(ascii(value), 80)}"


def _numbers(value: Any, name: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _numbers(each, f"{name}.{key}")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield name, value


def _refuse(target: str, differences: Iterator[str], name: str) -> None:
    if (first := next(differences, None)) is not None:
        where = "" if name == "." else f" {shortened(ascii(name))}"
        raise RunFailed(f"{target} brought another run{where} than was asked for: {first}")
