"""What came of one device's command, as it is kept: how it ended, and the row that its result makes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accuracy.outside.plain_files import read_plain
from harness.devices.bench import DeviceBench
from harness.errors import ConfigError
from harness.fleet.plan import PlannedDevice
from harness.fleet.record import FleetRow
from harness.json_records import NotThisRecord, from_json, to_json
from harness.machine.facts import System
from harness.results.files import read_result
from harness.results.record import Result, SeriesResult
from harness.whole_file import write_json


@dataclass(frozen=True, slots=True)
class DeviceOutcome:
    """How it ended."""

    status: int
    """The exit status."""
    complaint: str
    """What it said on standard error in the end."""


def write_outcome(out: Path, name: str, outcome: DeviceOutcome) -> None:
    """Keeps it, beside the device's folder."""
    write_json(out / f"{name}.json", to_json(outcome))


def read_outcome(out: Path, name: str) -> DeviceOutcome | None:
    """None where it is not there."""
    try:
        return from_json(DeviceOutcome, json.loads(read_plain(out / f"{name}.json")), name)
    except (OSError, ValueError, RecursionError):
        return None


def row_of(device: PlannedDevice, out: Path, outcome: DeviceOutcome) -> FleetRow:
    """The device's row."""
    if device.is_android:
        return _of_android(device, out, outcome)
    broke = FleetRow(device.name, device.target, outcome.status, "failed", outcome.complaint, "LoadGen")
    try:
        result = read_result(out / device.name)
    except ConfigError:
        return broke
    runs = [run.result for run in result.runs] if isinstance(result, SeriesResult) else [result]
    if not runs or result.status in ("failed", "started"):
        return broke
    return _of_runs(device, outcome, runs, result)


def _of_runs(
    device: PlannedDevice, outcome: DeviceOutcome, runs: list[Result], result: Result | SeriesResult
) -> FleetRow:
    timed = next((run for run in runs if run.performance is not None and not run.compliance), None)
    one = timed or runs[0]
    figures = timed.performance if timed else None
    scored = next((run.accuracy for run in runs if run.accuracy), None)
    streams = figures is not None and one.scenario != "Offline"
    return FleetRow(
        device=device.name,
        target=device.target,
        exit_status=outcome.status,
        status=result.status,
        why=outcome.complaint or "; ".join(reason.what for reason in result.reasons),
        measured_by="LoadGen",
        machine=machine_of(one.system),
        model=one.model.name,
        backend=one.backend.name,
        scenario=one.scenario,
        p50_ns=figures.latency_ns.p50 if figures and streams else None,
        p90_ns=figures.latency_ns.p90 if figures and streams else None,
        mean_ns=figures.latency_ns.mean if figures and streams else None,
        samples_per_second=figures.samples_per_second if figures else None,
        accuracy={name: metric.value for name, metric in scored.items()} if scored else None,
    )


def machine_of(system: System) -> str:
    """In a few words."""
    return ", ".join(filter(None, (system.board, system.soc, system.cpu, system.machine)))


def _of_android(device: PlannedDevice, out: Path, outcome: DeviceOutcome) -> FleetRow:
    """Its first model behind its first backend: the rest stands in the file beside it."""
    broke = FleetRow(device.name, device.target, outcome.status, "failed", outcome.complaint, "benchmark_model")
    try:
        value: Mapping[str, Any] = json.loads(read_plain(out / f"{device.name}.result.json"))
        found = from_json(DeviceBench, value)
    except (OSError, ValueError, NotThisRecord, RecursionError):
        return broke
    row = found.rows[0]
    what = " ".join(filter(None, (found.device.manufacturer, found.device.model)))
    machine = ", ".join(filter(None, (what, found.device.soc, found.device.abi))) or None
    steady = row.found.latency if row.found else None
    return FleetRow(
        device=device.name,
        target=device.target,
        exit_status=outcome.status,
        status="measured" if steady else "failed",
        why=outcome.complaint,
        measured_by="benchmark_model",
        machine=machine,
        model=row.model,
        backend=row.backend_asked,
        p50_ns=steady.median if steady else None,
        mean_ns=steady.mean if steady else None,
    )
