"""Ground truth of semantic segmentation: one class map a picture."""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from accuracy.errors import TruthError
from accuracy.outside.png_files import cut_short, ends_too_soon
from accuracy.truth.files import TruthFiles

UInt8Array = npt.NDArray[np.uint8]

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_START = _PNG_SIGNATURE + b"\x00\x00\x00\rIHDR"
_PNG_FIELDS = struct.Struct(">IIBB")  # width, height, bit depth, colour type
_GREY, _PALETTE = 0, 3
_COLOURS = {2: "RGB", 4: "grey with alpha", 6: "RGBA"}
_MAX_PIXELS = 1 << 26


class MaskFiles(Protocol):
    """Where the encoded maps lie: `TruthFiles`, or beside the pictures in their own set."""

    @property
    def path(self) -> Path:
        """Of all."""

    @property
    def stems(self) -> tuple[str, ...]:
        """What tells which picture a map belongs to."""

    @property
    def paths(self) -> Sequence[Path]:
        """The files that hold them; none where they lie beside the pictures."""

    def require(self, stems: Iterable[str]) -> None:
        """Raises TruthError where a picture has no map."""

    def name(self, stem: str) -> str:
        """A map as error messages call it."""

    def suffix(self, stem: str) -> str:
        """`.png` or `.raw`."""

    def read(self, stem: str) -> bytes:
        """A map as it is stored; raises TruthError."""


class Masks:
    """Class maps by the names (without suffix) of the pictures that they belong to.

    A map is a PNG whose 8-bit grey values or palette indices are the class ids, or a headerless `.raw` file of one byte
    a pixel, which must be square (the mobile app's own form).
    """

    def __init__(self, files: MaskFiles) -> None:
        """`Masks.open` finds those that are files."""
        self.path = files.path
        self.stems = files.stems
        self.paths = files.paths
        self._files = files
        self._shown: dict[int, tuple[tuple[int, ...], str]] = {}

    @classmethod
    def open(cls, path: Path) -> Masks:
        """Finds every class map in a folder or a zip archive; reads none.

        Raises:
            TruthError: Nothing there, no map in it, or two maps of one name.
        """
        return cls(TruthFiles.open(path, (".png", ".raw")))

    def require(self, stems: Iterable[str]) -> None:
        """Raises TruthError where a picture has no map."""
        self._files.require(stems)

    def size(self, stem: str) -> tuple[int, int]:
        """(height, width) of a map, from its header.

        Raises:
            TruthError: As `read`.
        """
        return self._size(stem, self._files.read(stem))

    def whole_size(self, stem: str) -> tuple[int, int]:
        """As `size`, for a map that is not scored: it is not decoded, but all of it is there.

        Raises:
            TruthError: As `read`, but for what only decoding shows.
        """
        data = self._files.read(stem)
        size = self._size(stem, data)
        if self._files.suffix(stem) == ".png":
            _refuse(cut_short(data), self._files.name(stem))
        return size

    def read(self, stem: str) -> UInt8Array:
        """The map of a picture, uint8 [height, width].

        Raises:
            TruthError: No such map, or one that is corrupt or not of one byte a pixel; the file is named.
        """
        data = self._files.read(stem)
        height, width = self._size(stem, data)
        if self._files.suffix(stem) == ".raw":
            _refuse_wide_values(data, self._files.name(stem))
            return np.frombuffer(data, np.uint8).reshape(height, width)
        _refuse(ends_too_soon(data), self._files.name(stem))
        try:
            with Image.open(io.BytesIO(data), formats=["PNG"]) as picture:
                labels, palette = np.array(picture, np.uint8), picture.getpalette()
        except Exception as error:  # whatever Pillow makes of corrupt bytes: it has no error class of its own
            name = self._files.name(stem)
            raise TruthError(f"{name} is not a PNG that can be decoded: {error or type(error).__name__}") from error
        if palette is not None:
            self._refuse_two_colours(self._files.name(stem), labels, palette)
        return labels

    def _refuse_two_colours(self, name: str, labels: UInt8Array, palette: Sequence[int]) -> None:
        """A palette made anew for each map (an adaptive one) numbers colours as they come: its indices are no class ids."""
        for index in np.flatnonzero(np.bincount(labels.ravel(), minlength=256)).tolist():
            colour = tuple(palette[3 * index : 3 * index + 3])
            before, where = self._shown.setdefault(index, (colour, name))
            if before and colour and before != colour:
                raise TruthError(
                    f"{name} shows {index} in the colour {_written(colour)}, but {where} in {_written(before)}: their palettes "
                    "number colours each in its own way, so that the indices are no class ids; save the maps as 8-bit grey "
                    "PNGs of class ids"
                )

    def _size(self, stem: str, data: bytes) -> tuple[int, int]:
        size = _raw_size if self._files.suffix(stem) == ".raw" else _png_size
        return size(data, self._files.name(stem))


def _written(colour: Sequence[int]) -> str:
    return ",".join(map(str, colour))


def _png_size(data: bytes, name: str) -> tuple[int, int]:
    if not data.startswith(_PNG_START) or len(data) < len(_PNG_START) + _PNG_FIELDS.size:
        raise TruthError(f"{name} is no PNG, or cut short: {len(data)} bytes that start with {data[:8]!r}")
    width, height, depth, colour = _PNG_FIELDS.unpack_from(data, len(_PNG_START))
    if colour in _COLOURS:
        raise TruthError(
            f"{name} is {_COLOURS[colour]}, but an annotation holds one class id a pixel (8-bit grey or palette). "
            "The full ADE20K release codes classes in colours: use the scene parsing set (ADEChallengeData2016)."
        )
    if colour != _PALETTE and (colour, depth) != (_GREY, 8):
        raise TruthError(f"{name} has {depth} bits a pixel, but an annotation holds class ids of 8 bits: convert it")
    if not 0 < width * height <= _MAX_PIXELS:
        raise TruthError(f"{name} claims {width}x{height} pixels; 1 to {_MAX_PIXELS} are read")
    return height, width


def _refuse(what: str | None, name: str) -> None:
    if what is not None:
        raise TruthError(f"{name} is not a PNG that can be decoded: {what}")


def _refuse_wide_values(data: bytes, name: str) -> None:
    """Refuses a raw map of int32 or float32 class ids, whose bytes make a square of twice the side."""
    if len(data) % 4:
        return
    first, second, third, fourth = (column.any() for column in np.frombuffer(data, np.uint8).reshape(-1, 4).T)
    for kind, wide in (
        ("int32", first and not (second or third or fourth)),
        ("float32", fourth and not (first or second)),
    ):
        if wide:
            side = math.isqrt(len(data)) // 2
            raise TruthError(f"{name} looks like {side}x{side} class ids of {kind}: a .raw map has one byte a pixel")


def _raw_size(data: bytes, name: str) -> tuple[int, int]:
    side = math.isqrt(len(data))
    if not 0 < len(data) == side * side <= _MAX_PIXELS:
        raise TruthError(f"{name} has {len(data)} bytes, which is no square map of one byte a pixel")
    return side, side
