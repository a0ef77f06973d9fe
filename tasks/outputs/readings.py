"""Other ways in which logged labels and their ground truth may have been meant: what the tasks that name one class share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import get_args

import numpy as np

from accuracy.answers.log import Answer, Sample
from accuracy.answers.wire import LabelDtype, unpack_labels
from accuracy.metric.doubt import OtherReading
from accuracy.metric.label_readings import LabelReading, hits
from accuracy.metric.label_readings import label_readings as readings_of_labels
from tasks.base import Reading

_NUMBER = re.compile(r"(\d+)")


def numeric_order(names: Iterable[str]) -> list[str]:
    """Names sorted by the numbers in them, as a person counts: 2.jpg before 10.jpg."""
    return sorted(
        names, key=lambda name: [(int(part), "") if part.isdecimal() else (-1, part) for part in _NUMBER.split(name)]
    )


def numeric_places(names: Sequence[str]) -> list[int] | None:
    """The places of the names in their numeric order, where that is another."""
    place = {name: index for index, name in enumerate(names)}
    places = [place[name] for name in numeric_order(names)]
    return None if places == list(range(len(names))) else places


def known_reading(reading: OtherReading) -> Reading:
    """A reading that has the answers already."""
    return Reading(reading.words, reading.meaning, lambda _: reading.score(), reading.last_resort)


def label_readings(
    names: Sequence[str],
    truth: Sequence[int],
    class_count: int,
    dtype: LabelDtype,
    numeric_truth: Sequence[int] | None = None,
    orders: Sequence[LabelReading] = (),
) -> Iterator[Reading]:
    """Labels shifted either way or in another order, samples or labels in another order, labels of another type.

    Args:
        names: Of the samples.
        truth: Their labels.
        class_count: Classes that a label may name.
        dtype: Of the logged labels.
        numeric_truth: Their labels where those by position are given out in the numeric order of the names; None where
            the labels have names of their own.
        orders: Of the classes, that the task knows of.
    """

    def top1(
        truth: Sequence[int] = truth, dtype: LabelDtype = dtype, share: Callable[..., float] = hits
    ) -> Callable[[Iterable[Answer]], float]:
        def score(answers: Iterable[Answer]) -> float:
            best = np.zeros(len(names), np.int64)
            for index, data in answers:
                with Sample(index, names):
                    best[index] = unpack_labels(data, class_count + 1, dtype)[0]
            return share(best, np.asarray(truth, np.int64))

        return score

    numeric = numeric_order(names)
    if numeric != list(names):
        label_of = dict(zip(names, truth, strict=True))
        yield Reading(
            "samples in the numeric order of their names",
            "the log counts 2.jpg before 10.jpg, where samples have the order of their sorted names",
            top1(truth=[label_of[name] for name in numeric]),
        )
        if numeric_truth is not None:
            yield Reading(
                "labels in the numeric order of the file names",
                "labels by position are those of the sorted names, 10.jpg before 2.jpg: give the labels names, or the names "
                "leading zeros",
                top1(truth=numeric_truth),
            )
    for other in get_args(LabelDtype):
        if other != dtype:
            yield Reading(f"labels of {other}", f"the log was written with log_dtype {other}", top1(dtype=other))
    for reading in readings_of_labels(class_count, orders):
        yield Reading(reading.words, reading.meaning, top1(share=reading.share), reading.last_resort)
