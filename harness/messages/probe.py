"""What `tune` asks a candidate's process, and what that answers. It says `Calibrated` by itself, then an answer a question."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MeasureRound:
    """Measure for a fifth of a second, or a few samples. The answer is `Round`."""


@dataclass(frozen=True, slots=True)
class CompareWithCpu:
    """Hold the candidate against one CPU thread on so many samples. The answer is `Agreement`."""

    samples: int


@dataclass(frozen=True, slots=True)
class Calibrated:
    """The candidate is open, and this is what its calibration decided."""

    threads: int
    """Of an instance."""
    instances: int
    workers: str
    """`inline`, `threads` or `processes`."""
    batch: int
    """Samples of one invoke."""
    engine: str
    """`Interpreter`, `CompiledModel` or `none`."""
    engine_chosen: str | None
    """The CPU's engine that was chosen by measuring; None where there was no choice."""
    accelerator: bool
    """The backend promises another device than the CPU."""
    pids: tuple[int, ...]
    """The processes that hold the model."""


@dataclass(frozen=True, slots=True)
class Round:
    """What was measured in one round."""

    samples_per_second: float
    latency_ns: float
    """Of a sample, while all workers work."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How the candidate compares with one CPU thread."""

    samples: int
    passed: bool | None
    """None where the CPU cannot run the model."""
    why: tuple[str, ...]


Question = MeasureRound | CompareWithCpu
QUESTIONS: tuple[type[Question], ...] = (MeasureRound, CompareWithCpu)
