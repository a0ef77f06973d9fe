"""How far an AUC can be trusted: the bootstrap over recordings, for a mean over several machines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from accuracy.auc import auc, partial_auc
from accuracy.confidence.interval import RESAMPLES, Float64, Interval, percentiles, resampled_weights

Int64 = npt.NDArray[np.int64]


def bootstrap_mean_auc(
    scores: Float64, anomalous: Int64, groups: Sequence[Int64], resamples: int = RESAMPLES
) -> Interval | None:
    """The interval of the mean over groups of their AUCs.

    A recording is drawn whatever its kind; a set in which a group has one kind alone has no score.

    Args:
        scores: Of the recordings.
        anomalous: 1 for an anomaly, 0 for a normal one.
        groups: The places of each group's recordings, both kinds among them.
        resamples: Sets drawn.

    Returns:
        None without groups, or where the recordings cannot tell: see `percentiles`.
    """
    if not groups:
        return None
    parts = []
    for group in groups:
        anomalies, normal = group[anomalous[group] == 1], group[anomalous[group] == 0]
        above, below = scores[anomalies][:, None], scores[normal]
        parts.append((anomalies, normal, (above > below) + 0.5 * (above == below)))
    means = []
    for weights in resampled_weights(len(scores), resamples):
        areas = []
        for anomalies, normal, wins in parts:
            first, second = weights[:, anomalies], weights[:, normal]
            pairs = first.sum(axis=1) * second.sum(axis=1)
            won = ((first @ wins) * second).sum(axis=1)
            areas.append(np.divide(won, pairs, out=np.full(len(won), np.nan), where=pairs > 0))
        means.append(np.mean(areas, axis=0))
    return percentiles(np.concatenate(means))


def redrawn_auc(
    scores: Float64, anomalous: Int64, groups: Sequence[Int64]
) -> Callable[[Float64], Mapping[str, Float64]]:
    """The areas of other sets of the same recordings: see `accuracy.metric.score.Redrawn`.

    Args:
        scores: As of `bootstrap_mean_auc`.
        anomalous: Likewise.
        groups: Likewise.
    """
    everyone = np.arange(len(scores))

    def areas(times: Int64, group: Int64) -> tuple[float, float]:
        drawn = np.repeat(group, times[group])
        if len(set(anomalous[drawn].tolist())) < 2:
            return float("nan"), float("nan")
        return auc(scores[drawn], anomalous[drawn]), partial_auc(scores[drawn], anomalous[drawn])

    def redrawn(weights: Float64) -> Mapping[str, Float64]:
        sets = weights.astype(np.int64)
        pooled = np.array([areas(times, everyone) for times in sets])
        found = {"auc_pooled": pooled[:, 0], "pauc_pooled": pooled[:, 1]}
        if not groups:
            return found
        means = np.array([np.mean([areas(times, group) for group in groups], axis=0) for times in sets])
        return {"auc": means[:, 0], "pauc": means[:, 1]} | found

    return redrawn
