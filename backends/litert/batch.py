"""Several samples in one run of the model: rows are copied next to each other, answers are looked at one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Rows = Sequence[Sequence[Array]]
"""The inputs of one sample each."""
RunBatch = Callable[[Rows], Rows]
"""From the inputs of as many samples as the model was opened for, to the outputs of each."""


def split(arrays: Sequence[Array]) -> list[list[Array]]:
    """Views: of each sample, its part of every array, with a leading dimension of 1."""
    return [[array[place : place + 1] for array in arrays] for place in range(len(arrays[0]))]


def filler(given: Sequence[Array]) -> Callable[[Rows], None]:
    """What copies samples into arrays that hold a batch."""
    slots = split(given)
    if len(given) == 1:
        places = [slot[0] for slot in slots]

        def fill_one(rows: Rows) -> None:
            for place, row in zip(places, rows, strict=True):
                place[...] = row[0]

        return fill_one

    def fill(rows: Rows) -> None:
        for slot, row in zip(slots, rows, strict=True):
            for place, array in zip(slot, row, strict=True):
                place[...] = array

    return fill


def stacking(shapes: Sequence[tuple[int, ...]], dtypes: Sequence[Any], run: Callable[..., Sequence[Array]]) -> RunBatch:
    """For an engine whose memory cannot be written: through arrays of our own."""
    given = [np.zeros(shape, dtype) for shape, dtype in zip(shapes, dtypes, strict=True)]
    fill = filler(given)

    def run_batch(rows: Rows) -> Rows:
        fill(rows)
        return split(run(given))

    return run_batch
