"""How far a score can be trusted: 95 % confidence intervals.

A share of hits has Wilson's interval (E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical
Inference", JASA 22, 1927). Everything else has the percentile bootstrap over samples (B. Efron and R. Tibshirani, An
Introduction to the Bootstrap, 1993, chapter 13): the samples are drawn again with replacement, as many as there are,
and the score of each such set is kept. The draws come from a fixed seed, so that scoring twice gives the same interval.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

CONFIDENCE = 0.95
RESAMPLES = 1000
SEED = 1979
_NORMAL_QUANTILE = 1.959963984540054  # of (1 + CONFIDENCE) / 2
_CHUNK_DRAWS = 1 << 20


@dataclass(frozen=True, slots=True)
class Interval:
    """Where the score would lie for other samples of the same kind, in the metric's own unit."""

    low: float
    high: float
    method: str
    """For the reader: `Wilson`, or `bootstrap, 1,000 resamples`."""


def wilson(hits: int, count: int, quantile: float = _NORMAL_QUANTILE) -> Interval | None:
    """Wilson's score interval of a share.

    Args:
        hits: Of the samples.
        count: Of samples; None is returned for 0.
        quantile: Of the normal distribution, at the upper end; 95 % lie between.
    """
    if count == 0:
        return None
    share = hits / count
    square = quantile**2
    centre = (share + square / (2 * count)) / (1 + square / count)
    reach = math.sqrt(share * (1 - share) / count + square / (4 * count**2)) * quantile / (1 + square / count)
    # Rounding would leave a whisker beyond the ends, where all or none are hits.
    low = 0.0 if hits == 0 else centre - reach
    high = 1.0 if hits == count else centre + reach
    return Interval(low, high, "Wilson")


@dataclass(frozen=True, slots=True)
class PairedHits:
    """What became of samples that both have answered."""

    both: int
    won: int
    """Hit by the second alone."""
    lost: int
    """Hit by the first alone."""
    neither: int

    @property
    def count(self) -> int:
        """Of all samples."""
        return self.both + self.won + self.lost + self.neither


def paired_shares(first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> Interval | None:
    """Of how much more of the same samples the second hits; see `paired_hits`.

    Args:
        first: [samples] what one hits. None is returned for no samples.
        second: [samples] what the other hits.
    """
    won, lost = int((second & ~first).sum()), int((first & ~second).sum())
    both = int((first & second).sum())
    return paired_hits(PairedHits(both, won, lost, len(first) - both - won - lost))


def paired_hits(hits: PairedHits, quantile: float = _NORMAL_QUANTILE) -> Interval | None:
    """Of how much larger the second's share of hits is.

    R. G. Newcombe, "Improved confidence intervals for the difference between binomial proportions based on paired data",
    Statistics in Medicine 17, 1998, method 10.

    Args:
        hits: None is returned for no samples.
        quantile: As of `wilson`.
    """
    both, won, lost, neither, count = hits.both, hits.won, hits.lost, hits.neither, hits.count
    mine, theirs = wilson(both + lost, count, quantile), wilson(both + won, count, quantile)
    if mine is None or theirs is None:
        return None
    sides = math.prod((both + won, lost + neither, both + lost, won + neither))
    alike = both * neither - won * lost
    # Corrected towards 0, and not beyond.
    corrected = max(alike - count / 2, 0.0) if alike > 0 else float(alike)
    phi = corrected / math.sqrt(sides) if sides else 0.0
    one, other = (both + lost) / count, (both + won) / count

    def reach(up: float, down: float) -> float:
        return math.sqrt(max(0.0, up**2 - 2 * phi * up * down + down**2))

    low = other - one - reach(other - theirs.low, mine.high - one)
    high = other - one + reach(theirs.high - other, one - mine.low)
    return Interval(low, high, f"paired by sample (Newcombe): {won} won, {lost} lost")


def poisson(events: int) -> Interval:
    """Where the mean of a count of rare events lies (F. Garwood, Biometrika 28, 1936), by halving.

    Args:
        events: That were counted.
    """
    tail = (1 - CONFIDENCE) / 2
    reach = events + 10 * math.sqrt(events + 1) + 10
    low = 0.0 if events == 0 else _mean_at(1 - tail, events - 1, reach)
    return Interval(low, _mean_at(tail, events, reach), "Poisson, exact")


def scaled(interval: Interval, factor: float) -> Interval:
    """The interval of so many times the figure; the factor is above 0."""
    return Interval(interval.low * factor, interval.high * factor, interval.method)


def _mean_at(share: float, events: int, most: float) -> float:
    """The mean at which so many events or fewer have this chance."""
    low, high = 0.0, most
    for _ in range(100):
        middle = (low + high) / 2
        chance = math.fsum(
            math.exp(k * math.log(middle) - middle - math.lgamma(k + 1)) if middle else float(k == 0)
            for k in range(events + 1)
        )
        low, high = (middle, high) if chance > share else (low, middle)
    return low


def bootstrap_mean(values: Float64, resamples: int = RESAMPLES) -> Interval | None:
    """The interval of a mean over samples.

    Args:
        values: [samples] what each adds; the order does not matter. None is returned for fewer than 2.
        resamples: Sets drawn.
    """
    if len(values) < 2:
        return None
    ordered = np.sort(values)
    means = [(weights * ordered).sum(axis=1) / len(ordered) for weights in resampled_weights(len(ordered), resamples)]
    return percentiles(np.concatenate(means))


def bootstrap_mean_iou(hits: Int64, truths: Int64, accused: Int64, resamples: int = RESAMPLES) -> Interval | None:
    """The interval of a mean IoU over all scored classes.

    A class that occurs in the set but in none of the pictures drawn has no IoU there: the mean over the others stands
    for it, or sets with rare classes would seem worse than they are.

    Args:
        hits: [pictures, classes] pixels of the class that were found; the order of the pictures does not matter. None
            is returned for fewer than 2 pictures.
        truths: Likewise pixels of the class.
        accused: Likewise pixels that were said to be of the class, where the truth is any scored class.
        resamples: Sets drawn.
    """
    if len(hits) < 2:
        return None
    areas = np.concatenate([hits, truths + accused - hits], axis=1)
    areas = areas[np.lexsort(areas.T)].astype(np.float64)  # pixel counts stay exact up to 2^53
    classes = hits.shape[1]
    occurring = np.count_nonzero(areas[:, classes:].any(axis=0))
    if not occurring:
        return None
    means = []
    for weights in resampled_weights(len(hits), resamples):
        sums = weights @ areas
        found, union = sums[:, :classes], sums[:, classes:]
        iou = np.divide(found, union, out=np.zeros_like(found), where=union > 0)
        drawn = np.count_nonzero(union, axis=1)
        means.append(iou.sum(axis=1) / np.maximum(drawn, 1) * occurring / classes)
    value = (areas.sum(axis=0)[:classes] / np.maximum(areas.sum(axis=0)[classes:], 1)).sum() / classes
    return percentiles(np.concatenate(means), centre=float(value))


def resampled_weights(count: int, resamples: int = RESAMPLES, chunk: int | None = None) -> Iterator[Float64]:
    """How often each sample is drawn, the same for the same arguments.

    Args:
        count: Of samples.
        resamples: Sets drawn.
        chunk: Sets that come together; None for so many that 8 MiB hold them.

    Yields:
        [sets, count] whole numbers, each row of the sum `count`; `resamples` rows in all.
    """
    random = np.random.Generator(np.random.PCG64(SEED))
    most = max(1, _CHUNK_DRAWS // max(count, 1)) if chunk is None else chunk
    for start in range(0, resamples, most):
        rows = min(most, resamples - start)
        # Row by row, so that the draws do not depend on the chunk.
        drawn = random.integers(0, count, (rows, count)) + count * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * count).reshape(rows, count).astype(np.float64)


def percentiles(scores: Float64, centre: float | None = None) -> Interval | None:
    """The bootstrap's interval.

    Args:
        scores: Of the sets drawn; NaN marks a set that has none.
        centre: For a score that is a fraction and no mean over samples: its value for the samples as they are. Sets
            with repeated samples score higher or lower by their nature (AP rises, since a class is ranked by fewer
            pictures), so the scores are moved until their median is this value. None leaves them where they are.

    Returns:
        None where fewer than half the sets have a score, or all have the same: then the samples cannot tell.
    """
    known = scores[~np.isnan(scores)]
    if 2 * len(known) < len(scores) or not len(known):
        return None
    low, middle, high = np.quantile(known, [(1 - CONFIDENCE) / 2, 0.5, (1 + CONFIDENCE) / 2]).tolist()
    if low == high:
        return None
    if centre is not None:
        low, high = max(0.0, low + centre - middle), min(1.0, high + centre - middle)
    return Interval(low, high, f"bootstrap, {len(known):,} resamples")
