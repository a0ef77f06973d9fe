"""Records of a result: how right the answers were. See `harness.results.record` for the whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.config.requirement import Comparison
from harness.json_records import FLAT, LEFT_OUT
from harness.model.comparison import Comparison as ParityComparison
from harness.units import Unit


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric and its target."""

    value: float
    """A fraction of 1; PSNR in dB."""
    target: float | None
    """The target of the round, in the same unit; null for none."""
    passed: bool | None
    """Whether it is met; null where the target does not bind (docs/accuracy.md)."""


@dataclass(frozen=True, slots=True)
class ConfidenceInterval:
    """Where the score of a set like this may lie, in the metric's unit."""

    low: float
    """The lower end."""
    high: float
    """The upper end."""
    confidence: float
    """0.95 for 95 %."""
    method: str
    """How it was found."""


@dataclass(frozen=True, slots=True)
class CardTarget:
    """The target of the round."""

    value: float
    """In the metric's unit."""
    source: str
    """Where it is from."""
    count: int | None
    """Samples that it speaks of, where that is not the whole set."""


@dataclass(frozen=True, slots=True)
class Margin:
    """How far the score is from the target."""

    points: float
    """Percentage points above it; dB of a metric in dB."""
    samples: int | None
    """How many more samples may be lost; below 0, so many must be won at least. Null where that can't be said."""


@dataclass(frozen=True, slots=True)
class Published:
    """A published score, which is no floor."""

    value: float
    """In the metric's unit."""
    source: str
    """Where it is from."""


@dataclass(frozen=True, slots=True)
class Card:
    """The headline metric beside its target, with what may be concluded from it."""

    metric: str
    """Its name."""
    value: float
    """A fraction of 1; PSNR in dB."""
    unit: str
    """What was counted: samples, questions, pictures."""
    count: int
    """How many of them."""
    interval: ConfidenceInterval | None
    """Null where the metric has none."""
    round: str | None
    """The MLPerf round whose target it is."""
    target: CardTarget | None
    """Null where there is none."""
    margin: Margin | None
    """Null where there is no target."""
    passed: bool | None
    """As in `accuracy`."""
    published: tuple[Published, ...]
    """Published scores of this model."""
    samples: int
    """Samples of this data set."""
    full_count: int | None
    """Samples of the full one, of a wake word's words, of machines' sounds recordings; null where the benchmark names none."""
    remarks: tuple[str, ...]
    """What must not be concluded, a sentence each."""
    notes: tuple[str, ...]
    """What the metric has to say besides."""
    details: Mapping[str, Mapping[str, float]]
    """The metric's parts: {kind: {name: value}}, as by class."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A requirement, or a target of the user's own, and how it came out. Figure, limit and margin are in `unit`."""

    requirement: str
    """As it was asked for: `p90<=5ms`."""
    figure: str
    """Which figure or metric."""
    value: float | None
    """What it is; null where it was not measured, or is not asked of this run."""
    comparison: Comparison
    """How it must lie to the limit."""
    limit: float
    """What it must reach."""
    margin: float | None
    """How far it is on the right side of the limit; below 0, so far on the wrong one."""
    unit: Unit
    """`ns`, `s`, `bytes`, `queries/s`, `samples/s`, `J`, `dB`, `share` (a fraction of 1) or `count`."""
    passed: bool | None
    """Whether it holds; null where it is not asked of this run. A false one makes the exit status 1."""
    source: str
    """Who asks: `required`, or the target's own source."""
    why: str
    """Why there is no value; empty where there is one."""
    run: str | None = field(default=None, metadata=LEFT_OUT)
    """In a series: the run's directory. Not there in a run, and where a search as a whole is judged."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What scoring gives."""

    accuracy: Mapping[str, Metric]
    accuracy_card: Card | None
    requirements: tuple[Verdict, ...] = ()
    notes: tuple[str, ...] | None = field(default=None, metadata=LEFT_OUT)
    """What the metrics have to say where there is no card that says it."""


@dataclass(frozen=True, slots=True)
class Parity:
    """The proof that the backend answers as one thread of the CPU does."""

    comparison: ParityComparison = field(metadata=FLAT)
    time_s: float | None
    """How long the proof took, in s."""
    allowed: bool
    """Whether a backend that disagrees might be timed all the same (`--allow-mismatch`)."""
