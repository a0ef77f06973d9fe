"""Metrics of the user's own, which an installed package brings by an entry point in the group `tflite_loadgen.metrics`.

    [project.entry-points."tflite_loadgen.metrics"]
    worst_angle = "my_metrics:WorstAngle"

The entry point names a class without arguments. One of it is made for each output of the model, told of every sample, and asked
at the end. Its attributes `unit` (`share`, `dB` or `count`, any other number) and `lower_is_better` say how a target reads it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Literal, Protocol, cast

import numpy.typing as npt

from accuracy.errors import MetricUnusable
from accuracy.outside.shown import some

GROUP = "tflite_loadgen.metrics"
Unit = Literal["share", "dB", "count"]
_UNITS = ("share", "dB", "count")


class RunningMetric(Protocol):
    """What such a class does."""

    def update(self, found: npt.NDArray[Any], expected: npt.NDArray[Any]) -> None:
        """Counts one sample of one output: two arrays of one shape, in real units."""

    def compute(self) -> float:
        """The figure of all samples."""


@dataclass(frozen=True, slots=True)
class OwnMetric:
    """One that can be named."""

    name: str
    make: Callable[[], RunningMetric]
    unit: Unit
    lower_is_better: bool


def own_metric_names() -> list[str]:
    """All that are installed here."""
    return sorted({entry.name for entry in metadata.entry_points(group=GROUP)})


def own_metric(name: str) -> OwnMetric:
    """The metric of this name.

    Raises:
        MetricUnusable: Nobody brings it, or what brings it cannot be used; the message names it and keeps its error.
    """
    for entry in metadata.entry_points(group=GROUP, name=name):
        try:
            found = entry.load()
        except (Exception, SystemExit) as error:
            # Whatever a package does when it is imported.
            raise MetricUnusable(
                f"metric {name!r} cannot be loaded from {entry.value}: {type(error).__name__}: {error}"
            ) from error
        unit = getattr(found, "unit", "count")
        if not isinstance(found, type) or not all(
            callable(getattr(found, each, None)) for each in ("update", "compute")
        ):
            raise MetricUnusable(
                f"metric {name!r} is {found!r} in {entry.value}: a class with update(found, expected) and compute() is wanted"
            )
        if unit not in _UNITS:
            raise MetricUnusable(
                f"metric {name!r} counts in {unit!r} in {entry.value}: choose one of {', '.join(_UNITS)}"
            )
        lower = getattr(found, "lower_is_better", False)
        if not isinstance(lower, bool):
            raise MetricUnusable(
                f"lower_is_better of the metric {name!r} is {lower!r} in {entry.value}: True or False is wanted"
            )
        return OwnMetric(name, found, cast("Unit", unit), lower)
    known = some(own_metric_names()) or "none"
    raise MetricUnusable(f"no installed package brings a metric {name!r} (entry points of {GROUP}); here are: {known}")
