"""The classes of a class map: their names, and what annotations have beyond the model's."""

from __future__ import annotations

import numpy as np

from accuracy.truth.class_names import ClassNames
from tasks.base import Array, ModelMismatch
from tasks.codecs.segmentation import ADE20K_CLASSES

_NO_CLASS = 255
"""How annotations mark pixels that are of none."""


def annotated_beyond(pixels: Array, class_count: int) -> list[str]:
    """Annotated classes that the model does not have: they are no part of a score, which then is of the others alone.

    The mobile benchmark leaves out all of ADE20K's classes from 32 on, by its rule.

    Args:
        pixels: Of each class in the annotations, int64 [256].
        class_count: The model's.
    """
    beyond = np.flatnonzero(pixels[class_count:_NO_CLASS]) + class_count
    if class_count == ADE20K_CLASSES or not len(beyond):
        return []
    share = pixels[beyond].sum() / pixels[1:_NO_CLASS].sum()
    return [
        f"{share:.1%} of the annotated pixels are of {len(beyond)} classes from {beyond[0]} to {beyond[-1]}, but the model has "
        f"the classes 0 to {class_count - 1}: they do not count. Are these the annotations of this model's classes?"
    ]


def unannotated(areas: Array, class_count: int) -> list[str]:
    """Pictures of which nothing counts, since their annotations have no pixel of a scored class: all 255, say.

    Args:
        areas: As `MeanIoU.tally` has them, [pictures, 3, classes].
        class_count: The model's.
    """
    empty = int(np.count_nonzero(~areas[:, 1].any(axis=1)))
    if not empty:
        return []
    return [
        f"{empty:,} of the {len(areas):,} pictures have no pixel of the classes 1 to {class_count - 1} in their annotations: "
        "nothing of them counts, whatever the model says of them"
    ]


def names_of_maps(names: ClassNames, class_count: int | None) -> tuple[str, ...]:
    """The names of a class map's values, from 0.

    Args:
        names: As they are listed; an opening background may be left out.
        class_count: Of the model; None where nothing says it.

    Raises:
        ModelMismatch: There are more or fewer.
    """
    if class_count is None or len(names) == class_count:
        return names.names
    if len(names) == class_count - 1 and not names.opens_with_background:
        return ("background", *names.names)
    raise ModelMismatch(
        f"{names.source} has {len(names)} names, but the model has {class_count} classes, the background among them: are "
        "they the names of this model?"
    )
