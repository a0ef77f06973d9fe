"""ADE20K pictures and annotations as the mobile benchmark prepares them offline.

Both keep their aspect until the long side fills the box, lie in its top left corner, and are padded to its right and
below: pictures with the mean pixel, annotations with 255, which no metric counts (MO vision/deeplab/
ade20k_512x512_dataset_on_device/README.md and models_and_code/input_preprocess.py). The published 512x512 annotations
are the original ones put through `prepare_labels`, pixel for pixel.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from tasks.base import Array

IGNORE = 255
"""The label of a pixel that is not scored."""


@cache
def code_digest() -> str:
    """SHA-256 of this module's source, which names a prepared picture's maker in a cache key."""
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()


def content_side(side: int) -> int:
    """How much of a model's side the picture fills.

    DeepLab is made for sides of stride * k + 1 (513 for 512, 257 for 256); the odd last line is padding, so that a
    picture or annotation prepared for 512 serves a model of 513.
    """
    return side - side % 2


def fitted(height: int, width: int, box_height: int, box_width: int) -> tuple[int, int]:
    """(height, width) of a picture scaled, aspect kept, to fill a box: rounded down, in float32 as the original."""
    scale = min(np.float32(box_height) / np.float32(height), np.float32(box_width) / np.float32(width))
    return max(1, int(np.float32(height) * scale)), max(1, int(np.float32(width) * scale))


def prepare_picture(
    picture: Array, height: int, width: int, *, pad_value: float = 127.5, profile: str = "mobile"
) -> Array:
    """A picture for a model's input.

    Args:
        picture: uint8 [h, w, 3]. One that has the input's size already is used as it is.
        height: Of the model's input.
        width: Of the model's input.
        pad_value: The padding, 0 to 255; like all pixels it is cut to a whole byte, as in the benchmark's own files.
        profile: A name of `RESIZERS`.

    Returns:
        uint8 [height, width, 3].
    """
    if picture.shape[:2] == (height, width):
        return picture
    rows, columns = fitted(picture.shape[0], picture.shape[1], content_side(height), content_side(width))
    prepared = np.full((height, width, 3), int(pad_value), np.uint8)
    fits = picture.shape[:2] == (rows, columns)
    prepared[:rows, :columns] = picture if fits else RESIZERS[profile](picture, rows, columns)
    return prepared


def prepare_labels(labels: Array, height: int, width: int, *, classes: int | None = None) -> Array:
    """An annotation for the same model: the nearest label, corners aligned, halves rounded up.

    Args:
        labels: uint8 [h, w], as large as its picture. One that has the input's size already is used as it is.
        height: Of the model's input.
        width: Of the model's input.
        classes: Turns labels of this and above into `IGNORE`, as MO's fork does. None keeps them, as the published
            files do; the metric counts neither.

    Returns:
        uint8 [height, width].
    """
    if classes is not None:
        labels = np.where(labels >= classes, IGNORE, labels).astype(np.uint8)
    if labels.shape == (height, width):
        return labels
    rows, columns = fitted(labels.shape[0], labels.shape[1], content_side(height), content_side(width))
    prepared = np.full((height, width), IGNORE, np.uint8)
    prepared[:rows, :columns] = labels[_nearest(labels.shape[0], rows)][:, _nearest(labels.shape[1], columns)]
    return prepared


def restore_labels(class_map: Array, height: int, width: int) -> Array:
    """A class map as large as the picture it is of: the padding cut off, and the nearest pixel, corners aligned.

    Args:
        class_map: uint8 [h, w], of a picture prepared by `prepare_picture`.
        height: Of the picture before that.
        width: Of the picture before that.

    Returns:
        uint8 [height, width].
    """
    if class_map.shape == (height, width):
        return class_map
    rows, columns = fitted(height, width, content_side(class_map.shape[0]), content_side(class_map.shape[1]))
    return class_map[_nearest(rows, height)][:, _nearest(columns, width)]


def _nearest(size: int, wanted: int) -> Array:
    step = np.float32(size - 1) / np.float32(max(1, wanted - 1))
    lines: Array = np.floor(np.arange(wanted, dtype=np.float32) * step + np.float32(0.5)).astype(np.intp)
    return np.minimum(lines, size - 1)


def _tensorflow(picture: Array, height: int, width: int) -> Array:
    """TensorFlow's own bilinear kernel, corners aligned, cut to bytes and not rounded (resize_bilinear_op.cc).

    It steps from the upper left pixel towards the others, where TFLite's kernel (tasks.pictures.pixels.resize) sums four
    products, whose last bit can fall below an even colour and make 199 of 200 once it is cut.
    """
    upper, lower, down = _between(picture.shape[0], height)
    left, right, across = _between(picture.shape[1], width)
    source = picture.astype(np.float32)
    lines = source[:, left]
    lines += (source[:, right] - lines) * across[None, :, None]
    scaled = lines[upper]
    scaled += (lines[lower] - scaled) * down[:, None, None]
    return scaled.astype(np.uint8)


def _between(size: int, wanted: int) -> tuple[Array, Array, Array]:
    """For each line of the result: the two lines that it lies between, and how far it is from the first."""
    step = np.float32(size - 1) / np.float32(wanted - 1) if wanted > 1 else np.float32(size)
    at = np.arange(wanted, dtype=np.float32) * step
    first = np.minimum(np.floor(at), size - 1)
    second = np.minimum(np.ceil(at), size - 1)
    return first.astype(np.intp), second.astype(np.intp), at - np.floor(at)


def _pillow(picture: Array, height: int, width: int) -> Array:
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR))


RESIZERS: Mapping[str, Callable[[Array, int, int], Array]] = {"mobile": _tensorflow, "pillow": _pillow}
"""Profiles of `prepare_picture`: uint8 [h, w, 3], height, width -> uint8 [height, width, 3]."""
