"""What came of a comparison, in records. Null: not known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.units import Unit

SCHEMA_VERSION = 1
Subject = Literal["model", "data", "rules", "harness"]
"""What may differ on purpose."""
SUBJECTS: tuple[Subject, ...] = ("model", "data", "rules", "harness")
Standing = Literal["better", "worse", "the same", "not told apart", "below the published figure", "not below it"]


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not the same on both sides."""

    subject: Subject | Literal["machine", "backend"]
    """The last two are said, and keep nothing from being compared."""
    what: str
    base: str
    new: str


@dataclass(frozen=True, slots=True)
class ComparedFigure:
    """One figure on both sides."""

    name: str
    unit: Unit
    base: float
    """Of several runs the median."""
    new: float
    change: float
    """The second over the first, less 1: 0.05 is 5 % more. Of a metric the second less the first, in its own unit."""
    low: float | None
    """Of the change's interval; null where there is none."""
    high: float | None
    method: str
    """How the interval was found, or why there is none."""
    standing: Standing
    effect: float | None
    """Of several runs: Hedges' g. Of a metric of hits: McNemar's exact p."""
    limit: float | None
    """What `--max-regression` allows, in the change's unit; null where it does not name the figure."""
    regressed: bool | None
    """Whether the whole interval lies beyond the limit; null where there is no limit."""


@dataclass(frozen=True, slots=True)
class ChangedSamples:
    """Samples that one side has right and the other has not, or scores differently."""

    metric: str
    compared: int
    better: tuple[str, ...]
    """Their names."""
    worse: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """The base and one other."""

    base: str
    """Where it lies."""
    new: str
    published: bool
    """The base is a published or another program's result: figures without an interval."""
    runs: tuple[int, int]
    """Timed runs of each side."""
    differences: tuple[Difference, ...]
    figures: tuple[ComparedFigure, ...]
    samples: ChangedSamples | None
    notes: tuple[str, ...]
    """What a reader must know, a sentence each."""

    @property
    def regressed(self) -> tuple[str, ...]:
        """The names of the figures that are."""
        return tuple(figure.name for figure in self.figures if figure.regressed)


@dataclass(frozen=True, slots=True)
class ComparisonResult:
    """All that one command compared."""

    schema_version: int
    confidence: float
    """Of each interval: 0.98 leaves 1 % on each side."""
    wrong_verdict: float
    """How often at most something within its limit is called regressed, in one pair."""
    allowed: tuple[Subject, ...]
    """What might differ (`--allow-difference`)."""
    pairs: tuple[Pair, ...]
    exit_status: int
