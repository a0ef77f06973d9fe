"""Other ways in which class maps may have been meant: other classes, rows for columns, other pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from accuracy.metric.doubt import OtherReading
from accuracy.metric.label_readings import one_to_one

Array = npt.NDArray[Any]
Pairs = Callable[[Sequence[int] | None], Iterable[tuple[Array, Array]]]
"""The maps with their annotations, of the same size; of those at other places where an order is given."""

_MOST_CLASSES = 256
_FEWEST_CLASSES = 3
"""Scored classes that are hit: with fewer, a large one that covers another by chance would pass for a numbering."""
_SEEN = 0.25
"""The least mean over the classes that occur at which maps and annotations look alike."""
_SEEN_IN_ANY_ORDER = 0.4
_CHANGES: Sequence[tuple[str, str, Callable[[Array], Array]]] = (
    (
        "classes shifted by one",
        "the model counts a class (a background?) before those of the annotations",
        lambda labels: np.where(labels > 0, labels.astype(np.int16) - 1, 0),
    ),
    (
        "classes shifted by one",
        "the model counts one class less than them",
        lambda labels: np.minimum(labels.astype(np.int16) + 1, _MOST_CLASSES - 1),
    ),
    ("class maps transposed", "the model gives columns for rows", np.transpose),
    ("class maps upside down", "the model gives the last row first", np.flipud),
    ("class maps mirrored", "the model gives the last column first", np.fliplr),
)


class ClassMapMetric(Protocol):
    """`MeanIoU`, which this is about and which is about this."""

    def update(self, prediction: Array, truth: Array) -> None:
        """Counts one picture."""

    def compute(self) -> Mapping[str, float]:
        """`miou`, and `miou_present` where a class occurs."""

    def per_class(self) -> list[tuple[int, float]]:
        """(class, IoU) of every class that was predicted or occurs."""


class MapReadings:
    """The readings of some maps."""

    def __init__(
        self,
        pairs: Pairs,
        metric: Callable[[], ClassMapMetric],
        classes: int,
        numeric: Sequence[int] | None = None,
    ) -> None:
        """Takes the maps.

        Args:
            pairs: Reads them once more.
            metric: Counts them.
            classes: That there are, the background among them.
            numeric: The places in the numeric order of the pictures' names, where that is another.
        """
        self._pairs = pairs
        self._metric = metric
        self._classes = classes
        self._numeric = numeric

    def __iter__(self) -> Iterator[OtherReading]:
        """All of them."""
        for words, meaning, change in _CHANGES:
            yield OtherReading(words, meaning, partial(self._score, change))
        if self._numeric is not None:
            yield OtherReading(
                "samples in the numeric order of their names",
                "the log counts 2.jpg before 10.jpg, where samples have the order of their sorted names",
                partial(self._score, np.asarray, order=self._numeric),
            )
        yield OtherReading(
            "classes in another order",
            "the maps go with the annotations class by class, but under other ids: is the model's list of classes another?",
            self._in_any_order,
            last_resort=True,
        )

    def _score(
        self, change: Callable[[Array], Array], order: Sequence[int] | None = None, least: float = _SEEN
    ) -> float:
        metric = self._metric()
        for labels, truth in self._pairs(order):
            changed = change(labels)
            if changed.shape != truth.shape:
                return 0.0
            metric.update(changed, truth)
        found = metric.compute()
        hit = sum(iou > 0 for _, iou in metric.per_class())
        alike = found.get("miou_present", 0.0)
        return alike if hit >= min(_FEWEST_CLASSES, self._classes - 1) and alike >= least else 0.0

    def _in_any_order(self) -> float:
        counts = np.zeros((_MOST_CLASSES, _MOST_CLASSES), np.int64)
        for labels, truth in self._pairs(None):
            known = truth < self._classes
            counts += np.bincount(
                labels[known].astype(np.int64) * _MOST_CLASSES + truth[known], minlength=_MOST_CLASSES**2
            ).reshape(counts.shape)
        table = np.maximum(one_to_one(counts), 0)
        return self._score(lambda labels: table[labels], least=_SEEN_IN_ANY_ORDER)
