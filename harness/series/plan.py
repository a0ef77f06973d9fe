"""Which runs a series is made of."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.config.backend import parse_backend
from harness.config.files import load_benchmark
from harness.config.schema import Benchmark
from harness.errors import ConfigError

_MODES = {"submission": ("performance", "accuracy"), "find-peak": ("performance",)}
"""Performance runs come first, as in the mobile app (task_runner.dart). How many a search makes, it finds by itself."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One run of a series."""

    config: Path
    name: str
    """Of its directory."""
    overrides: list[tuple[str, Any]]
    benchmark: str
    backend: str
    """Its name, without options."""
    backend_asked: str
    """As the option named it."""
    model_asked: str
    scenario: str
    mode: str
    """As asked: of a series, not of its runs."""
    cache_dir: Path


def plan_series(
    config: Path,
    overrides: Sequence[tuple[str, Any]],
    *,
    models: Sequence[str],
    backends: Sequence[str],
    repeat: int,
    cache_dir: Path,
) -> list[Plan]:
    """Every run that the options ask for, in the order in which they happen.

    Raises:
        ConfigError: The config or an override is wrong.
    """
    benchmark = load_benchmark(config, overrides)
    mode = benchmark.load.mode
    if mode == "find-peak":
        _check_find_peak(benchmark, models, backends, repeat)
    modes = _MODES.get(mode, (mode,))
    if mode == "submission" and benchmark.backend.complete_shapes == "auto":
        # A submission runs the file as it was handed in.
        overrides = [*overrides, ("backend.complete_shapes", False)]
    if mode == "submission":
        overrides = [*overrides, ("load.too_few_samples", "refuse")]
    plans = []
    for number, (one_mode, backend, model, _) in enumerate(
        itertools.product(modes, backends or [benchmark.backend.name], models or [benchmark.model.use], range(repeat)),
        1,
    ):
        chosen = [*overrides, ("load.mode", one_mode), *parse_backend(backend), ("model.use", model)]
        kind = backend.partition(":")[0]
        name = f"{number}-{one_mode}-{kind}"
        scenario = benchmark.load.scenario
        plans.append(Plan(config, name, chosen, config.stem, kind, backend, model, scenario, mode, cache_dir))
    return plans


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
