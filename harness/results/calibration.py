"""Records of a result: what the calibration found before LoadGen asked. None of its latencies is a result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.json_records import LEFT_OUT
from harness.messages.calibration import BatchChoice, EngineChoice, WarmUp


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was measured to decide threads, instances, workers, batch and load.

    What there was no choice of is not there; null stands for what results of version 1 do not say.
    """

    service_time_ns: float
    """How long a sample keeps its worker, in ns, with all workers at it."""
    runs: int | None
    """How often the model was asked for it."""
    calibration_s: float | None
    """How long all this took, in s, the warm-up and the proof apart."""
    first_query_at: float | None
    """When LoadGen asked first: seconds since 1970."""
    warm_up: WarmUp | None
    """Null where none was wanted, and in an accuracy run."""
    parity_s: float | None = field(default=None, metadata=LEFT_OUT)
    """How long the backend was held against the CPU, in s."""
    service_time_alone_ns: float | None = field(default=None, metadata=LEFT_OUT)
    """Server, Offline: the same as `service_time_ns` with one instance alone."""
    answer_time_ns: float | None = field(default=None, metadata=LEFT_OUT)
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
