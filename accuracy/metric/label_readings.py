"""Other ways in which answered labels may have been meant: shifted, exchanged, counted in another order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]

_SHARE = 0.2
_FEWEST_CLASSES = 3
"""Of those that are hit: with fewer, one answer given always, or a picture or two, would pass for a numbering."""
_FEWEST_OF_TWO = 10
"""Samples of two classes: with fewer, a model that only guesses may have nearly all wrong."""
_TO_EACH = 8
"""Samples to each answered class, before an order of the classes can be told from chance."""
_MOSTLY = 0.5
"""The least share of hits that an order of the classes explains, and so far above chance."""
_NO_LABEL = -1


class LabelReading(NamedTuple):
    """Another way in which labels may have been meant."""

    words: str
    meaning: str
    share: Callable[[Int64, Int64], float]
    """From the best labels of all samples and the true ones: the share of hits, read so; 0 where they say too little."""
    last_resort: bool = False


def chance_of(classes: int) -> float:
    """A share of hits that guessing may reach: that of blind guesses, and a fifth of the way from there to all."""
    return 1 / classes + _SHARE * (1 - 1 / classes)


def label_readings(classes: int, orders: Sequence[LabelReading] = ()) -> Iterator[LabelReading]:
    """Labels shifted either way, exchanged, in the order of their numbers as text, and in any other order.

    Args:
        classes: That a label may name.
        orders: More of them, that a task knows of (`in_order`).
    """
    yield LabelReading(
        "labels shifted by one",
        "the answers count a background class before the first, as models of 1001 classes do",
        lambda answered, truth: hits(answered - 1, truth),
    )
    yield LabelReading(
        "labels shifted by one",
        "the ground truth counts a class, or starts at 1, where the answers do not",
        lambda answered, truth: hits(answered + 1, truth),
    )
    if classes == 2:
        yield LabelReading(
            "the two classes exchanged",
            "the model's first class is the ground truth's second: name the model's classes in its own order, or label so",
            _exchanged,
        )
        return
    for first in (0, 1):
        by_text = [int(number) - first for number in sorted(map(str, range(first, classes + first)))]
        if by_text == list(range(classes)):
            continue
        words = f"classes in the order of their numbers from {first} as text (1, 10, 11, ... 2)"
        yield in_order(
            words, "the model counts its classes so, as Keras sorts folders: name its classes in its order", by_text
        )
        yield in_order(
            words, "the ground truth counts its classes so, as Keras sorts folders", np.argsort(by_text).tolist()
        )
    yield from orders
    yield LabelReading(
        "classes in another order",
        "the answers go with the true classes one to one, but under other numbers: is the model's list of classes, or the "
        "ground truth's, another?",
        partial(_in_any_order, classes),
        last_resort=True,
    )


def in_order(words: str, meaning: str, labels: Sequence[int]) -> LabelReading:
    """Classes in a known order: the place of each is what is answered, and holds the label that is meant."""
    table = np.array([*labels, _NO_LABEL], np.int64)
    return LabelReading(words, meaning, lambda answered, truth: hits(table[np.minimum(answered, len(labels))], truth))


def hits(meant: Int64, truth: Int64, fewest: int = _FEWEST_CLASSES) -> float:
    """The share of samples whose label is the true one; 0 where these are of fewer than `fewest` classes."""
    hit = meant == truth
    return float(hit.mean()) if len(np.unique(truth[hit])) >= fewest else 0.0


def _exchanged(answered: Int64, truth: Int64) -> float:
    return hits(1 - answered, truth, fewest=2) if len(truth) >= _FEWEST_OF_TWO else 0.0


def _in_any_order(classes: int, answered: Int64, truth: Int64) -> float:
    if len(truth) < _TO_EACH * len(np.unique(answered)):
        return 0.0
    counts = np.zeros((int(answered.max()) + 1, classes), np.int64)
    np.add.at(counts, (answered, truth), 1)
    found = hits(one_to_one(counts)[answered], truth)
    return found if found >= max(_MOSTLY, chance_of(classes) + _SHARE) else 0.0


def one_to_one(counts: Int64) -> Int64:
    """Which true class each answered one goes with most often, no true class twice.

    Args:
        counts: [answered, true] how often the two came together.

    Returns:
        [answered] the true class, or -1.
    """
    table = np.full(len(counts), _NO_LABEL, np.int64)
    answered, true = np.nonzero(counts)
    taken = set[int]()
    for place in np.argsort(-counts[answered, true], kind="stable").tolist():
        one, other = int(answered[place]), int(true[place])
        if table[one] == _NO_LABEL and other not in taken:
            table[one] = other
            taken.add(other)
    return table
