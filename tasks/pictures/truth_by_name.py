"""Pictures whose ground truth is one file a picture, found by its name without the suffix."""

from __future__ import annotations

from collections import Counter

from tasks.base import DataMissing
from tasks.pictures.folders import Pictures
from tasks.pictures.pixels.decoding import size_in_opening, size_of


def stems(pictures: Pictures) -> list[str]:
    """The names without suffix, in the order of the samples.

    Raises:
        DataMissing: Two pictures differ in their suffix only, so that both would get one ground truth.
    """
    names = [pictures.stem(index) for index in range(len(pictures))]
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise DataMissing(f"{pictures.path} has more than one picture named {', '.join(twice[:5])}: remove the others")
    return names


def picture_size(pictures: Pictures, index: int) -> tuple[int, int] | None:
    """(height, width), from the file's header; None for a headerless picture (.rgb8, .bin), whatever the model takes.

    Raises:
        DataMissing: Not a picture; the message names it.
    """
    name = pictures.names[index]
    if (size := size_in_opening(pictures.opening(index), name)) is not None:
        return size
    return size_of(pictures.read(index), name)
