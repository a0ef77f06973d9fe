"""Records of a result: what was measured. See `harness.results.record` for the whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Literal

from harness.json_records import KEY, LEFT_OUT
from harness.machine.memory import MemoryFigures, MemoryParts
from harness.machine.state import MachineState
from harness.messages.server_times import ServerTimes


@dataclass(frozen=True, slots=True)
class Latency:
    """Latencies of queries, in ns.

    A MultiStream query is all its samples; Offline's samples are timed from the start of its one query.
    """

    mean: float
    """The mean."""
    p50: float
    """The median."""
    p90: float
    """90 % of the queries took no longer."""
    p95: float
    """Likewise 95 %."""
    p99: float
    """Likewise 99 %."""
    p99_9: float = field(metadata={KEY: "p99.9"})
    """Likewise 99.9 %."""
    min: float
    """The shortest."""
    max: float
    """The longest."""

    def at(self, percentile: float) -> float | None:
        """The latency at a percentile, in ns; None where LoadGen does not give it.

        Args:
            percentile: 0.99 for p99.
        """
        found: float | None = getattr(self, f"p{100 * percentile:g}".replace(".", "_"), None)
        return found


@dataclass(frozen=True, slots=True)
class Performance:
    """LoadGen's own figures of a performance run. A figure that the scenario does not have is null."""

    latency_ns: Latency
    """Per query, in ns."""
    samples_per_second: float
    """LoadGen's own in Offline and Server; `sample_count` over `duration_s` in the streams."""
    queries_per_second: float
    """`samples_per_second`, by query."""
    query_count: int
    """Queries that were answered."""
    sample_count: int
    """Samples that were answered."""
    duration_s: float
    """How long LoadGen asked and waited, in s."""
    early_stopping_latency_ns: int | None
    """The streams' result: LoadGen's bound on the latency at `target_percentile`, in ns. Null: too few queries for one."""
    target_percentile: float
    """The percentile that the scenario is judged by, as a fraction: 0.9 for p90."""
    scheduled_samples_per_second: float | None
    """Server: what was asked for, as it came to be scheduled."""
    overlatency_query_count: int | None
    """Server: queries that took longer than the bound."""
    derived: tuple[str, ...]
    """Names of the figures here that are worked out from LoadGen's and are not its own."""
    server: ServerTimes | None
    """Server: what the latency is made of."""
    duty_cycle: float | None = None
    """SingleStream of a task whose samples come at a pace of their own (a wake word's every 32 ms): the mean latency as a share
    of the time from one sample to the next, which is how much of the time the device works. Null for other tasks."""


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory of the worker and the processes that answered for it (docs/measuring.md, "Memory"). Null: not known."""

    peak_rss_bytes: int | None = None
    """The processes' high-water marks, added up, the calibration included."""
    processes: int | None = None
    """How many there were."""
    running_peak_rss_bytes: int | None = None
    """The same since the samples were loaded."""
    running_pss_bytes: int | None = None
    """The proportional size at its largest while LoadGen asked: the sum of `parts`."""
    parts: MemoryParts = field(default_factory=MemoryParts)
    """What took it."""
    sample_limit_bytes: int | None = None
    """What the samples in memory at once might take."""
    sample_limit_from: str | None = None
    """Who set the limit: `config` or `available memory`."""

    @classmethod
    def of(cls, figures: MemoryFigures) -> Memory:
        """As the parent measured it."""
        return cls(**{field.name: getattr(figures, field.name) for field in fields(figures)})


@dataclass(frozen=True, slots=True)
class MachineDuring:
    """What happened to the machine between two moments; null where it cannot be known."""

    duration_s: float
    """How long, in s."""
    others_cpu_share: float | None
    """Of the CPUs' time, 0 to 1: what other processes and the kernel used."""
    steal_share: float | None
    """Of the CPUs' time, 0 to 1: what a hypervisor gave to other machines."""
    frequency_change: float | None
    """Of the fastest CPU: -0.1 is a tenth slower."""
    throttled: int | None
    """How often the CPUs were slowed down for heat or power."""
    memory_stall_share: float | None
    """Of the time, 0 to 1, in which something waited for memory."""
    swapped_pages: int | None
    """Pages in and out of swap."""
    energy_j: float | None
    """Of all CPU packages, whoever used it, in joules."""
    energy_j_per_sample: float | None = None
    """The same by sample, in joules; in a performance run."""
    latency_drift: float | None = None
    """The second half's latency over the first half's, less 1: 0.05 is 5 % slower. Null in Server, whose load decides it."""


@dataclass(frozen=True, slots=True)
class MachineStates:
    """The machine when the first query came and when the last was answered."""

    before: MachineState
    """Just before the first query."""
    after: MachineState
    """Just after the last."""
    during: MachineDuring
    """What happened meanwhile."""


@dataclass(frozen=True, slots=True)
class Range:
    """One figure of several runs."""

    median: float
    """The median."""
    min: float
    """The least."""
    max: float
    """The most."""
    low: float | None = field(default=None, metadata=LEFT_OUT)
    """Of the interval in which the mean of such runs lies, 98 %, by their spread; not there in earlier results."""
    high: float | None = field(default=None, metadata=LEFT_OUT)
    """Its other end."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The figures of repeats."""

    samples_per_second: Range
    """Samples per second."""
    p50_ns: Range | None = field(default=None, metadata=LEFT_OUT)
    """The runs' medians, in ns. Not there in Offline, whose one query is the whole run."""
    p90_ns: Range | None = field(default=None, metadata=LEFT_OUT)
    """The runs' p90, in ns. Not there in Offline."""


@dataclass(frozen=True, slots=True)
class RowLatency:
    """Latencies per query, in ns; medians of repeats."""

    p50: float
    """The median."""
    p90: float
    """90 % took no longer."""


@dataclass(frozen=True, slots=True)
class Headline:
    """How many times the first row's speed a row has, by the figure that LoadGen judges the scenario by."""

    figure: str
    """`p90` in SingleStream, `p99` in MultiStream, `samples_per_second` in Server and Offline."""
    ratio: float
    """More is quicker."""
    low: float | None
    """Of its 98 % interval, by the spread between the repeats of both; null where one has a single run."""
    high: float | None
    """Its other end."""
    standing: Literal["quicker", "slower", "not told apart"] | None
    """What the interval says; null where there is none."""


@dataclass(frozen=True, slots=True)
class SweepRow:
    """One backend with one model. Repeats, and both runs of a submission, make one row."""

    backend: str
    """As `--backend` named it, options included."""
    model: str
    """Its name."""
    scenario: str
    """LoadGen's scenario."""
    status: Literal["started", "valid", "invalid", "failed"]
    """The worst of its runs'."""
    why: tuple[str, ...]
    """Why it is not valid, by run."""
    engine: str | None
    """As in `backend`; null where the model was not opened. So are the next four."""
    delegate: str | None
    """As in `backend`."""
    nodes: int | None
    """As in `backend`."""
    delegated_nodes: int | None
    """As in `backend`."""
    partitions: int | None
    """As in `backend`."""
    parity_passed: bool | None
    """Whether it answered as the CPU does; null where it was not held against it."""
    latency_ns: RowLatency | None
    """Null in Offline, whose one query is the whole run, and where nothing was timed."""
    samples_per_second: float | None
    """The median of repeats; null where nothing was timed."""
    accuracy: Mapping[str, float] | None
    """Metrics by name, as fractions of 1 (PSNR in dB); null where nothing was scored."""
    peak_rss_bytes: int | None
    """The most of its runs'."""
    model_bytes: int | None
    """The size of the model's file."""
    speed_up: float | None = None
    """How many times the first row's speed: by samples per second in Offline and Server, by p50 in the streams."""
    headline: Headline | None = field(default=None, metadata=LEFT_OUT)
    """The same by LoadGen's figure of the scenario, with how sure it is; not there in the first row and earlier results."""


@dataclass(frozen=True, slots=True)
class Queueing:
    """What a queue before so many servers would allow."""

    servers: int | None
    """Instances; null where the first run did not end."""
    service_time_ns: float
    """How long a query occupies one, in ns."""
    peak_qps: float | None
    """The highest load that holds the bound by the model, in queries per second."""


@dataclass(frozen=True, slots=True)
class Peak:
    """The highest load that Server holds."""

    target_qps: float | None
    """The highest load that was VALID in a run that counts, in queries per second; null where none was."""
    samples_per_second: float | None
    """What was completed at that load."""
    bound_ns: float | None
    """The bound on the latency, in ns, the same in all runs."""
    bound_from: Literal["config", "measured"]
    """Who set it: the config, or the first run's calibration."""
    percentile: float
    """The share of the queries that must be within it."""
    highest_valid_qps: float | None
    """As `target_qps`."""
    lowest_broken_qps: float | None
    """The lowest load that broke the bound; null where none did."""
    gap: float | None
    """How much more that is, as a fraction."""
    tolerance: float
    """The gap that was aimed for."""
    lowest_tried_qps: float
    """The lowest load that was asked for."""
    queueing: Queueing
    """What the queueing model allows."""
    time_s: float
    """How long the search took, in s."""
    budget_s: float
    """How long it might take, in s."""
