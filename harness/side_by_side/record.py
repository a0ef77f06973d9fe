"""What came of a comparison of models, in records. Null: not known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harness.bench.result import BenchResult
from harness.turns.contest import Standing
from harness.units import Unit

EXACT = "exact"
"""The method of a figure that has no spread: a size, a count."""
Kind = Literal["metric", "time", "memory", "size", "work", "share"]


@dataclass(frozen=True, slots=True)
class ModelFigure:
    """A figure of one model."""

    value: float | None
    low: float | None = None
    """Of its 95 % interval; null where it has none: `method` says why."""
    high: float | None = None
    method: str | None = None
    """How the interval was found, or why there is none; null of what is not known."""


@dataclass(frozen=True, slots=True)
class Versus:
    """What a model has over the first."""

    difference: float | None = None
    """Of a metric: this one's less the first's, in the metric's unit."""
    ratio: float | None = None
    """Of all else: the first's over this one's, so that more is better: quicker, smaller, less work."""
    low: float | None = None
    """Of the 95 % interval of the difference or the ratio."""
    high: float | None = None
    standing: Standing | None = None
    """Of the median latency: what the sequential test says."""
    method: str | None = None
    """As of a figure; null where there is neither a difference nor a ratio."""


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """One figure of all models."""

    name: str
    kind: Kind
    unit: Unit
    figures: tuple[ModelFigure, ...]
    """One for each model."""
    versus: tuple[Versus, ...]
    """One for each model but the first."""
    lower_is_better: bool = True
    """False of metrics that are no errors, and of shares."""


@dataclass(frozen=True, slots=True)
class ComparedBackend:
    """All models behind one backend."""

    backend_asked: str
    rows: tuple[ComparedRow, ...]
    bench: BenchResult
    """Every figure of the timing."""
    failures: Mapping[str, str]
    """Model -> why its accuracy is not known."""


@dataclass(frozen=True, slots=True)
class ModelComparison:
    """All that one command compared."""

    schema_version: int
    task: str
    """The benchmark's name."""
    kind: str
    """Of task: `classification`."""
    dataset: str
    samples: int | None
    models: tuple[str, ...]
    """Their names, the first being what the others are held against."""
    backends: tuple[ComparedBackend, ...]
    directory: str
    """Where the runs that were scored lie."""
    fed: str
    """What was asked while the time was taken."""
    exit_status: int
