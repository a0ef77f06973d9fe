"""What came of holding a backend against the CPU, as records: `harness.model.parity` makes them, results keep them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far from the CPU a backend may be. A decision that the CPU makes by less than half of the error allowed is open."""

    max_steps: float = 32.0
    """Quantised outputs, in quantisation steps. Two right kernels of MobileNetEdgeTPU uint8 differ by up to 21 of 256."""
    max_share: float = 0.02
    """Float outputs, as a fraction of their range; half precision stays below 0.01."""
    min_agreement: float = 1.0
    """The share of the task's decisions that must agree, 0 to 1."""


@dataclass(frozen=True, slots=True)
class OutputErrors:
    """How far one output is from the CPU's, over all samples. None where a figure says nothing of such an output."""

    name: str
    """The output's, or `detections`."""
    max_error: float | None = None
    """In the output's real units."""
    mean_error: float | None = None
    """In the output's real units."""
    max_steps: float | None = None
    """The largest error in quantisation steps."""
    share_of_range: float | None = None
    """The largest error as a fraction of what the CPU's values span."""
    agreement: float | None = None
    """The share of the task's decisions that agree, 0 to 1."""
    finite: bool | None = None
    """False where one side has a value that is no number and the other has one."""
    compared: int | None = None
    """Detections that were looked for on the other side."""
    same_shape: bool | None = None
    """False where the two sides answered a sample in other shapes, of which nothing can be compared."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A backend, held against the CPU on the same samples."""

    passed: bool | None
    """None where the CPU cannot run the model, so that nothing could be compared."""
    why: tuple[str, ...]
    """What is beyond the tolerance, or why nothing could be compared."""
    samples: int
    """How many were compared."""
    reference: str | None = None
    """What answered on the CPU's side."""
    tolerance: Tolerance | None = None
    """How far from the CPU it may be."""
    outputs: tuple[OutputErrors, ...] = ()
    """Every output."""
