"""SSD's anchors, as the object detection API's ssd_anchor_generator makes them (Liu et al., "SSD", arXiv 1512.02325)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt


def ssd_anchors(
    feature_maps: Sequence[tuple[int, int]],
    *,
    min_scale: float = 0.2,
    max_scale: float = 0.95,
    aspect_ratios: Sequence[float] = (1.0, 2.0, 0.5, 3.0, 1 / 3),
    reduce_lowest: bool = True,
) -> npt.NDArray[np.float32]:
    """All anchors as y, x (of the middle), height and width in fractions of the picture: float32 [anchors, 4].

    In the order of the predictors' rows: feature map, row, column, then shape.

    Args:
        feature_maps: Rows and columns of each, from the finest.
        min_scale: Of the finest, as a share of the picture.
        max_scale: Of the coarsest.
        aspect_ratios: Width to height. A square between a map's scale and the next one's comes last.
        reduce_lowest: The finest map has three anchors a place, one of half the scale among them.
    """
    last = len(feature_maps) - 1
    scales = [min_scale + (max_scale - min_scale) * index / max(last, 1) for index in range(last + 1)] + [1.0]
    found = []
    for index, (rows, columns) in enumerate(feature_maps):
        shapes = list(_shapes(scales[index], scales[index + 1], aspect_ratios, few=reduce_lowest and index == 0))
        for row in range(rows):
            for column in range(columns):
                middle = ((row + 0.5) / rows, (column + 0.5) / columns)
                found += [(*middle, height, width) for height, width in shapes]
    return np.array(found, np.float32)


def _shapes(scale: float, following: float, aspects: Sequence[float], *, few: bool) -> Iterator[tuple[float, float]]:
    """Heights and widths at each place of a feature map."""
    pairs = [(scale, aspect) for aspect in aspects] + [(math.sqrt(scale * following), 1.0)]
    if few:
        pairs = [(scale / 2, 1.0), (scale, 2.0), (scale, 0.5)]
    for size, aspect in pairs:
        yield size / math.sqrt(aspect), size * math.sqrt(aspect)
