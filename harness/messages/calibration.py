"""What the worker measures before LoadGen asks, as it tells the parent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """Which of the CPU's engines runs the model."""

    chosen: str
    """`Interpreter` or `CompiledModel`."""
    why: str
    time_s: float
    """What the choice took."""
    median_ns: Mapping[str, int] | None = None
    """Of a sample, by engine; None where they were not measured."""
    pairs: int | None = None
    """How often the two were asked in turn."""


@dataclass(frozen=True, slots=True)
class WarmUp:
    """What came of asking until a sample took the same time twice."""

    stable: bool
    """The last two windows differ by less than 5 %."""
    time_s: float
    windows_ns: tuple[int, ...]
    """How long a sample took at the median of each window, one after the other; the first is the calibration's."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """All of it."""

    engines: EngineChoice | None
    """None where the run left no choice."""
    found: Mapping[str, Any]
    """What the plan was made of: `harness.worker.plan.Plan.found`."""
    warm_up: WarmUp | None
    """None where nothing is timed, or the config wants none."""
    parity_s: float
    """What the proof took."""
    calibration_s: float
    """What the choices took."""
    first_query_at: float
    """When LoadGen began, in seconds since 1970."""
