"""What is asked of a profile, and what came of it, as records. Times are microseconds of wall clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.model.subject import Subject


@dataclass(frozen=True, slots=True)
class AskedProfile:
    """A profile to be made."""

    subject: Subject
    num_runs: int
    warmup_runs: int
    max_secs: float
    """No further run begins after so long."""
    ranges: Mapping[str, tuple[float, ...]]
    """Input -> lowest and highest value of the random inputs."""
    peak: bool
    """Whether the machine's peak is measured, too: some tenths of a second."""


@dataclass(frozen=True, slots=True)
class TimeSpread:
    """Times over the runs."""

    mean_us: float
    median_us: float
    min_us: float
    max_us: float
    std_us: float
    """The population's."""


@dataclass(frozen=True, slots=True)
class Op:
    """Something of the model that took time: an op, an operator of XNNPACK, or a delegate's whole piece."""

    order: int
    """The place in a run, from 0."""
    name: str
    """The op's as the model has it; the kernel's own where it cannot be told of which op it is."""
    kernel: str
    """What ran it: `built-in`, XNNPACK's own name, or the delegate's."""
    graph: int
    """The number of its graph in the file."""
    node: int | None
    """Its place among the graph's ops; None for what stands for several, or for none that can be told."""
    inside: int | None
    """Ops in a delegate's piece that is timed as a whole; 0 for a single op, None where the engine does not tell."""
    tensor: str
    """Its output's name; "" where the op cannot be told."""
    shape: str
    """`1x112x112x3 * 32x3x3x3 -> 1x56x56x32`: input, weights, output."""
    calls: float
    """In one run: more than 1 in the body of a loop."""
    avg_us: float
    """In one run, all calls together."""
    std_us: float
    min_us: float
    max_us: float
    share: float
    """Of the sum of all ops, 0 to 1."""
    multiply_adds: int | None
    """Of one run; None where it cannot be counted."""
    multiply_adds_per_s: float | None
    """None for an op that multiplies no weights, or took less than the clock can tell."""
    peak_of: str | None
    """By which of the peaks it is judged."""
    peak_share: float | None
    """Of that peak, 0 to 1, and more for an op that is quicker than what the peak was measured by."""


@dataclass(frozen=True, slots=True)
class OpRow:
    """Ops of one kind, or of one kind and shape."""

    name: str
    kernels: tuple[str, ...]
    """What ran them, each once."""
    count: int
    avg_us: float
    """In one run, all together."""
    share: float
    """Of the sum of all ops, 0 to 1."""
    cumulated: float
    """With all rows before it."""
    multiply_adds: int
    """Of one run, as far as they can be counted."""
    multiply_adds_per_s: float | None
    peak_share: float | None


@dataclass(frozen=True, slots=True)
class Slice:
    """An op in the run whose time is the median, for a trace."""

    order: int
    """The op's."""
    start_us: float
    """From the beginning of the run."""
    duration_us: float
    laid: bool
    """The runtime tells its length alone: it is laid behind the op before it."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What came of it."""

    model: str
    source: str
    path: Path
    modified: str | None
    """What was changed in the file to run it."""
    backend: str
    options: Mapping[str, object]
    threads: int
    how: str
    """What told the times."""
    why_coarse: str
    """Why a delegate's ops are timed as one; "" where every op is timed."""
    fed: str
    """The inputs."""
    num_runs: int
    """With the profiler, and as many without, in turns."""
    counted_runs: int
    """Of either: the quickest tenth, since what else the machine did is in the others. All figures are of these."""
    unprofiled: TimeSpread
    """Whole runs without the profiler."""
    profiled: TimeSpread
    """Whole runs with it."""
    slowest_us: float
    """The slowest run without it, of all."""
    op_sum: TimeSpread
    """All ops of a run added up."""
    op_sum_ratio: float
    """The mean of that over the mean without the profiler."""
    peaks: Mapping[str, float]
    """Kind -> multiply-adds a second of a large matrix product on this machine, by XNNPACK, with as many threads."""
    multiply_adds: int
    """Of the ops whose time is known, in one run."""
    warnings: tuple[str, ...]
    ops: tuple[Op, ...]
    """In the order in which they run."""
    by_type: tuple[OpRow, ...]
    """The slowest first."""
    by_shape: tuple[OpRow, ...]
    """The slowest first."""
    trace: tuple[Slice, ...]
