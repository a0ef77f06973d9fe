"""What a fleet found: a row for each device, and the comparison of those that LoadGen asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from harness.comparison.record import ComparisonResult

SCHEMA_VERSION: Literal[1] = 1
FLEET_FILE = "fleet.json"
MeasuredBy = Literal["LoadGen", "benchmark_model"]


@dataclass(frozen=True, slots=True)
class FleetRow:
    """One device. Null: it has none, or did not come so far."""

    device: str
    """Its name in the file of devices."""
    target: str
    """As the file names it."""
    exit_status: int
    """Its command's: 0 valid, 1 INVALID or a target missed, 2 something to fix, 3 it broke."""
    status: str
    """`valid`, `invalid` or `failed`; of an Android device `measured` or `failed`."""
    why: str
    """Why it is not valid; empty where it is."""
    measured_by: MeasuredBy
    """LoadGen's figures and those of TFLite's own tool are not of one kind."""
    machine: str | None = None
    """Board, chip or CPU, and architecture, as the device tells them."""
    model: str | None = None
    backend: str | None = None
    scenario: str | None = None
    p50_ns: float | None = None
    """Half of the queries, or of the tool's runs, took no longer."""
    p90_ns: float | None = None
    mean_ns: float | None = None
    """In the mean."""
    samples_per_second: float | None = None
    accuracy: Mapping[str, float] | None = None
    """Metrics by name."""
    times_first: float | None = None
    """How many times as quick as the first device that LoadGen asked: by its figure of the scenario."""


@dataclass(frozen=True, slots=True)
class FleetResult:
    """All devices."""

    schema_version: Literal[1]
    exit_status: int
    """The worst of all devices'."""
    rows: tuple[FleetRow, ...]
    """In the order of the file."""
    comparison: ComparisonResult | None
    """Each further device that LoadGen asked against the first; null for fewer than two."""
    not_compared: str | None
    """Why there is none, or what it leaves out."""
