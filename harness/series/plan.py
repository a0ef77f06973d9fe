"""Which runs a series is made of, each of them resolved."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.config.backend import parse_backend
from harness.config.files import read_config
from harness.config.registry import TASKS, task_class
from harness.config.rules import FIND_PEAK_BUDGET_S, Mode
from harness.config.schema import Benchmark
from harness.errors import ConfigError
from harness.results.gate import check_measured, check_targets, requirements
from harness.spec.resolve import resolve
from harness.spec.rules_in_force import refuse_unknown_seeds
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
    if mode == "find-peak":
        _check_find_peak(benchmark, models, backends, repeat)
    if mode == "submission":
        refuse_unknown_seeds(benchmark)
        overrides = [*overrides, *_of_submission(benchmark)]
    modes, models = _MODES.get(mode, (mode,)), models or [benchmark.model.use]
    runs: list[PlannedRun] = []
    for one_mode, backend, model in itertools.product(modes, backends or [benchmark.backend.name], models):
        chosen = [*overrides, ("load.mode", one_mode), *parse_backend(backend), ("model.use", model)]
        spec = resolve(file, chosen, cache_dir)
        for _ in range(repeat):
            name = f"{len(runs) + 1}-{one_mode}-{backend.partition(':')[0]}"
            runs.append(PlannedRun(name, spec, backend, model))
    return Series(mode, tuple(runs), _peak_search(benchmark) if mode == "find-peak" else None)


def _check_requirements(benchmark: Benchmark, given: Sequence[str]) -> None:
    """Refuses what no figure answers before anything runs, and what none of the command's runs would measure.

    Raises:
        ConfigError: An unknown metric or figure, a unit of another kind, a figure of other modes.
    """
    if benchmark.task not in TASKS:
        return
    own = {**(benchmark.model.model_extra or {}), **(benchmark.dataset.model_extra or {})}
    metrics, mode = task_class(benchmark.task).metric_kinds(own), benchmark.load.mode
    check_targets(benchmark.targets, metrics)
    requirements(benchmark.require, metrics)
    # A config may serve several modes; what a command names is meant for its own.
    check_measured(requirements(given, metrics), _MODES["submission"] if mode == "submission" else (mode,))


def _of_submission(benchmark: Benchmark) -> list[tuple[str, Any]]:
    """A submission runs the file as it was handed in, and as many samples at once as the rules ask for."""
    as_it_is = [("backend.complete_shapes", False)] if benchmark.backend.complete_shapes == "auto" else []
    return [*as_it_is, ("load.too_few_samples", "refuse")]


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
