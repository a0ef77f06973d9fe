"""A score with what is needed to judge it: how much was scored, how far it can be trusted, what each sample adds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from accuracy.confidence.interval import Interval, wilson

Float64 = npt.NDArray[np.float64]
Redrawn = Callable[[Float64], Mapping[str, Float64]]
"""Metrics of sets of the scored units that are drawn again: takes [sets, units] how often each is in each set, and gives [sets]
by metric, NaN where a set has none."""


@dataclass(frozen=True, slots=True, eq=False)
class Score(Mapping[str, float]):
    """The metrics by name, and what belongs to the first of them, the headline.

    Example:
        score = Score({"top1": 0.75}, unit="pictures", count=4)
        score["top1"], score.interval
    """

    metrics: Mapping[str, float]
    """Fractions of 1, PSNR in dB."""
    unit: str
    """What was scored, in the plural: `pictures`, `questions`, `samples`."""
    count: int
    """How many."""
    interval: Interval | None = None
    """Of the headline."""
    parts: npt.NDArray[np.float64] | None = field(default=None, repr=False)
    """[count] what each scored unit adds, 0 to 1, where the headline is their mean; else None."""
    notes: tuple[str, ...] = ()
    """What one should know of these figures, a line each."""
    means: Mapping[str, Float64] = field(default_factory=dict, repr=False)
    """Metric -> [count] what each scored unit adds, in their order, of metrics that are the mean of that."""
    redrawn: Redrawn | None = field(default=None, repr=False)
    """Metrics that are no such means, of other sets of the units, in the order of `means`; None where there are none."""
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    """Metric -> its interval, of those that do not hang on which units were drawn: a count of events."""
    details: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """What the headline is made of, by its own name: `iou_by_class`, `psnr_db_by_picture`."""

    def with_notes(self, notes: Iterable[str]) -> Score:
        """The same with more notes behind its own."""
        return replace(self, notes=(*self.notes, *notes))

    def __getitem__(self, name: str) -> float:
        """The metric of this name."""
        return self.metrics[name]

    def __iter__(self) -> Iterator[str]:
        """The metrics' names, the headline first."""
        return iter(self.metrics)

    def __len__(self) -> int:
        """Number of metrics."""
        return len(self.metrics)


def of_hits(metrics: Mapping[str, float], hits: Mapping[str, Float64], count: int, unit: str) -> Score:
    """The score whose headline is a share of hits.

    Args:
        metrics: By name, the headline first.
        hits: Metric -> [count] 1 for a hit and 0 for none, of the headline and of whatever else is such a share.
        count: Of samples.
        unit: What a sample is, in the plural.
    """
    parts = hits[next(iter(metrics))] if metrics else np.zeros(0)
    return Score(metrics, unit, count, wilson(int(parts.sum()), count), parts if metrics else None, means=hits)


def beyond_note(predicted: Iterable[str], wanted: Iterable[str], truth: Path) -> list[str]:
    """A note of predictions that the ground truth knows nothing of, nothing where there are none."""
    if not (beyond := sorted(set(predicted) - set(wanted))):
        return []
    return [
        f"{len(beyond):,} predictions have nothing of their name in {truth} and do not count, the first is {beyond[0]}"
    ]
