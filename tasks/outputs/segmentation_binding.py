"""Where a segmentation model's one output has its classes: a class map, or scores with the classes on one of the axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from accuracy.answers import grids
from native import answers as in_c
from tasks.base import Array, ModelMismatch, Tensor
from tasks.pictures.pixels.inputs import shapes
from tasks.pictures.pixels.picture_tensor import PictureTensor

_MAP_TYPES = ("int32", "int64", "uint8", "int8", "int16", "float32", "float16")
_SCORE_TYPES = ("float32", "float16", "uint8", "int8", "int16")


@dataclass(frozen=True, slots=True)
class ClassOutput:
    """How the class of each pixel is found."""

    axis: int | None
    """The axis of scores, counted from the last; None where the output is the class map itself."""
    in_floats: bool
    """Whether the class map is floats: nothing but its values tells it from probabilities."""
    zero_point: int = 0
    """Of a class map in quantised steps of 1: what stands for class 0."""


def bind_classes(outputs: Sequence[Tensor], picture: PictureTensor, classes: int) -> ClassOutput:
    """Finds the classes.

    Args:
        outputs: The model's.
        picture: Its input: the map has its sides.
        classes: With the background.

    Raises:
        ModelMismatch: Another number of outputs, sides, classes or types, or one score a pixel.
    """
    height, width = picture.height, picture.width
    output = outputs[0] if len(outputs) == 1 else None
    shape = () if output is None else tuple(output.shape)
    without_batch = shape[1:] if len(shape) > 2 and shape[0] == 1 else shape
    maps = ((height, width), (height, width, 1), (1, height, width))
    if output is not None and without_batch in maps and output.dtype.name in _MAP_TYPES:
        _refuse_scores_of_one_class(output, explicit=len(without_batch) == 3)
        return ClassOutput(None, output.dtype.kind == "f", output.zero_point)
    last, first = (height, width, classes), (classes, height, width)
    # Where the shape tells nothing, the output is as the input.
    axes = {last: -1, first: -3} if picture.nchw else {first: -3, last: -1}
    if output is not None and without_batch in axes and output.dtype.name in _SCORE_TYPES:
        return ClassOutput(axes[without_batch], in_floats=False)
    raise ModelMismatch(
        f"segmentation needs one output, a class map [1, {height}, {width}] ({', '.join(_MAP_TYPES)}) or scores "
        f"[1, {height}, {width}, {classes}] or [1, {classes}, {height}, {width}] ({', '.join(_SCORE_TYPES)}), with the "
        f"batch or without; the model has {shapes(outputs)}. The number of classes is the option num_classes."
    )


def class_map_answer(class_map: Array, height: int, width: int) -> bytes:
    """A class map as it is logged (`accuracy.answers.grids`). On the timed path: some ten microseconds for 512x512 in C.

    Args:
        class_map: Whole numbers of any type, `height` times `width` of them.
        height: Of the map.
        width: Of the map.

    Raises:
        ValueError: A class outside 0 to 255, or a fraction.
    """
    if in_c is not None:
        packed: bytes | None = in_c.class_map(class_map, *grids.class_map_headers(height, width))
        if packed is not None:
            return packed
    return grids.pack_class_map(logged_classes(class_map).reshape(height, width))


def logged_classes(class_map: Array) -> Array:
    """A class map as bytes, which are logged.

    Raises:
        ValueError: A class outside 0 to 255, or a fraction.
    """
    if class_map.dtype == np.uint8:
        return class_map
    least, most = class_map.min(), class_map.max()
    if not (least >= 0 and most <= 255):
        raise ValueError(f"the model's class map holds classes from {least} to {most}; 0 to 255 can be scored")
    if (fraction := _fraction(class_map)) is not None:
        raise ValueError(_no_class(fraction))
    return class_map.astype(np.uint8)


def refuse_fractions(class_map: Array) -> None:
    """Refuses a model whose floats are no classes.

    Raises:
        ModelMismatch: A fraction is among them.
    """
    if (fraction := _fraction(class_map)) is not None:
        raise ModelMismatch(_no_class(fraction))


def _fraction(class_map: Array) -> float | None:
    broken = class_map != np.trunc(class_map)
    return float(class_map[broken][0]) if broken.any() else None


def _no_class(value: float) -> str:
    return (
        f"the model's output holds {value:g}, which is no class: a class map has whole numbers. Does it give probabilities? "
        "Segmentation needs the class of each pixel, or a score for each class"
    )


def _refuse_scores_of_one_class(output: Tensor, *, explicit: bool) -> None:
    """A map of classes counts; one whose numbers have a scale, or floats on an axis of one class, are scores."""
    scaled = output.scale not in (0.0, 1.0)
    if scaled or (explicit and output.dtype.kind == "f"):
        how = f", with scale {output.scale:g}" if scaled else ""
        raise ModelMismatch(
            f"the model's output {shapes([output])}{how} is one score a pixel, as of a model that parts a person from the "
            "background; segmentation needs the class of each pixel, in whole numbers, or a score for each class"
        )
