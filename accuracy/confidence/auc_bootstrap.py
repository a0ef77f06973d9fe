"""How far an AUC can be trusted: the bootstrap over recordings, for a mean over several machines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

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
