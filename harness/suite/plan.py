"""The plan of a suite: all performance runs, then all accuracy runs, each resolved, each with what it may take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.config.backend import parse_backend
from harness.config.official.rules import Mode, Preset
from harness.errors import ConfigError
from harness.series.plan import PlannedRun, Series, of_submission, planned_rest
from harness.series.rest import PlannedRest
from harness.spec.resolve import resolve
from harness.spec.rules_in_force import refuse_unknown_seeds
from harness.spec.schema import Spec
from harness.spec.task import open_task
from harness.suite.budget import presets_within
from harness.suite.estimate import expected_s
from harness.suite.members import BenchmarkInScenario, members
from tasks.base import DataMissing

_PRESETS: tuple[Preset, ...] = ("rules", "quick", "rapid")


@dataclass(frozen=True, slots=True)
class AskedSuite:
    """What a command says of a suite."""

    tasks: tuple[str, ...]
    scenarios: tuple[str, ...]
    rules: str | None
    mode: Mode
    preset: Preset
    backend: str
    overrides: tuple[tuple[str, Any], ...]
    """Fields of the config for all."""
    budget_s: float | None
    rest_s: float | None
    """Between performance runs; None for what the rules say."""
    retry: bool


@dataclass(frozen=True, slots=True)
class SkippedBenchmark:
    """A benchmark of the suite that cannot run here."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class SuitePlan:
    """What a suite will do."""

    series: Series
    left_out: tuple[SkippedBenchmark, ...]
    budget_s: float | None

    @property
    def expected_s(self) -> float:
        """How long all may take."""
        return sum(run.expected_s or 0.0 for run in self.series.runs)


@dataclass(frozen=True, slots=True)
class _Ready:
    """A member that can run: its specs, by preset for the performance run, and the number of its samples."""

    member: BenchmarkInScenario
    performance: dict[Preset, Spec]
    accuracy: Spec
    samples: int


def plan_suite(asked: AskedSuite, cache_dir: Path) -> SuitePlan:
    """Resolves every run before the first begins.

    Raises:
        ConfigError: A task that is named cannot run, nothing can, or the budget is too small.
    """
    ready: list[_Ready] = []
    problems: list[SkippedBenchmark] = []
    for member in members(asked.tasks, asked.rules, asked.scenarios, asked.overrides):
        try:
            ready.append(_ready(member, asked, cache_dir))
        except (ConfigError, DataMissing) as error:
            problems.append(SkippedBenchmark(member.name, str(error)))
    if problems and (asked.tasks or not ready):
        raise ConfigError("\n".join(f"{one.name}: {one.why}" for one in problems))
    return SuitePlan(_series(ready, asked), tuple(problems), asked.budget_s)


def _ready(member: BenchmarkInScenario, asked: AskedSuite, cache_dir: Path) -> _Ready:
    overrides = [*member.overrides, *parse_backend(asked.backend)]
    benchmark = member.config.benchmark(overrides)
    if asked.mode == "submission":
        refuse_unknown_seeds(benchmark)
        overrides += of_submission(benchmark)

    def spec(mode: Mode, preset: Preset) -> Spec:
        return resolve(member.config, [*overrides, ("load.mode", mode), ("load.preset", preset)], cache_dir)

    accuracy = spec("accuracy", asked.preset)
    task = open_task(accuracy.task, accuracy.options, accuracy.dataset)
    if asked.mode != "performance":
        task.check_truth()
    performance = {preset: spec("performance", preset) for preset in _PRESETS}
    return _Ready(member, performance, accuracy, len(task))


def _series(ready: Sequence[_Ready], asked: AskedSuite) -> Series:
    modes: Sequence[Mode] = ("performance", "accuracy") if asked.mode == "submission" else (asked.mode,)
    rests = [
        planned_rest(one.performance[asked.preset], asked.rest_s) if number else None
        for number, one in enumerate(ready)
    ]
    rests_s = sum(rest.most_s for rest in rests if rest) if "performance" in modes else 0.0
    accuracy_s = [expected_s(one.accuracy, one.samples) for one in ready] if "accuracy" in modes else []
    costs_s = [{preset: expected_s(spec, one.samples) for preset, spec in one.performance.items()} for one in ready]
    timed = costs_s if "performance" in modes else []
    presets = presets_within(asked.budget_s, timed, rests_s + sum(accuracy_s), asked.preset)
    runs = []
    for one, rest, preset, cost_s in zip(ready, rests, presets, timed, strict=False):
        took_s = cost_s[preset] + (rest.most_s if rest else 0.0)
        runs.append(_run(one.member, modes, one.performance[preset], asked, took_s, rest))
    for one, took_s in zip(ready, accuracy_s, strict=False):
        runs.append(_run(one.member, modes, one.accuracy, asked, took_s))
    return Series(asked.mode, tuple(runs), asked.retry)


def _run(
    member: BenchmarkInScenario,
    modes: Sequence[Mode],
    spec: Spec,
    asked: AskedSuite,
    took_s: float,
    rest: PlannedRest | None = None,
) -> PlannedRun:
    number = modes.index(spec.load.mode) + 1
    name = f"{member.name}/{number}-{spec.load.mode}-{asked.backend.partition(':')[0]}"
    return PlannedRun(name, spec, asked.backend, spec.model.name, rest, took_s)
