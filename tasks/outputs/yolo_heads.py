"""What YOLO's outputs mean: boxes decoded from raw heads or taken from an export, and those that say the same thinned out.

Raw heads are Darknet's ([1, rows, columns, anchors * (5 + classes)], any number of grids): a box's centre is
(sigmoid(t) + cell) / grid, its size exp(t) * anchor / input (Redmon and Farhadi, "YOLOv3", arXiv 1804.02767). An export
of YOLOv5 has one output [1, boxes, 5 + classes] and one of YOLOv8 [1, 4 + classes, boxes], both decoded: centre and
size, then objectness (v5 alone) and classes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from accuracy.outside.opening import read_heard
from tasks.base import Array, DataMissing, ModelMismatch, Tensor
from tasks.pictures.pixels.inputs import shapes

Form = Literal["heads", "v5", "v8"]
Suppression = Literal["diou", "iou"]
_BOX, _OBJECTNESS = 4, 1
_TYPES = ("float32", "float16", "int8", "uint8", "int16")
_EPSILON = 1e-9
_MOST = 1000
"""Boxes of a picture that are held against each other: the surest."""


class Found(NamedTuple):
    """Boxes of one picture, surest first."""

    boxes: Array
    """float32 [k, 4] x_min, y_min, x_max, y_max in fractions of the picture; a little outside of it at times."""
    objectness: Array
    """float32 [k]."""
    scores: Array
    """float32 [k] objectness times the class's probability."""
    classes: Array
    """int64 [k] from 0."""


@dataclass(frozen=True, slots=True)
class Anchors:
    """Of one head."""

    sizes: tuple[tuple[float, float], ...]
    """Width and height of each, in pixels of `side`."""
    scale_xy: float = 1.0
    """Darknet's scale_x_y: how far a centre may leave its cell."""


def read_cfg(path: Path) -> list[Anchors]:
    """The anchors of each [yolo] section of a Darknet configuration, in the file's order.

    Raises:
        DataMissing: It cannot be read, has no such section, or one without anchors.
    """
    try:
        text = read_heard(path).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise DataMissing(f"the configuration {path} cannot be read: {error}") from None
    heads = []
    for section in re.split(r"(?m)^\s*\[", text)[1:]:
        name, _, body = section.partition("]")
        if name.strip().lower() != "yolo":
            continue
        lines = (line.partition("#")[0].partition("=") for line in body.splitlines())
        values = {key.strip(): value.strip() for key, _, value in lines if value.strip()}
        try:
            numbers = [float(value) for value in values["anchors"].split(",")]
            pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
            mask = [int(value) for value in values.get("mask", "").split(",") if value.strip()]
            sizes = tuple(pairs[place] for place in mask or range(len(pairs)))
            heads.append(Anchors(sizes, float(values.get("scale_x_y", "1"))))
        except (KeyError, ValueError, IndexError) as error:
            raise DataMissing(
                f"the [yolo] section {len(heads) + 1} of {path} has no anchors that fit its mask: {error}"
            ) from None
    if not heads:
        raise DataMissing(f"{path} has no [yolo] section: it says nothing of anchors")
    return heads


class RawHead:
    """One raw head, bound to its output. Decodes only what is sure enough."""

    def __init__(self, tensor: Tensor, anchors: Anchors, classes: int, size: tuple[int, int], threshold: float) -> None:
        """Works out cells and anchors once.

        Args:
            tensor: The output.
            anchors: Its anchors.
            classes: Of the model.
            size: Height and width of the input, in whose pixels anchors are.
            threshold: The least objectness.

        Raises:
            ModelMismatch: Not as many values as the anchors need.
        """
        rows, columns, depth = tensor.shape[1:]
        count, values = len(anchors.sizes), _BOX + _OBJECTNESS + classes
        if depth != count * values:
            raise ModelMismatch(
                f"output {tensor.name} has {depth} values at each of {rows}x{columns} places, but {count} anchors of "
                f"{_BOX} + {_OBJECTNESS} + {classes} need {count * values}: are model.anchors and model.classes right for it?"
            )
        self._tensor, self._shape = tensor, (rows * columns * count, values)
        row, column = (each.reshape(-1).repeat(count) for each in np.divmod(np.arange(rows * columns), columns))
        self._cells = np.stack([column, row], axis=1).astype(np.float32)
        self._grid = np.array([columns, rows], np.float32)
        sides = np.array([size[1], size[0]], np.float32)
        self._anchors = np.tile(np.array(anchors.sizes, np.float32) / sides, (rows * columns, 1))
        self._scale_xy = np.float32(anchors.scale_xy)
        least = math.log(threshold / (1 - threshold)) if threshold > 0 else -math.inf
        self._least = least / tensor.scale + tensor.zero_point if tensor.scale else least

    def decode(self, output: Array) -> tuple[Array, Array, Array]:
        """Boxes [n, 4] as `Found.boxes`, objectness [n], and the classes' probabilities [n, classes], all float32."""
        raw = output.reshape(self._shape)
        kept = np.flatnonzero(~(raw[:, _BOX] <= self._least))  # a NaN passes, so that scoring refuses the log
        values = _floats(raw[kept], self._tensor)
        logistic = 1 / (1 + np.exp(-values))
        scale = self._scale_xy
        middle = (logistic[:, :2] * scale - (scale - 1) / 2 + self._cells[kept]) / self._grid
        half = np.exp(values[:, 2:4]) * self._anchors[kept] / 2
        return np.concatenate([middle - half, middle + half], axis=1), logistic[:, _BOX], logistic[:, _BOX + 1 :]


class Export:
    """The one output of an export, bound. As `RawHead`."""

    def __init__(
        self, tensor: Tensor, form: Form, classes: int, size: tuple[int, int] | None, threshold: float
    ) -> None:
        """Finds which axis holds the boxes.

        Args:
            tensor: The output.
            form: `v5` or `v8`.
            classes: Of the model.
            size: Height and width of the input, where boxes are in its pixels; None where they are fractions of it.
            threshold: The least objectness, for v8 the least score of a class.

        Raises:
            ModelMismatch: No axis has as many values as the classes need.
        """
        extra = _OBJECTNESS if form == "v5" else 0
        values = _BOX + extra + classes
        if len(tensor.shape) != 3 or values not in tensor.shape[1:]:
            raise ModelMismatch(
                f"output {tensor.name} is {list(tensor.shape)}, but YOLO{form} of {classes} classes has [1, boxes, {values}] "
                f"or [1, {values}, boxes]: is model.classes right for it?"
            )
        # Where both would do, v5 has its boxes first and v8 last.
        boxes_last = tensor.shape[2] != values or (form == "v8" and tensor.shape[1] == values)
        self._tensor, self._turned, self._has_objectness = tensor, boxes_last, form == "v5"
        self._sides = np.ones(4, np.float32) if size is None else np.array([size[1], size[0]] * 2, np.float32)
        self._threshold = np.float32(threshold)

    def decode(self, output: Array) -> tuple[Array, Array, Array]:
        """As `RawHead.decode`; a model without objectness is as sure of the object as of its surest class."""
        rows = output[0].T if self._turned else output[0]
        values = _floats(rows, self._tensor)
        classes = values[:, _BOX + self._has_objectness :]
        sure = values[:, _BOX] if self._has_objectness else classes.max(axis=1)
        kept = np.flatnonzero(~(sure <= self._threshold))
        box, sure, classes = values[kept, :_BOX] / self._sides, sure[kept], classes[kept]
        half = box[:, 2:] / 2
        boxes = np.concatenate([box[:, :2] - half, box[:, :2] + half], axis=1)
        return boxes, sure, classes if self._has_objectness else classes / np.maximum(sure, _EPSILON)[:, None]


def heads_of(outputs: Sequence[Tensor], anchors: Sequence[Anchors]) -> list[tuple[int, Anchors]]:
    """Which output each list of anchors is of: the first that of the fewest places.

    Raises:
        ModelMismatch: Not as many raw heads as lists, or two of one size.
    """
    ordered = sorted(range(len(outputs)), key=lambda place: int(np.prod(outputs[place].shape[1:3])))
    grids = [outputs[place].shape[1:3] for place in ordered]
    if any(len(tensor.shape) != 4 or tensor.dtype.name not in _TYPES for tensor in outputs) or len(set(grids)) < len(
        grids
    ):
        raise ModelMismatch(
            f"the model has {shapes(outputs)}, but raw heads are [1, rows, columns, values] of different grids; for an export "
            "with one output set model.form=v5 or model.form=v8"
        )
    if len(anchors) != len(outputs):
        raise ModelMismatch(
            f"the model has {len(outputs)} heads, but there are anchors for {len(anchors)}: name a list a head, from the "
            "fewest places to the most (model.anchors, or model.cfg=FILE)"
        )
    return list(zip(ordered, anchors, strict=True))


def suppress(
    boxes: Array, scores: Array, classes: Array, kind: Suppression, threshold: float, exponent: float
) -> list[int]:
    """Greedy suppression among boxes of one class: which stay, surest first.

    `diou` takes (distance of the centres / diagonal around both) ** (2 * exponent) off the overlap before it is held against
    the threshold (Zheng et al., "Distance-IoU Loss", arXiv 1911.08287, with Darknet's exponent), `iou` nothing.

    Args:
        boxes: float32 [n, 4] x_min, y_min, x_max, y_max.
        scores: [n].
        classes: [n].
        kind: See above.
        threshold: What overlaps more is left out.
        exponent: See above.
    """
    order = np.argsort(-scores, kind="stable")[:_MOST]
    left, top, right, bottom = boxes[order].T
    across = np.minimum(right[:, None], right) - np.maximum(left[:, None], left)
    down = np.minimum(bottom[:, None], bottom) - np.maximum(top[:, None], top)
    shared = np.maximum(across, 0) * np.maximum(down, 0)
    area = (right - left) * (bottom - top)
    overlap = shared / np.maximum(area[:, None] + area - shared, _EPSILON)
    if kind == "diou":
        x, y = left + right, top + bottom
        apart = ((x[:, None] - x) ** 2 + (y[:, None] - y) ** 2) / 4
        around = (np.maximum(right[:, None], right) - np.minimum(left[:, None], left)) ** 2
        around += (np.maximum(bottom[:, None], bottom) - np.minimum(top[:, None], top)) ** 2
        overlap -= (apart / np.maximum(around, _EPSILON)) ** exponent
    same = overlap > threshold
    if len(order) and (classes != classes[0]).any():
        of = classes[order]
        same &= of[:, None] == of
    stays, gone = [], np.zeros(len(order), bool)
    for place in range(len(order)):
        if not gone[place]:
            stays.append(int(order[place]))
            gone |= same[place]
    return stays


def _floats(raw: Array, tensor: Tensor) -> Array:
    values = raw.astype(np.float32)
    if tensor.scale:
        values -= np.float32(tensor.zero_point)
        values *= np.float32(tensor.scale)
    return values
