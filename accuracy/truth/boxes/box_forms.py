"""In which form boxes are written, as far as the numbers themselves tell."""

from __future__ import annotations

import numpy as np

from accuracy.truth.boxes.coco import Bool, CocoTruth, Float64

_SLACK_PIXELS = 1.0
_FEW, _SHARE = 3, 0.05
"""Boxes that leave their pictures, of which a careless annotator has fewer."""


def are_fractions(boxes: Float64, sides: Float64) -> bool:
    """Whether all lie between 0 and 1, as fractions of their pictures' sides do.

    Args:
        boxes: [B, 4] as they are written.
        sides: [B, 2] of their pictures in pixels.
    """
    return bool(len(boxes)) and bool(np.abs(boxes).max() <= 1 < sides.min() and (boxes % 1).any())


def form_fault(truth: CocoTruth) -> str:
    """What the boxes plainly are in place of x, y, width and height in pixels; "" where they may be these.

    Corners are told by boxes that leave their pictures, while all are right as two corners.

    Args:
        truth: With the pictures' sizes.
    """
    sides = np.array([(image.width, image.height) for image in truth.images], np.float64).reshape(-1, 2)[truth.image]
    start, size = truth.box[:, :2], truth.box[:, 2:]
    if are_fractions(truth.box, sides):
        return "lie between 0 and 1: they are fractions of the pictures' sides, but COCO's are in pixels"
    leave = ~_within(start + size, sides)
    if leave.sum() < max(_FEW, _SHARE * len(leave)) or not (_within(size, sides) & (size > start).all(axis=1)).all():
        return ""
    return (
        f"are two corners: {leave.sum():,} of {len(leave):,} leave their pictures as corner and size, and none does as two "
        "corners, but COCO's are x, y, width and height"
    )


def _within(points: Float64, sides: Float64) -> Bool:
    return np.asarray((points <= sides + _SLACK_PIXELS).all(axis=1), np.bool_)
