"""Results of version 1 in the form of version 2: the one place that knows how results looked before.

Version 1 grew: what a harness of its time did not measure is not there. Here it is said to be not known. What was written
once and is read no more (`bound_by_config` of the first calibrations) goes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from harness.results.record import SCHEMA_VERSION

Part = dict[str, Any]
"""As JSON has it: whatever it may hold, nothing here fails on it; the records say what is wrong with it."""

_RUN: Part = {"warnings": [], "unstable": [], "parity": None, "accuracy": None, "accuracy_card": None, "machine": None}
_SYSTEM: Part = {"cpus": None, "governor": None, "load_average": None, "memory_bytes": None, "versions": {}, "argv": []}
_OPENED: Part = {"options": {}, "accelerator": False, "device": {}, "partitions": None, "cpu_ops": None}
_ANSWERING: Part = {
    "workers": None,
    "batch": 1,
    "placement": None,
    "native": None,
    "devices": None,
    "cpu_ops_time_share": None,
    "cpu_ops_time_unknown": None,
}
_CALIBRATION: Part = {"runs": None}
_PERFORMANCE: Part = {"scheduled_samples_per_second": None, "overlatency_query_count": None, "server": None}
_PARITY: Part = {"time_s": None, "allowed": False}
_CARD: Part = {"published": [], "remarks": [], "notes": [], "details": {}}
_SERIES: Part = {
    "warnings": [],
    "unstable": [],
    "accuracy": None,
    "accuracy_card": None,
    "spread": None,
    "sweep": None,
    "exit_status": None,
}
_ROW: Part = {"why": [], "parity_passed": None, "peak_rss_bytes": None, "model_bytes": None}


def upgrade(result: Mapping[str, Any]) -> Part:
    """A result of version 1, or what was made of it by hand, as one of version 2.

    Args:
        result: As `json.loads` gives it; is left as it is.
    """
    found = {**result, "schema_version": SCHEMA_VERSION}
    if "runs" not in found:
        return _run(found)
    found = _SERIES | found
    _change(found, "runs", lambda runs: [_run_of_series(run) for run in runs] if isinstance(runs, list) else runs)
    _change(found, "sweep", lambda rows: [_filled(_ROW, row) for row in rows] if isinstance(rows, list) else rows)
    # A search has the parts of one of its runs.
    _parts(found)
    return found


def _run_of_series(run: Any) -> Any:
    if not isinstance(run, dict):
        return run
    asked = {f"{part}_asked": _name(run.get(part)) for part in ("backend", "model")}
    return asked | _run({**run, "schema_version": SCHEMA_VERSION})


def _run(run: Part) -> Part:
    found = _RUN | run
    _parts(found)
    return found


def _parts(found: Part) -> None:
    """The parts of a run, of a search's too."""
    for name, added in (("model", {"checksum": None}), ("dataset", {"checksum": None}), ("system", _SYSTEM)):
        _change(found, name, partial(_filled, added))
    for name, added in (("performance", _PERFORMANCE), ("parity", _PARITY), ("accuracy_card", _CARD)):
        _change(found, name, partial(_filled, added))
    _change(found, "backend", _backend)
    _change(found, "calibration", _calibration)


def _backend(backend: Any) -> Any:
    opened = _filled(_OPENED, backend) if isinstance(backend, dict) and "engine" in backend else backend
    return _filled(_ANSWERING, opened) if isinstance(opened, dict) and "threads" in opened else opened


def _calibration(found: Any) -> Any:
    if not isinstance(found, dict):
        return found
    by_config = found.get("bound_by_config")
    bound = {} if by_config is None else {"server_bound_from": "config" if by_config else "measured"}
    return _CALIBRATION | bound | found


def _change(found: Part, name: str, how: Callable[[Any], Any]) -> None:
    if name in found:
        found[name] = how(found[name])


def _filled(added: Part, part: Any) -> Any:
    return added | part if isinstance(part, dict) else part


def _name(part: Any) -> Any:
    return part.get("name") if isinstance(part, dict) else None
