"""What `bench` found, in records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.json_records import LEFT_OUT
from harness.machine.facts import System
from harness.messages.bench import Advice, Finished, Opened, WarmedUp
from harness.model.contents.describe import ModelDescription
from harness.statistics.intervals import Ratio
from harness.turns.contest import Standing

MEASURED_BY = "the harness's own clock in a process of the model's own, without LoadGen"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a model was not measured to the end."""

    kind: str
    """`refused`, `crashed` or `too slow`."""
    why: str
    exit_status: int
    """That it leads to."""


@dataclass(frozen=True, slots=True)
class BenchRow:
    """One model behind one backend. Null: it did not come so far."""

    model: str
    """Its name."""
    path: str
    sha256: str
    source: str
    """`file`, `official` or `standin`."""
    backend_asked: str
    """As it was asked for."""
    threads: int
    opened: Opened | None = None
    warm_up: WarmedUp | None = None
    found: Finished | None = None
    description: ModelDescription | None = None
    """What the file holds and costs; null where it cannot be read."""
    speed: Ratio | None = None
    """How many times the first row's speed it has, by the rounds in turn."""
    standing: Standing | None = None
    """What the sequential test says of it, held against the first row; null of the first row itself."""
    refusal: Refusal | None = None

    @property
    def name(self) -> str:
        """For people: the model, and the backend where it is another than the CPU as it comes."""
        return self.model if self.backend_asked == "cpu" else f"{self.model} on {self.backend_asked}"

    @property
    def multiply_adds_per_second(self) -> float | None:
        """By the mean latency; None where the multiply-adds are not all known."""
        runs = self.description.runs if self.description else None
        if runs is None or self.found is None or not runs.counts_are_complete or not runs.multiply_adds:
            return None
        return runs.multiply_adds * 1e9 / self.found.latency.mean


@dataclass(frozen=True, slots=True)
class BenchResult:
    """All that one command measured."""

    schema_version: int
    measured_by: str
    system: System
    pace: Mapping[str, Any]
    """How often and how long was asked, by benchmark_model's own names."""
    rows: tuple[BenchRow, ...]
    rounds_s: float | None = field(default=None, metadata=LEFT_OUT)
    """Of several: how long the turns took together."""
    advice: tuple[Advice, ...] | None = field(default=None, metadata=LEFT_OUT)
    """What would make the first row quicker on this machine; not there where nobody asked."""
