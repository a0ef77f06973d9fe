"""What answers come to before there is a figure: rows of numbers, in the answers' order.

A log may be judged in parts, on several machines: the tally of the whole is that of its parts, one behind the other, so the
figures made of it are the same to the last digit however it was cut.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Tally = Mapping[str, npt.NDArray[Any]]
"""Columns by name: numbers or texts, never objects."""


def joined(parts: Sequence[Tally]) -> Tally:
    """The tally of all answers.

    Args:
        parts: Of the answers, in their order; one at least. A column that one of them lacks is in none: what is not known of
            some samples is not known of all.
    """
    common = [name for name in parts[0] if all(name in part for part in parts)]
    return {name: np.concatenate([part[name] for part in parts]) for name in common}


def packed(tally: Tally) -> bytes:
    """As it travels, and as it is kept: numpy's `.npz`."""
    with io.BytesIO() as file:
        columns: dict[str, Any] = dict(tally)
        np.savez(file, **columns)
        return file.getvalue()


def unpacked(data: bytes) -> Tally:
    """What `packed` has made.

    Raises:
        ValueError: It is something else.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as columns:
            return {name: columns[name] for name in columns.files}
    except Exception as error:
        # Whatever damage makes of zipfile and of numpy's reader, which parses a header as Python's own parser does.
        raise ValueError(f"no tally: {error}") from None
