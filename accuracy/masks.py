"""Ground truth of semantic segmentation: one class map a picture, in a folder or a zip archive, found by file name."""

from __future__ import annotations

import io
import math
import struct
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt
from PIL import Image

from accuracy.errors import TruthError

UInt8Array = npt.NDArray[np.uint8]

_PNG_START = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_PNG_FIELDS = struct.Struct(">IIBB")  # width, height, bit depth, colour type
_GREY, _PALETTE = 0, 3
_COLOURS = {2: "RGB", 4: "grey with alpha", 6: "RGBA"}
_MAX_PIXELS = 1 << 26
_SUFFIXES = (".png", ".raw")


class Masks:
    """Class maps by the names (without suffix) of the pictures that they belong to.

    A map is a PNG whose 8-bit grey values or palette indices are the class ids, or a headerless `.raw` file of one byte
    a pixel, which must be square (the mobile app's own form).
    """

    def __init__(self, path: Path, files: Mapping[str, str], archive: zipfile.ZipFile | None) -> None:
        """Use `Masks.open`."""
        self.path = path
        self.stems: tuple[str, ...] = tuple(sorted(files))
        """File names without suffix, sorted."""
        self._files = files
        self._archive = archive

    @classmethod
    def open(cls, path: Path) -> Masks:
        """Finds every class map in a folder (not below it) or in a zip archive (anywhere).

        What an archiver or a desktop leaves behind (`__MACOSX/`, names with a leading dot) is not taken for a map.

        Raises:
            TruthError: Nothing there, no map in it, or two maps of one name.
        """
        archive = None
        try:
            if path.is_dir():
                names = [entry.name for entry in path.iterdir() if entry.is_file()]
            else:
                archive = zipfile.ZipFile(path)
                names = archive.namelist()
        except FileNotFoundError:
            raise TruthError(f"no annotations at {path}: name a folder or a zip archive of PNG files") from None
        except (OSError, zipfile.BadZipFile) as error:
            raise TruthError(
                f"the annotations {path} are neither a folder nor a readable zip archive: {error}"
            ) from None
        return cls(path, _by_stem(path, names), archive)

    def require(self, stems: Iterable[str]) -> None:
        """Holds the maps against the pictures.

        Raises:
            TruthError: Pictures without a map; the first ones are named.
        """
        missing = [stem for stem in stems if stem not in self._files]
        if missing:
            named = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
            raise TruthError(f"{len(missing)} pictures have no annotation in {self.path}: {named}")

    def size(self, stem: str) -> tuple[int, int]:
        """(height, width) of a map, from its header.

        Raises:
            TruthError: As `read`.
        """
        return self._size(stem, self._bytes(stem))

    def read(self, stem: str) -> UInt8Array:
        """The map of a picture, uint8 [height, width].

        Raises:
            TruthError: No such map, or one that is corrupt or not of one byte a pixel; the file is named.
        """
        data, label = self._bytes(stem), self._label(stem)
        height, width = self._size(stem, data)
        if self._is_raw(stem):
            return np.frombuffer(data, np.uint8).reshape(height, width)
        try:
            with Image.open(io.BytesIO(data), formats=["PNG"]) as picture:
                return np.array(picture, np.uint8)
        except Exception as error:  # whatever Pillow makes of corrupt bytes: it has no error class of its own
            raise TruthError(f"{label} is not a PNG that can be decoded: {error or type(error).__name__}") from error

    def _size(self, stem: str, data: bytes) -> tuple[int, int]:
        return (_raw_size if self._is_raw(stem) else _png_size)(data, self._label(stem))

    def _is_raw(self, stem: str) -> bool:
        return self._files[stem].lower().endswith(".raw")

    def _label(self, stem: str) -> str:
        return f"{self._files[stem]} in {self.path}"

    def _bytes(self, stem: str) -> bytes:
        if stem not in self._files:
            raise TruthError(f"{self.path} has no annotation named {stem}")
        try:
            if self._archive is None:
                return (self.path / self._files[stem]).read_bytes()
            if self._archive.getinfo(self._files[stem]).file_size > 2 * _MAX_PIXELS:
                raise OSError("it unpacks to more bytes than any class map needs")
            return self._archive.read(self._files[stem])
        except (OSError, RuntimeError, zipfile.BadZipFile, EOFError, ValueError) as error:
            raise TruthError(f"{self._label(stem)} cannot be read: {error}") from None


def _by_stem(path: Path, names: Iterable[str]) -> dict[str, str]:
    files: dict[str, str] = {}
    for name in sorted(names):
        file = PurePosixPath(name)
        if file.suffix.lower() not in _SUFFIXES or file.name.startswith(".") or "__MACOSX" in file.parts:
            continue
        if file.stem in files:
            raise TruthError(f"{path} has two annotations for {file.stem}: {files[file.stem]} and {name}")
        files[file.stem] = name
    if not files:
        raise TruthError(f"{path} holds no annotations (looked for {' and '.join(_SUFFIXES)} files)")
    return files


def _png_size(data: bytes, label: str) -> tuple[int, int]:
    if not data.startswith(_PNG_START) or len(data) < len(_PNG_START) + _PNG_FIELDS.size:
        raise TruthError(f"{label} is no PNG, or cut short: {len(data)} bytes that start with {data[:8].hex(' ')!r}")
    width, height, depth, colour = _PNG_FIELDS.unpack_from(data, len(_PNG_START))
    if colour in _COLOURS:
        raise TruthError(
            f"{label} is {_COLOURS[colour]}, but an annotation holds one class id a pixel (8-bit grey or palette). "
            "The full ADE20K release codes classes in colours: use the scene parsing set (ADEChallengeData2016)."
        )
    if (colour, depth) != (_GREY, 8) and colour != _PALETTE:
        raise TruthError(f"{label} has {depth} bits a pixel, but an annotation holds class ids of 8 bits: convert it")
    if not 0 < width * height <= _MAX_PIXELS:
        raise TruthError(f"{label} claims {width}x{height} pixels; 1 to {_MAX_PIXELS} are read")
    return height, width


def _raw_size(data: bytes, label: str) -> tuple[int, int]:
    side = math.isqrt(len(data))
    if not 0 < len(data) == side * side <= _MAX_PIXELS:
        raise TruthError(f"{label} has {len(data)} bytes, which is no square map of one byte a pixel")
    return side, side
