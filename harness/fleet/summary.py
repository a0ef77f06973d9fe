"""The rows of all devices, and those that LoadGen asked held against the first of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.comparison.asked import ComparisonRequest
from harness.comparison.compare import compare
from harness.comparison.record import SUBJECTS, ComparisonResult
from harness.errors import ConfigError
from harness.fleet.outcome import DeviceOutcome, row_of
from harness.fleet.plan import PlannedDevice
from harness.fleet.record import SCHEMA_VERSION, FleetResult, FleetRow

_FINISHED = ("valid", "invalid")


def summed_up(devices: Sequence[PlannedDevice], outcomes: Mapping[str, DeviceOutcome], out: Path) -> FleetResult:
    """What the fleet found.

    Args:
        devices: In the order of the file.
        outcomes: By the device's name.
        out: The fleet's directory.
    """
    rows = [row_of(device, out, outcomes[device.name]) for device in devices]
    alike = [row for row in rows if row.measured_by == "LoadGen" and row.status in _FINISHED]
    rows = [replace(row, times_first=_times(alike[0], row)) if row in alike[1:] else row for row in rows]
    comparison, why = _compared(alike, len(rows) - len(alike), out)
    status = max(row.exit_status for row in rows)
    return FleetResult(SCHEMA_VERSION, status, tuple(rows), comparison, why)


def _compared(alike: Sequence[FleetRow], others: int, out: Path) -> tuple[ComparisonResult | None, str | None]:
    if len(alike) < 2:
        return None, "fewer than two devices have a result of LoadGen's"
    left_out = f"{others} without a result of LoadGen's {'is' if others == 1 else 'are'} left out" if others else None
    first, *rest = alike
    try:
        # What differs on purpose is said with each pair: devices are what is compared here.
        found = compare(out / first.device, [out / row.device for row in rest], ComparisonRequest({}, tuple(SUBJECTS)))
    except ConfigError as error:
        return None, str(error)
    return found, left_out


def _times(first: FleetRow, row: FleetRow) -> float | None:
    if row.scenario in ("Offline", "Server"):
        mine, others = row.samples_per_second, first.samples_per_second
        return mine / others if mine and others else None
    return first.p90_ns / row.p90_ns if first.p90_ns and row.p90_ns else None
