"""Which runs a series is made of, each of them resolved."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.config.backend import parse_backend
from harness.config.files import read_config
from harness.config.official.compliance_tests import ComplianceTest
from harness.config.official.rules import FIND_PEAK_BUDGET_S, Mode
from harness.config.registry import is_task, metric_kinds_of, task_class
from harness.config.schema import Benchmark
from harness.errors import ConfigError, unknown
from harness.model.file_tensors import output_names
from harness.results.verdict.gate import check_measured, check_targets, requirements
from harness.series.rest import PlannedRest
from harness.spec.resolve import resolve
from harness.spec.rules_in_force import chosen_rules, refuse_unknown_seeds
from harness.spec.schema import Spec

_MODES: dict[str, tuple[Mode, ...]] = {
    "submission": ("performance", "accuracy"),
    "find-peak": ("performance",),
}
"""Performance runs come first, as in the mobile app (task_runner.dart). How many a search makes, it finds by itself."""


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One run of a series."""

    name: str
    """Of its directory."""
    spec: Spec
    backend_asked: str
    """As the option named it."""
    model_asked: str
    rest: PlannedRest | None = None
    """Of the machine, before it; None where nothing asks for it."""
    expected_s: float | None = None
    """How long it may take, its rest included; None where nobody estimates."""

    @property
    def group(self) -> str:
        """Of a suite: the directory of its benchmark and scenario, in which its own lies; empty elsewhere."""
        return self.name.rpartition("/")[0]

    @property
    def backend(self) -> str:
        """The backend's name, without options."""
        return self.backend_asked.partition(":")[0]


@dataclass(frozen=True, slots=True)
class PeakSearch:
    """What the search for Server's peak is told besides its first run."""

    first_qps: float | None
    """The load to begin with; None for an estimate."""
    budget_s: float
    tolerance: float
    """How far above the highest load that holds the lowest that does not may lie, as a fraction."""


@dataclass(frozen=True, slots=True)
class Series:
    """All that one command runs."""

    mode: str
    """As asked: of the series, not of its runs."""
    runs: tuple[PlannedRun, ...]
    """In the order in which they happen."""
    retry: bool = False
    """A run that is INVALID for what the calibration found runs once more, corrected."""
    peak: PeakSearch | None = None
    """Of mode find-peak, whose only planned run is the one that the search begins with."""


def plan_series(
    config: Path,
    overrides: Sequence[tuple[str, Any]],
    *,
    models: Sequence[str],
    backends: Sequence[str],
    repeat: int,
    cache_dir: Path,
    require: Sequence[str] = (),
    retry: bool = False,
    compliance: Sequence[ComplianceTest] = (),
) -> Series:
    """Every run that the options ask for. The config is read once, and repeats of a run share its spec.

    Args:
        config: The benchmark's config file.
        overrides: Fields of the config.
        models: As the user named them; none for the config's own.
        backends: Likewise.
        repeat: How often each.
        cache_dir: Where official and built-in models and data lie.
        require: What the command line asks of the figures, besides the config.
        retry: Whether a run that is INVALID for what the calibration found runs once more.
        compliance: Compliance tests, each a run of its own beside those that it vouches for.

    Raises:
        ConfigError: The config or an override is wrong, or a run lacks something.
    """
    file = read_config(config)
    benchmark = file.benchmark(overrides)
    if require:
        overrides = [*overrides, ("require", [*benchmark.require, *require])]
        benchmark = file.benchmark(overrides)
    mode = benchmark.load.mode
    _check_requirements(benchmark, require)
    _check_heeded(mode, retry=retry, rests="load.cooldown_s" in dict(overrides))
    if mode == "find-peak":
        _check_find_peak(benchmark, models, backends, repeat)
    if mode == "submission":
        refuse_unknown_seeds(benchmark)
        overrides = [*overrides, *of_submission(benchmark)]
    kinds, models = _kinds(mode, compliance, repeat), models or [benchmark.model.use]
    runs: list[PlannedRun] = []
    for (one_mode, test), backend, model in itertools.product(kinds, backends or [benchmark.backend.name], models):
        chosen = [*overrides, ("load.mode", one_mode), *parse_backend(backend), ("model.use", model)]
        chosen += [("load.compliance", test)] if test or compliance else []
        spec = resolve(file, chosen, cache_dir)
        _check_outputs(spec)
        for number in range(repeat):
            name = f"{len(runs) + 1}-{test or one_mode}-{backend.partition(':')[0]}"
            rests = mode == "submission" and one_mode == "performance" and bool(runs)
            rest = planned_rest(spec, benchmark.load.cooldown_s, repeats=number > 0) if rests else None
            runs.append(PlannedRun(name, spec, backend, model, rest))
    return Series(mode, tuple(runs), retry, _peak_search(benchmark) if mode == "find-peak" else None)


def _check_heeded(mode: Mode, *, retry: bool, rests: bool) -> None:
    """Refuses what a command names and no run of its mode would heed.

    Raises:
        ConfigError: Says which mode heeds it.
    """
    if retry and mode not in ("performance", "submission"):
        raise ConfigError(
            f"--retry runs a performance run once more whose calibration was off: mode {mode} has nothing for it. Leave it out"
        )
    if rests and mode != "submission":
        raise ConfigError(
            f"--cooldown (load.cooldown_s) is the rest between the runs of a submission: mode {mode} has none. Leave it out, "
            "or use --mode submission"
        )


def _kinds(mode: Mode, compliance: Sequence[ComplianceTest], repeat: int) -> list[tuple[Mode, ComplianceTest | None]]:
    """What runs, in its order: all that is timed before any accuracy run.

    Raises:
        ConfigError: Compliance tests in a mode that has no performance run, or with repeats.
    """
    modes = _MODES.get(mode, (mode,))
    if not compliance:
        return [(one, None) for one in modes]
    if mode not in ("performance", "submission") or repeat > 1:
        raise ConfigError(
            "--compliance vouches for one performance run: use it with --mode performance or submission, without --repeat"
        )
    if len(set(compliance)) < len(compliance):
        raise ConfigError(f"--compliance names a test twice: {', '.join(compliance)}")
    kinds: list[tuple[Mode, ComplianceTest | None]] = [("performance", None)]
    kinds += [("performance", test) for test in compliance]
    return [*kinds, ("accuracy", None)] if "accuracy" in modes or "TEST01" in compliance else kinds


def planned_rest(spec: Spec, asked_s: float | None, *, repeats: bool = False) -> PlannedRest | None:
    """How long the machine rests before a performance run that is not the first; None where no rule and no user asks for it.

    Args:
        spec: The run.
        asked_s: By the user; None for what the rules say.
        repeats: It is the same run as the one before.
    """
    rules = spec.load.by_the_rules
    rules_s = 0.0 if rules is None else rules.rest_between_repeats_s if repeats else rules.rest_s
    return PlannedRest(rules_s, asked_s) if rules_s or asked_s else None


def _check_requirements(benchmark: Benchmark, given: Sequence[str]) -> None:
    """Refuses what no figure answers before anything runs, and what none of the command's runs would measure.

    Raises:
        ConfigError: An unknown metric or figure, a unit of another kind, a figure of other modes.
    """
    if not is_task(benchmark.task):
        return
    metrics, mode = metric_kinds_of(benchmark), benchmark.load.mode
    check_targets(benchmark.targets, metrics)
    requirements(benchmark.require, metrics)
    # A config may serve several modes; what a command names is meant for its own.
    check_measured(requirements(given, metrics), _MODES["submission"] if mode == "submission" else (mode,))


def _check_outputs(spec: Spec) -> None:
    """Refuses what is asked of an output that the model does not have.

    Raises:
        ConfigError: With a near miss.
    """
    kinds = task_class(spec.task).metric_kinds(spec.options)
    asked = [one.figure.name for one in requirements(spec.require, kinds)]
    asked += [target.metric for target in spec.targets if spec.own_targets]
    named = [
        name.removeprefix(f"{kind.name}.") for name in asked for kind in kinds if kind.gives(name) and name != kind.name
    ]
    known = output_names(spec.model.path, spec.model.invocation.signature) if named else None
    if known is None:
        return
    for name in named:
        if name not in known:
            raise ConfigError(f"a figure of an output is asked for: {unknown('output of the model', name, known)}")


def of_submission(benchmark: Benchmark) -> list[tuple[str, Any]]:
    """A submission runs the file as it was handed in, with the samples that the rules ask for, and keeps the logs they want."""
    as_it_is = [("backend.complete_shapes", False)] if benchmark.backend.complete_shapes == "auto" else []
    wants_trace = benchmark.load.enable_trace is None and chosen_rules(benchmark).rules.submission.trace
    trace = [("load.enable_trace", True)] if wants_trace else []
    return [*as_it_is, *trace, ("load.too_few_samples", "refuse")]


def _peak_search(benchmark: Benchmark) -> PeakSearch:
    load = benchmark.load
    budget_s = load.find_peak_budget_s or FIND_PEAK_BUDGET_S[load.preset]
    return PeakSearch(load.target_qps, budget_s, load.find_peak_tolerance)


def _check_find_peak(benchmark: Benchmark, models: Sequence[str], backends: Sequence[str], repeat: int) -> None:
    """Refuses a search that has nothing to find.

    Raises:
        ConfigError: Another scenario than Server, or several searches at once.
    """
    load = benchmark.load
    if load.scenario != "Server":
        raise ConfigError(
            f"mode find-peak looks for the highest load that holds a bound, which only Server has: {load.scenario} has "
            "nothing to find. Use --scenario Server, or --mode performance."
        )
    if len(models) > 1 or len(backends) > 1 or repeat > 1:
        raise ConfigError("mode find-peak searches with one model on one backend, once: give each a command of its own")
