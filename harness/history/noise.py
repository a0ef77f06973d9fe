"""How much a benchmark differs from run to run on a machine, learnt from its history, and what that says of new runs.

Figures are looked at as logarithms: 0.01 is 1 %. The noise is learnt from the differences between runs that follow each
other, by their median, so that neither a slow drift, nor a step, nor some disturbed runs make it look larger than it is (J. von
Neumann et al., "The Mean Square Successive Difference", Annals of Mathematical Statistics 12, 1941, made robust as by P. J.
Rousseeuw and C. Croux, "Alternatives to the Median Absolute Deviation", JASA 88, 1993).
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from harness.statistics.quantiles import student_quantile

LEAST = 8
"""Runs from which noise is learnt."""
_BASE = 30
"""The usual figure is that of so many runs at most, the last ones."""
_TO_SIGMA = 1.4826
"""A normal distribution's standard deviation, over its median absolute deviation."""
_DEGREES = 0.3
"""Degrees of freedom that a run brings: the median of dependent differences knows less than all of them. Chosen so that the
rates of `benchmarks/history_gate.py` hold."""
_ERROR = 0.01
"""Of the interval: it leaves the truth out so often, on both sides together."""

Found = Literal["regressed", "within", "not told apart"]


@dataclass(frozen=True, slots=True)
class Noise:
    """Of one figure of one benchmark on one machine."""

    runs: int
    usual: float
    """The median of the last runs, in the figure's own unit."""
    sigma: float
    """How far a run is from the next, as a fraction: 0.01 is 1 %."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """New runs held against what is usual."""

    found: Found
    change: float
    """How much larger the figure is than usual: 0.05 is 5 % more."""
    low: float
    high: float
    """Of the 99 % interval of the change."""
    limit: float
    """How much worse it may be."""


def learn(values: Sequence[float]) -> Noise | None:
    """The noise of runs in the order of time; None of fewer than 8, or where a value is 0.

    Args:
        values: One figure of each run.
    """
    if len(values) < LEAST or min(values) <= 0:
        return None
    logs = [math.log(value) for value in values]
    steps = [abs(later - former) for former, later in itertools.pairwise(logs)]
    # A clock of whole units can make half of all steps 0.
    sigma = max(_TO_SIGMA * statistics.median(steps), 1e-6) / math.sqrt(2)
    return Noise(len(values), math.exp(statistics.median(logs[-_BASE:])), sigma)


def judge(noise: Noise, new: Sequence[float], limit: float, *, lower_is_better: bool) -> Judgement:
    """Whether new runs are worse than usual by more than a limit.

    Args:
        noise: What is usual.
        new: The figure of the new runs, at least one, all above 0.
        limit: How much worse it may be, as a fraction.
        lower_is_better: As of a latency.

    Returns:
        `regressed` where even the interval's better end is worse than the limit; `within` where even its worse end is not.
    """
    change = statistics.median(math.log(value) for value in new) - math.log(noise.usual)
    based_on = min(noise.runs, _BASE)
    # The variance of a median is pi/2 of that of a mean, but for one or two values, where they are the same.
    own = (math.pi / 2 if len(new) > 2 else 1.0) / len(new)
    spread = noise.sigma * math.sqrt(own + math.pi / 2 / based_on)
    half = student_quantile(1 - _ERROR / 2, max(2.0, _DEGREES * (noise.runs - 1))) * spread
    low, high = change - half, change + half
    worse, better = (low, high) if lower_is_better else (-high, -low)
    allowed = math.log1p(limit)
    found: Found = "regressed" if worse > allowed else "within" if better <= allowed else "not told apart"
    return Judgement(found, math.expm1(change), math.expm1(low), math.expm1(high), limit)
