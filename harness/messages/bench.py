"""What `bench` asks the process of a model, and what that answers: so it is told, and so it stands in the result.

The process says `Ready` by itself, then an answer a question, the first of which is `OpenForBench`. Times are in ns, of the
harness's own clock: LoadGen has no part in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from backends.base import BackendInfo
from harness.json_records import LEFT_OUT
from harness.machine.memory import MemoryParts
from harness.model.subject import Subject


@dataclass(frozen=True, slots=True)
class OpenForBench:
    """The model, and what it is asked. The answer is `Opened`."""

    subject: Subject
    seed: int
    """Of the random inputs."""
    ranges: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Input -> the lowest and the highest of its random values."""
    files: Mapping[str, Path] = field(default_factory=dict)
    """Input -> a file of its values."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often and how long the model is asked, as benchmark_model counts."""

    least_runs: int
    least_s: float
    most_s: float
    """Nothing begins later than this."""
    delay_s: float | None = None
    """Slept after each run."""
    runs_per_second: float | None = None
    """No run ends its turn sooner; what came late is caught up on."""


@dataclass(frozen=True, slots=True)
class TakeInputs:
    """Ask the model these from now on. The answer is `InputsTaken`."""

    files: Mapping[str, Path]
    """Every input -> a file of its values."""


@dataclass(frozen=True, slots=True)
class WarmUp:
    """Ask before anything counts. The answer is `WarmedUp`."""

    pace: Pace


@dataclass(frozen=True, slots=True)
class Run:
    """Ask, and count. The answer is `Ran`."""

    pace: Pace


@dataclass(frozen=True, slots=True)
class Finish:
    """Say all that was found. The answer is `Finished`."""

    percentiles: tuple[float, ...] = ()
    """Of the runs' times, beside the usual ones."""
    times: Path | None = None
    """Where what each run took goes, as an .npz file of `times` in ns and `ends`, how many runs there were after each round;
    None where nobody asks."""


@dataclass(frozen=True, slots=True)
class Describe:
    """Say what the file holds and costs. The answer is `harness.model.contents.describe.ModelDescription`."""


@dataclass(frozen=True, slots=True)
class TellLeftOut:
    """Measure what the ops take that the delegate left. The answer is `LeftOut`; ask nothing after it: it changes the graph."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Ops outside of the delegate, XNNPACK being the CPU's."""

    share: float | None
    """Of the time, 0 to 1; None where it could not be had."""
    why: str | None
    """Why it could not be had."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The runtime is loaded."""


@dataclass(frozen=True, slots=True)
class InputsTaken:
    """They are as the model takes them."""


@dataclass(frozen=True, slots=True)
class BenchInput:
    """An input, as it is asked."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    scale: float
    """0 where it is not quantised."""
    zero_point: int
    stored_as: str
    """The type in the file, as `int4`, where `dtype` is what it is handed over in; else ""."""
    fed: str
    """What it is asked: a file, or random values of which range."""


@dataclass(frozen=True, slots=True)
class BenchOutput:
    """An output, as it was opened."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    scale: float
    zero_point: int
    stored_as: str


@dataclass(frozen=True, slots=True)
class Opened:
    """The model is open behind its backend."""

    load_ns: int
    """From the file, which the system may have in memory already, to tensors that are allocated."""
    backend: BackendInfo
    modified: str | None
    """What was changed in the model's file before it was opened; None for nothing."""
    signature: str | None
    inputs: tuple[BenchInput, ...]
    outputs: tuple[BenchOutput, ...]
    state: Literal["none", "reset", "keep"]
    keeps: str
    timed: str
    """What the clock is around: the model alone, or what else."""


@dataclass(frozen=True, slots=True)
class WarmedUp:
    """Runs that do not count."""

    first_ns: int | None
    """Of the very first run; None where none was asked for."""
    mean_ns: int | None
    """Of all of them, the first among them."""
    runs: int
    time_s: float


@dataclass(frozen=True, slots=True)
class Ran:
    """One round."""

    median_ns: int
    runs: int
    time_s: float
    """With what lies between the runs."""


@dataclass(frozen=True, slots=True)
class RunLatency:
    """All runs that count, in ns. A percentile p is the value at place n * p / 100 in order, cut down, as benchmark_model's."""

    runs: int
    mean: float
    min: int
    max: int
    std: float
    """Population standard deviation."""
    median: int
    median_low: int
    """The 95 % interval of the median, by order statistics: as if no run had to do with another."""
    median_high: int
    p5: int
    p90: int
    p95: int
    p99: int
    percentiles: Mapping[str, int] = field(default_factory=dict)
    """Others that were asked for, as p97.5."""


@dataclass(frozen=True, slots=True)
class BenchMemory:
    """In bytes; None for what the system does not tell."""

    load_bytes: int | None
    """How far the high-water mark of the process rose while the model was opened: what benchmark_model calls init."""
    overall_bytes: int | None
    """The same until all runs were made: overall."""
    peak_rss_bytes: int | None
    """The high-water mark of the whole process, Python and libraries among it, as in a run's result."""
    parts: MemoryParts
    """What the process holds while the model runs, as in a run's result."""


@dataclass(frozen=True, slots=True)
class Finished:
    """What was found."""

    latency: RunLatency
    memory: BenchMemory
    nan: Mapping[str, int]
    """Output -> how many of its values were no numbers in the last answer; outputs without any are left out."""
    changed_shapes: Mapping[str, tuple[int, ...]]
    """Output -> the shape that it had, where that is not the one it was opened with."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What would make the model quicker on this machine, with the figure that says so."""

    what: str
    figure: str
    """As it was measured here."""
    command: str
    """That gives the figure."""
    speed_up: float | None = field(default=None, metadata=LEFT_OUT)
    """How many times as quick; not there where that was not measured of the model itself."""


BenchQuestion = OpenForBench | TakeInputs | WarmUp | Run | Finish | Describe | TellLeftOut
BENCH_QUESTIONS: tuple[type[BenchQuestion], ...] = (
    OpenForBench,
    TakeInputs,
    WarmUp,
    Run,
    Finish,
    Describe,
    TellLeftOut,
)
