"""TFLite's bilinear resize, exactly: the one its evaluation stages and the MLPerf mobile app use.

The source coordinate of output pixel i is i * in / out (no half-pixel centres), which is neither OpenCV's nor Pillow's
bilinear (LRT tflite/kernels/internal/reference/resize_bilinear.h).
"""

from __future__ import annotations

import numpy as np

from tasks.base import Array


def resize_bilinear_numpy(image: Array, height: int, width: int, *, align_corners: bool = False) -> Array:
    """The definition, in the reference kernel's order of float32 operations.

    Args:
        image: [h, w, c] of any number type, h and w at least 1.
        height: Of the result, pixels.
        width: Of the result, pixels.
        align_corners: True maps the corner pixels' centres onto each other (ADE20K's offline preparation).

    Returns:
        float32 [height, width, c], not rounded.
    """
    top, bottom, down = _lines(image.shape[0], height, align_corners)
    left, right, across = _lines(image.shape[1], width, align_corners)
    dy, dx = down[:, None, None], across[None, :, None]
    one = np.float32(1)
    upper, lower = image[top].astype(np.float32), image[bottom].astype(np.float32)
    result = upper[:, left] * (one - dy) * (one - dx)
    result += lower[:, left] * dy * (one - dx)
    result += upper[:, right] * (one - dy) * dx
    result += lower[:, right] * dy * dx
    return result


def resize_bilinear(image: Array, height: int, width: int) -> Array:
    """Resizes without regard to the aspect: float32 [height, width, c], not rounded (align_corners=False)."""
    return resize_bilinear_numpy(image, height, width)


def _lines(size: int, wanted: int, align_corners: bool) -> tuple[Array, Array, Array]:
    """For each output line: the two input lines it lies between, and how far it is from the first (float32)."""
    if align_corners and wanted > 1:
        scale = np.float32(size - 1) / np.float32(wanted - 1)
    else:
        scale = np.float32(size) / np.float32(wanted)
    at = np.arange(wanted, dtype=np.float32) * scale
    first = np.floor(at).astype(np.intp)
    second = np.minimum(np.ceil(at).astype(np.intp), size - 1)
    return np.minimum(first, size - 1), second, at - first.astype(np.float32)
