"""How much one set of figures differs from another, and how sure that is; numpy and the standard library alone.

Runs are the unit: a run's queries share its process, its memory and the machine's mood, so that they are no samples of how
runs differ. Of figures above 0 the logarithms are compared, so that an interval is of a ratio.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.statistics.quantiles import beta_share, student_quantile

_RESAMPLES, _SEED = 4000, 1979


@dataclass(frozen=True, slots=True)
class Change:
    """The second over the first."""

    ratio: float
    """Of the geometric means."""
    low: float
    high: float
    effect: float
    """Hedges' g of the logarithms: the difference in standard deviations of runs."""


def welch(first: Sequence[float], second: Sequence[float], alpha: float) -> Change:
    """The ratio of two sets of figures, with Welch's interval (B. L. Welch, Biometrika 34, 1947) on the logarithms.

    Args:
        first: Of two runs or more, above 0.
        second: Likewise.
        alpha: How often the interval may miss on each side: 0.01 for a 98 % interval.
    """
    one, two = (np.log(np.asarray(side, np.float64)) for side in (first, second))
    parts = [float(side.var(ddof=1)) / len(side) for side in (one, two)]
    more, error = float(two.mean() - one.mean()), math.sqrt(sum(parts))
    if not error:
        return Change(math.exp(more), math.exp(more), math.exp(more), math.inf if more else 0.0)
    freedom = sum(parts) ** 2 / sum(part**2 / (len(side) - 1) for part, side in zip(parts, (one, two), strict=True))
    reach = student_quantile(1 - alpha, freedom) * error
    count = len(one) + len(two)
    pooled = sum((len(side) - 1) * float(side.var(ddof=1)) for side in (one, two)) / (count - 2)
    # Few runs make the effect seem larger than it is (L. V. Hedges, 1981).
    effect = more / math.sqrt(pooled) * (1 - 3 / (4 * count - 9))
    return Change(math.exp(more), math.exp(more - reach), math.exp(more + reach), effect)


def interval_of_runs(values: Sequence[float], alpha: float) -> tuple[float, float] | None:
    """Where the geometric mean of such runs lies, by Student's t on the logarithms; None of fewer than two.

    Args:
        values: Of each run, above 0.
        alpha: As of `welch`.
    """
    if len(values) < 2 or min(values) <= 0:
        return None
    logs = np.log(np.asarray(values, np.float64))
    centre, reach = float(logs.mean()), float(logs.std(ddof=1)) / math.sqrt(len(logs))
    reach *= student_quantile(1 - alpha, len(logs) - 1)
    return math.exp(centre - reach), math.exp(centre + reach)


def mcnemar(lost: int, won: int) -> float:
    """The exact two-sided p of McNemar's test: so uneven a split of the samples that changed comes by chance so often."""
    changed, fewer = lost + won, min(lost, won)
    # The binomial's tail as a beta function: sums of binomial coefficients take minutes where ten thousands changed.
    return min(1.0, 2 * beta_share(0.5, changed - fewer, fewer + 1)) if changed else 1.0


def paired_bootstrap(differences: npt.NDArray[np.float64], count: int, alpha: float) -> tuple[float, float]:
    """The interval of the mean of paired differences, by the percentile bootstrap over samples.

    Args:
        differences: Of the samples that differ; all others are 0.
        count: Of all samples.
        alpha: As of `welch`.
    """
    random = np.random.Generator(np.random.PCG64(_SEED))
    values, times = np.unique(np.append(differences, 0.0), return_counts=True)
    weights = times.astype(np.float64)
    weights[np.searchsorted(values, 0.0)] += count - len(differences) - 1
    drawn = [random.multinomial(count, weights / count) @ values / count for _ in range(_RESAMPLES)]
    low, high = np.quantile(drawn, [alpha, 1 - alpha]).tolist()
    return low, high
