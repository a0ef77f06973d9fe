"""Pictures whose ground truth is one file a picture, found by its name without the suffix."""

from __future__ import annotations

import io
from collections import Counter

from PIL import Image

from tasks.base import DataMissing
from tasks.images import decode
from tasks.pictures import Pictures


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
    """(height, width), from the file's header; None for a headerless picture (.rgb8), whatever the model takes.

    Raises:
        DataMissing: Not a picture; the message names it.
    """
    name, data = pictures.names[index], pictures.read(index)
    if name.lower().endswith(".rgb8"):
        return None
    try:
        with Image.open(io.BytesIO(data)) as picture:
            return picture.height, picture.width
    except Exception:  # .npy, which Pillow does not know, or a corrupt picture, which decode() words better
        height, width, _ = decode(data, name).shape
        return height, width
