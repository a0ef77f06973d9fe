"""How far points are off: the mean distance to the reference points, as a share of a length that is the picture's own.

The normalised mean error of face alignment (Sagonas et al., "300 Faces in-the-Wild Challenge", 2016): the mean over the points
of their distance to the reference, divided by the distance of the outer corners of the eyes. For hands and poses another pair
of points takes the eyes' place. `nme` is in the plane of the picture, as that challenge has it, `nme_3d` with the depth.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from accuracy.confidence.interval import bootstrap_mean
from accuracy.errors import TruthError
from accuracy.metric.score import Score

Points = npt.NDArray[np.float64]


class UnitPair(NamedTuple):
    """The two points whose distance is the unit."""

    first: int
    second: int


class NormalisedError:
    """The mean error over pictures; memory grows by a number a picture."""

    def __init__(self, unit: UnitPair) -> None:
        """Starts without pictures.

        Args:
            unit: Whose distance in the reference, in the plane, the errors are divided by.
        """
        self._unit = unit
        self._flat: list[float] = []
        self._deep: list[float] = []

    def update(self, found: Points, wanted: Points) -> float:
        """Counts one picture.

        Args:
            found: [points, 2 or 3], in any unit that is the same along all axes.
            wanted: The reference, likewise.

        Returns:
            Its error in the plane.

        Raises:
            TruthError: The two points of the unit are one in the reference.
        """
        apart = wanted[self._unit.first, :2] - wanted[self._unit.second, :2]
        unit = float(np.hypot(*apart))
        if not unit > 0:
            raise TruthError(
                f"points {self._unit.first} and {self._unit.second} of the reference are one: there is no unit"
            )
        flat = float(np.linalg.norm(found[:, :2] - wanted[:, :2], axis=1).mean()) / unit
        self._flat.append(flat)
        if wanted.shape[1] > 2:
            self._deep.append(float(np.linalg.norm(found - wanted, axis=1).mean()) / unit)
        return flat

    def score(self) -> Score:
        """`nme`, and `nme_3d` where the points have a depth."""
        metrics = {"nme": float(np.mean(self._flat))}
        means = {"nme": np.array(self._flat)}
        if self._deep:
            metrics["nme_3d"] = float(np.mean(self._deep))
            if len(self._deep) == len(self._flat):
                means["nme_3d"] = np.array(self._deep)
        return Score(metrics, "pictures", len(self._flat), bootstrap_mean(means["nme"]), means=means)
