"""A sample's picture for people to look at."""

from __future__ import annotations

from tasks.outputs.exhibits import UInt8Array
from tasks.pictures.folders import Pictures
from tasks.pictures.pixels.decoding import RAW_SUFFIXES, decode


def shown_picture(pictures: Pictures, index: int) -> UInt8Array | None:
    """uint8 [height, width, 3], RGB; None for a headerless one, whose size only the model knows.

    Raises:
        DataMissing: It cannot be read.
    """
    name = pictures.names[index]
    if name.lower().endswith(RAW_SUFFIXES):
        return None
    picture: UInt8Array = decode(pictures.read(index), name)
    return picture
