"""What the worker measures before LoadGen asks: so it is told, and so it stands in the result. None of its latencies is one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.json_records import LEFT_OUT


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
    """What was measured to decide threads, instances, workers, batch and load.

    What there was no choice of is not there; null stands for what results of version 1 do not say.
    """

    service_time_ns: int
    """How long a sample keeps its worker, in ns, with all workers at it; in an accuracy run, which is not timed, one alone."""
    runs: int | None
    """How often the model was asked for it."""
    calibration_s: float | None = None
    """How long all this took, in s, the warm-up and the proof apart."""
    first_query_at: float | None = None
    """When LoadGen asked first: seconds since 1970."""
    warm_up: WarmUp | None = None
    """Null where none was wanted, and in an accuracy run."""
    parity_s: float | None = field(default=None, metadata=LEFT_OUT)
    """How long the backend was held against the CPU, in s."""
    service_time_alone_ns: int | None = field(default=None, metadata=LEFT_OUT)
    """Server, Offline: the same as `service_time_ns` with one instance alone."""
    answer_time_ns: int | None = field(default=None, metadata=LEFT_OUT)
    """Server, Offline: from a lone query to its completion, in ns."""
    samples_per_second: float | None = field(default=None, metadata=LEFT_OUT)
    """Server, Offline: throughput of all workers."""
    median_ns_by_threads: Mapping[str, int] | None = field(default=None, metadata=LEFT_OUT)
    """The streams: a sample's time, in ns, at each number of threads that was tried."""
    samples_per_second_by_workers: Mapping[str, float] | None = field(default=None, metadata=LEFT_OUT)
    """Throughput of `threads` and of `processes`, where they were measured."""
    workers_from: str | None = field(default=None, metadata=LEFT_OUT)
    """Why these were looked at: `measured`, `config`, or what rules processes out."""
    server_bound_from: Literal["config", "measured"] | None = field(default=None, metadata=LEFT_OUT)
    """Server: who set the bound on the latency."""
    engines: EngineChoice | None = field(default=None, metadata=LEFT_OUT)
    """The engine, where the run left it open."""
    batch: BatchChoice | None = field(default=None, metadata=LEFT_OUT)
    """The batch, where the run left it open or named one."""
