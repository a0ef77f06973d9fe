"""How far boxes overlap."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

_F = TypeVar("_F", np.float32, np.float64)


def iou(boxes: npt.NDArray[_F], others: npt.NDArray[_F]) -> npt.NDArray[_F]:
    """Intersection over union of every pair, 0 where both are empty.

    Args:
        boxes: [D, 4] left, top, right, bottom.
        others: [B, 4] likewise.

    Returns:
        [D, B] in the boxes' type.
    """
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = np.maximum(high - low, 0).prod(axis=2)
    area = np.maximum(boxes[:, 2:] - boxes[:, :2], 0).prod(axis=1)
    other_area = np.maximum(others[:, 2:] - others[:, :2], 0).prod(axis=1)
    union = area[:, None] + other_area[None, :] - shared
    overlaps: npt.NDArray[_F] = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return overlaps
