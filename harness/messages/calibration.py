"""What the worker measures before LoadGen asks, as it tells the parent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """Which of the CPU's engines runs the model."""

    chosen: str
    """`Interpreter` or `CompiledModel`."""
    why: str
    """Why that."""
    time_s: float
    """What the choice took, in s."""
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
    """What it took, in s."""
    windows_ns: tuple[int, ...]
    """How long a sample took at the median of each window, one after the other; the first is the calibration's."""


@dataclass(frozen=True, slots=True)
class BatchChoice:
    """How many samples the model is asked at once."""

    size: int
    """Samples."""
    why: str
    """Why so many."""
    median_ns: Mapping[str, int] | None = None
    """Of a sample, by the size of its batch; None where it was not measured."""
    pairs: int | None = None
    """How often the two sizes were asked in turn."""
    time_s: float | None = None
    """What the choice took, in s."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """All of it, as far as it was measured: what a run has no use for is None."""

    service_time_ns: int
    """How long a sample occupies its worker while all work."""
    runs: int
    """How often one instance alone was asked."""
    service_time_alone_ns: int | None = None
    """Server and Offline: what a sample takes in one instance alone."""
    answer_time_ns: int | None = None
    """Server and Offline: from a query to its completion where none waits."""
    samples_per_second: float | None = None
    """Server and Offline: of all workers together."""
    median_ns_by_threads: Mapping[str, int] | None = None
    """The streams: a sample's time at each number of threads that was tried."""
    samples_per_second_by_workers: Mapping[str, float] | None = None
    """Server and Offline: of all kinds of workers that were measured."""
    workers_from: str | None = None
    """Server and Offline: why these were looked at: `measured`, `config`, or what rules out the others."""
    server_bound_from: Literal["config", "measured"] | None = None
    """Server: where the bound on its latency is from."""
    batch: BatchChoice | None = None
    """None where no more than one sample at once was ever in question."""
    engines: EngineChoice | None = None
    """None where the run left no choice."""
    warm_up: WarmUp | None = None
    """None where nothing is timed, or the config wants none."""
    parity_s: float | None = None
    """What the proof took."""
    calibration_s: float | None = None
    """What the choices took, the warm-up apart."""
    first_query_at: float | None = None
    """When LoadGen began, in seconds since 1970."""
