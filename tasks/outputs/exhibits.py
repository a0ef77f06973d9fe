"""What a model said of single samples beside what is right, for people to look at."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

UInt8Array = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class ExhibitBox:
    """A box in a picture. Its place is in fractions of the picture's sides."""

    x: float
    y: float
    width: float
    height: float
    label: str
    score: float | None = None
    """How sure the model is; None of a true one."""
    right: bool = True
    """Of the model's: whether it found a true one. Of a true one: whether it was found."""


@dataclass(frozen=True, slots=True, eq=False)
class Exhibit:
    """One sample."""

    name: str
    """Of the sample in its set."""
    quality: float
    """0 for wholly wrong, 1 for right."""
    said: str
    """What the model answered, in words."""
    truth: str
    """What is right."""
    picture: UInt8Array | None = None
    """[height, width, 3] the sample itself, RGB."""
    said_picture: UInt8Array | None = None
    """Likewise, of an answer that is a picture or a map."""
    true_picture: UInt8Array | None = None
    """What it should have been."""
    said_boxes: tuple[ExhibitBox, ...] = ()
    true_boxes: tuple[ExhibitBox, ...] = ()
    said_points: tuple[tuple[float, float], ...] = ()
    """(x, y) of each, in fractions of the picture's sides."""
    true_points: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Exhibition:
    """The worst samples of a run, and what is taken for what."""

    exhibits: tuple[Exhibit, ...] = ()
    """The worst first."""
    judged: int = 0
    """Samples that they were chosen from."""
    confused: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """(right, said) -> how often, where they differ; of tasks that name a class."""


@dataclass(frozen=True, slots=True)
class Named:
    """One sample whose answer is a class."""

    index: int
    said: tuple[int, ...]
    """Best first, at least one."""
    truth: int

    @property
    def quality(self) -> float:
        """1 for right, less the later the true class comes, 0 where it does not."""
        return 1 / (1 + self.said.index(self.truth)) if self.truth in self.said else 0.0


def worst_named(samples: Iterable[Named], most: int) -> tuple[list[Named], int, Counter[tuple[int, int]]]:
    """The worst samples of those whose answer is a class, how many there were, and (right, said) -> how often.

    Of equally bad ones the first. Memory grows with `most` and the pairs alone.
    """
    confused: Counter[tuple[int, int]] = Counter()
    judged = 0

    def counted() -> Iterable[Named]:
        nonlocal judged
        for sample in samples:
            judged += 1
            if sample.said[0] != sample.truth:
                confused[sample.truth, sample.said[0]] += 1
            yield sample

    worst = heapq.nsmallest(most, counted(), key=lambda sample: (sample.quality, sample.index))
    return worst, judged, confused


def coloured(class_map: npt.NDArray[Any]) -> UInt8Array:
    """A class map as a picture, [height, width, 3]: a colour a class, far apart for neighbours, 0 black, 255 white.

    The colours are those of PASCAL VOC's own tool (VOCdevkit, VOClabelcolormap.m): the bits of the class's number, spread
    over the three channels.
    """
    classes = np.arange(256)
    table = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        for channel in range(3):
            table[:, channel] |= (((classes >> (3 * bit + channel)) & 1) << (7 - bit)).astype(np.uint8)
    table[255] = 255
    return table[np.asarray(class_map, np.uint8)]
