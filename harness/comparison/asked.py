"""What a comparison is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.comparison.record import Subject

WRONG_VERDICT = 0.01
"""How often something within its limits may be called regressed, in a pair as a whole."""


@dataclass(frozen=True, slots=True)
class ComparisonRequest:
    """What a comparison is asked."""

    limits: Mapping[str, float]
    """Figure -> how much worse it may be."""
    allowed: tuple[Subject, ...]

    @property
    def alpha(self) -> float:
        """What an interval may miss on each side: the verdict's error is shared by the figures that it speaks of."""
        return WRONG_VERDICT / max(1, len(self.limits))
