"""Ground truth of points: a line a picture, `file,x0,y0,z0,x1,...`, in pixels of the picture.

z is optional, and measured as x is.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from accuracy.errors import TruthError
from accuracy.outside.text_files import NotText, lines_of, read_text

Points = npt.NDArray[np.float64]


def read_points(path: Path, count: int) -> Mapping[str, Points]:
    """The points of each picture by its file name, float64 [count, 2 or 3].

    Args:
        path: Of the file.
        count: Of the model's points.

    Raises:
        TruthError: It cannot be read, has another header or number of points, or a line that is no such list.
    """
    try:
        head, *rows = list(csv.reader(lines_of(read_text(path).rstrip())))
    except OSError as error:
        raise TruthError(f"no points at {path}: {error.strerror}") from None
    except (NotText, csv.Error, ValueError) as error:
        raise TruthError(f"{path} is no list of points: {error}") from None
    axes = "xyz" if "z0" in head else "xy"
    wanted = ["file", *(f"{axis}{point}" for point in range(count) for axis in axes)]
    if head != wanted:
        raise TruthError(
            f"{path} has a header of {len(head)} columns that opens with {','.join(head[:4])[:60]!r}, but {count} points in "
            f"{len(axes)} dimensions are file,{','.join(wanted[1:4])}, ... ({len(wanted)} columns)"
        )
    found: dict[str, Points] = {}
    for number, row in enumerate(rows, 2):
        try:
            values = np.array([float(value) for value in row[1:]])
        except ValueError:
            values = np.empty(0)
        if len(row) != len(head) or not len(values) or not np.isfinite(values).all():
            raise TruthError(f"{path}, line {number} is no file name and {len(head) - 1} numbers")
        if row[0] in found:
            raise TruthError(f"{path}, line {number} has the points of {row[0]} again")
        found[row[0]] = values.reshape(count, len(axes))
    if not found:
        raise TruthError(f"{path} holds no points, only a header")
    return found
