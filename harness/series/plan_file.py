"""A planned series as JSON: for the machine that is to run it, where another one has planned it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from accuracy.outside.border import reads
from harness.errors import ConfigError
from harness.json_records import NotThisRecord, from_json, to_json
from harness.series.plan import PeakSearch, PlannedRun, Series
from harness.series.rest import PlannedRest
from harness.spec.schema import Spec


@dataclass(frozen=True, slots=True)
class _Run:
    """A run, whose spec is a record of another kind."""

    name: str
    spec: int
    """Its place among the specs."""
    backend_asked: str
    model_asked: str
    rest: PlannedRest | None
    expected_s: float | None


@dataclass(frozen=True, slots=True)
class _Plan:
    mode: str
    runs: tuple[_Run, ...]
    specs: tuple[object, ...]
    """As spec.yaml holds one each; repeats share one."""
    retry: bool
    peak: PeakSearch | None


def plan_to_json(series: Series) -> dict[str, Any]:
    """What `json.dumps` takes."""
    specs = {id(planned.spec): planned.spec for planned in series.runs}
    places = {each: number for number, each in enumerate(specs)}
    runs = tuple(
        _Run(run.name, places[id(run.spec)], run.backend_asked, run.model_asked, run.rest, run.expected_s)
        for run in series.runs
    )
    dumped = tuple(spec.model_dump(mode="json") for spec in specs.values())
    return to_json(_Plan(series.mode, runs, dumped, series.retry, series.peak))


@reads(ConfigError)
def plan_from_json(value: object) -> Series:
    """The series again.

    Raises:
        ConfigError: It is none of this version's.
    """
    try:
        plan = from_json(_Plan, value, "the plan")
        specs = [Spec.model_validate(each) for each in plan.specs]
        runs = tuple(
            PlannedRun(run.name, specs[run.spec], run.backend_asked, run.model_asked, run.rest, run.expected_s)
            for run in plan.runs
        )
    except (NotThisRecord, ValidationError, IndexError) as error:
        raise ConfigError(f"this is no plan of a series: {str(error).splitlines()[0]}") from None
    return Series(plan.mode, runs, plan.retry, plan.peak)
