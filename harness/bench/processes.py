"""Processes of `harness.bench.probe`. Nothing heavy is imported here, so that one can be started before its parent is ready."""

from __future__ import annotations

from harness.turns.process import MeasuringProcess


def new_process() -> MeasuringProcess:
    """One for a model that nobody has named yet; it is not started."""
    return MeasuringProcess("harness.bench.start", purpose="bench")
