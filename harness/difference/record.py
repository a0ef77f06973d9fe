"""What is asked of a difference, and what came of it, as records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.model.comparison import Tolerance
from harness.model.subject import Subject

Kernels = Literal["auto", "builtin", "reference"]
KERNELS: Mapping[Kernels, Mapping[str, object]] = {
    "auto": {},
    "builtin": {"xnnpack": False},
    "reference": {"reference_kernels": True},
}
"""What answers on the reference's side -> options of the cpu backend. `auto` is what TFLite's tool has: the runtime's default
kernels, XNNPACK among them."""
INVOCATIONS = 3
"""Of one input in a run; the last one's outputs count (LRT tflite/tools/evaluation/tasks/inference_diff/run_eval.cc)."""


@dataclass(frozen=True, slots=True)
class AskedDifference:
    """A difference to be measured."""

    test: Subject
    reference: Subject
    """The same file, unless another model was named."""
    num_runs: int
    ranges: Mapping[str, tuple[float, ...]]
    """Input -> lowest and highest value; inputs that are not named have the whole range of their type."""
    bisect: bool
    tolerance: Tolerance


@dataclass(frozen=True, slots=True)
class SideFacts:
    """One of the two that were held against each other."""

    model: str
    source: str
    """`file`, `official` or `standin`."""
    path: Path
    backend: str
    engine: str
    options: Mapping[str, object]
    """As they were asked for."""
    threads: int
    delegate: str | None
    nodes: int | None
    """Ops of the model; None where the backend does not tell."""
    delegated_nodes: int | None
    partitions: int | None
    modified: str | None
    """What was changed in the file to run it."""
    latency_us: float
    """Of one invocation, the mean."""
    latency_std_us: float
    latency_min_us: float
    latency_max_us: float
    latency_last_us: float
    latency_sum_us: float


@dataclass(frozen=True, slots=True)
class OutputDifference:
    """One output, over all runs. A figure that values that are no numbers would spoil is None, and they are counted.

    An output that gave no values in any run has no figure either.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    unit: str
    """What errors count in: `raw`, the output's own numbers, or `real` where the two models count differently."""
    avg_error: float | None
    """The mean over the runs of the mean absolute error of a run."""
    std_dev: float | None
    """Of those runs, the population's."""
    min_error: float | None
    """The smallest of a run."""
    max_error: float | None
    """The largest of a run."""
    largest: float | None
    """The largest error of a single element."""
    avg_steps: float | None
    """The mean error in quantisation steps; None for an output that has none."""
    largest_steps: float | None
    snr_db: float | None
    """Power of the reference over that of the error, in real values; 200 at most, and so where there is no error."""
    exact: bool
    """Every element of every run is the same."""
    argmax_agreement: float | None
    """The share of rows with their largest value in the same place; None where no axis is one of choices."""
    nan_test: int
    """Values that are no number, over all runs."""
    nan_reference: int
    inf_test: int
    """Infinite values, over all runs: right where the other side has the same, and in no figure then."""
    inf_reference: int
    other_shapes: int
    """Runs in which the two sides' outputs have different shapes, which cannot be compared."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing was compared since there was nothing."""
        odd = self.nan_test, self.nan_reference, self.inf_test, self.inf_reference, self.other_shapes
        return self.avg_error is None and not any(odd)


@dataclass(frozen=True, slots=True)
class Culprit:
    """The first tensor beyond the tolerance."""

    tensor: str
    operator: str
    operator_index: int
    """Among the graph's operators, in the order in which they run."""
    shape: tuple[int, ...]
    dtype: str
    scales: tuple[float, ...]
    """Of its quantisation: one, or one a channel; none where it is not quantised."""
    zero_points: tuple[int, ...]
    inputs: tuple[str, ...]
    """What the operator reads, constants left out: all within the tolerance, or inputs of the model."""
    why: tuple[str, ...]
    """How far it is beyond."""
    largest: float | None
    largest_steps: float | None


@dataclass(frozen=True, slots=True)
class Bisected:
    """What the search for the first tensor found."""

    culprit: Culprit | None
    """None where every output is within the tolerance, or nothing could be found."""
    why_none: str
    cuts: int
    """How often the graph was cut and run."""
    refused: tuple[str, ...]
    """Cuts that a side refused, so that they were left out: which, and why."""
    repartitioned: tuple[str, ...]
    """Cuts after which a delegate chose its operators otherwise than in the whole graph."""
    within_yet_beyond: bool
    """The cut graph agrees at every tensor although the whole one does not."""
    not_numbers: bool = False
    """Both sides agree as far as there are numbers, but outputs hold NaN: it is the first tensor with any that was searched."""


@dataclass(frozen=True, slots=True)
class DiffResult:
    """What came of it."""

    test: SideFacts
    reference: SideFacts
    num_runs: int
    same_sides: str
    """Why it tests nothing; "" where the two sides differ."""
    outputs: tuple[OutputDifference, ...]
    inputs_from: str
    """What was fed."""
    seconds: float
    """From the first input drawn to the last output compared."""
    invoke_seconds: float
    """Of these, in the models."""
    bisected: Bisected | None = None
