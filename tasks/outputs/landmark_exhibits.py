"""Pictures with the points that a model gave beside the reference's."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from tasks.outputs.exhibits import Exhibit, Exhibition, UInt8Array

_CLOSE = 0.05
"""Of the unit, the distance of the eyes say: a mean error of less is no more than annotators differ by."""
_Points = npt.NDArray[np.float64]


def exhibit_points(
    judged: Iterable[tuple[int, float, _Points, _Points, tuple[int, int]]],
    most: int,
    names: list[str],
    picture: Callable[[int], UInt8Array | None],
) -> Exhibition:
    """The worst pictures first, by their normalised mean error.

    Args:
        judged: (index, error, points found, points wanted, (height, width)) of each picture, both in its pixels.
        most: So many pictures at most.
        names: Of the samples.
        picture: The sample of an index, RGB; None where it cannot be shown.
    """
    count = 0

    def counted() -> Iterable[tuple[int, float, _Points, _Points, tuple[int, int]]]:
        nonlocal count
        for one in judged:
            count += 1
            yield one

    worst = heapq.nlargest(most, counted(), key=lambda one: (one[1], -one[0]))
    exhibits = []
    for index, error, found, wanted, size in worst:
        exhibits.append(
            Exhibit(
                name=names[index],
                quality=1.0 if error < _CLOSE else max(0.0, 1 - error),
                said=f"the points are {100 * error:.1f} % of the unit off in the mean",
                truth=f"{len(wanted)} points",
                picture=picture(index),
                said_points=_shares(found, size),
                true_points=_shares(wanted, size),
            )
        )
    return Exhibition(tuple(exhibits), count)


def _shares(points: _Points, size: tuple[int, int]) -> tuple[tuple[float, float], ...]:
    """In fractions of the picture's sides. A point that is no number is left out."""
    height, width = size
    shares = points[:, :2] / np.array([width, height], np.float64)
    return tuple((float(x), float(y)) for x, y in shares[np.isfinite(shares).all(axis=1)])
