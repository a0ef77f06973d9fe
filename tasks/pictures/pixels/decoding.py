"""Pictures as they are stored, decoded: JPEG, PNG, BMP and .npy, and their sizes from the header alone."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from accuracy.outside.border import reads
from accuracy.outside.png_files import cut_short, ends_too_soon
from tasks.base import Array, DataMissing

RAW_SUFFIXES = (".rgb8", ".bin")
"""Of pictures without a header: `.rgb8` is the mobile app's, `.bin` that of MLPerf Tiny's runner (EEMBC energyrunner)."""
_MAX_PIXELS = 1 << 27
"""A picture that claims more is a decompression bomb (Pillow's own limit is of this order)."""


class _Jpeg(JpegImageFile):
    """Leaves the EXIF block alone: the decoder of TFLite's stage ignores it, and a corrupt one makes Pillow warn."""

    def _read_dpi_from_exif(self) -> None:
        pass


_DECODERS: Mapping[bytes, tuple[str, type[ImageFile.ImageFile]]] = {
    b"\xff\xd8\xff": ("JPEG", _Jpeg),
    b"\x89PNG\r\n\x1a\n": ("PNG", PngImageFile),
    b"BM": ("BMP", BmpImageFile),
}
_NPY = b"\x93NUMPY"
_NPY_HEADER = re.compile(rb"\{'descr': '\|u1', 'fortran_order': False, 'shape': \((\d{1,9}), (\d{1,9}), 3\), \}")


@reads(DataMissing)
def decode(data: bytes, name: str) -> Array:
    """Decodes a JPEG, PNG, BMP or .npy picture, told apart by its first bytes.

    JPEG goes through libjpeg-turbo with its accurate integer DCT; its EXIF rotation is not applied, as in TFLite's
    stage. Gray, palette and CMYK pictures become RGB, an alpha channel is dropped, of 16 bits a channel the higher 8 are
    taken, as TensorFlow's decoders do. A .npy file holds uint8 [h, w, 3].

    Args:
        data: The file's bytes.
        name: For the error message.

    Returns:
        uint8 [h, w, 3], RGB.

    Raises:
        DataMissing: Not such a picture, truncated, corrupt, or too large.
    """
    if data.startswith(_NPY):
        return _decode_npy(data, name)
    for magic, (kind, opener) in _DECODERS.items():
        if data.startswith(magic):
            return _decode_with_pillow(data, name, kind, opener)
    what = f"it starts with {data[:8].hex(' ')}" if data else "the file is empty"
    raise DataMissing(f"{name} is not a JPEG, PNG, BMP or .npy picture: {what}")


def size_of(data: bytes, name: str) -> tuple[int, int] | None:
    """(height, width), from the header; None for a headerless picture (.rgb8, .bin), whatever the model takes.

    Raises:
        DataMissing: Not a picture; the message names it.
    """
    if name.lower().endswith(RAW_SUFFIXES):
        return None
    try:
        with Image.open(io.BytesIO(data)) as picture:
            return picture.height, picture.width
    except Exception:  # .npy, which Pillow does not know, or a corrupt picture, which decode() words better
        height, width, _ = decode(data, name).shape
        return height, width


def size_in_opening(opening: bytes, name: str) -> tuple[int, int] | None:
    """As `size_of`, from a file's first bytes; None also where these are too few, or no picture's."""
    if name.lower().endswith(RAW_SUFFIXES):
        return None
    try:
        with Image.open(io.BytesIO(opening)) as picture:
            return picture.height, picture.width
    except Exception:  # whatever Pillow makes of a part of a file
        return None


def _decode_with_pillow(data: bytes, name: str, kind: str, opener: type[ImageFile.ImageFile]) -> Array:
    # The plug-in is called by itself, since Image.open would warn of large pictures where this module refuses them.
    try:
        picture: Image.Image = opener(io.BytesIO(data), name)
        width, height = picture.size
        if width * height <= _MAX_PIXELS:
            picture.info.pop("transparency", None)  # convert() would try to keep a palette's transparent entry
            picture.load()
            if kind == "PNG" and (what := _missing(picture, data)):
                raise ValueError(what)
            return _rgb(picture)
    except Exception as error:  # whatever Pillow makes of corrupt bytes: it has no error class of its own
        raise DataMissing(f"{name} is not a {kind} that can be decoded: {error or type(error).__name__}") from error
    raise DataMissing(f"{name} claims {width}x{height} pixels, more than the {_MAX_PIXELS} that are decoded")


def _missing(picture: Image.Image, data: bytes) -> str | None:
    """What a decoded PNG lacks.

    Pillow leaves rows empty that are not there, so only where the last one is empty, all is unpacked once more (a fifth of
    the time that decoding takes).
    """
    last = picture.crop((0, picture.height - 1, picture.width, picture.height))
    may_lack_rows = picture.info.get("interlace") or last.getbbox(alpha_only=False) is None
    return ends_too_soon(data) if may_lack_rows else cut_short(data)


def _rgb(picture: Image.Image) -> Array:
    if picture.mode == "CMYK":
        return _rgb_of_cmyk(picture)
    if picture.mode == "I;16":  # gray; of 16 bits in colour, Pillow itself gives the higher 8
        gray = (np.asarray(picture) >> 8).astype(np.uint8)
        return np.repeat(gray[..., None], 3, axis=2)
    picture = picture if picture.mode == "RGB" else picture.convert("RGB")
    return np.frombuffer(picture.tobytes(), np.uint8).reshape(picture.height, picture.width, 3)


def _rgb_of_cmyk(picture: Image.Image) -> Array:
    """As TensorFlow's decoder has it (tensorflow/core/lib/jpeg/jpeg_mem.cc): each ink times black, cut to a byte.

    libjpeg makes CMYK of YCCK. Adobe's files have the inks inverted, and say that they are Adobe's; Pillow inverts all.
    """
    inks = np.asarray(picture).astype(np.uint32)
    if "adobe_transform" in picture.info:
        inks = 255 - inks
    return (inks[..., :3] * inks[..., 3:] // 255).astype(np.uint8)


def _decode_npy(data: bytes, name: str) -> Array:
    # numpy's own reader evaluates the header and raises and warns in many ways where it is corrupt.
    width_of_length = 2 if data[len(_NPY) : len(_NPY) + 1] == b"\x01" else 4
    start = len(_NPY) + 2 + width_of_length
    end = start + int.from_bytes(data[start - width_of_length : start], "little")
    header = data[start:end]
    match = _NPY_HEADER.fullmatch(header.strip())
    if match is None:
        said = header[:120].decode("latin-1").strip()
        raise DataMissing(f"{name} is not a picture: its header is {said!r}, not that of uint8 [height, width, 3]")
    height, width = int(match[1]), int(match[2])
    if len(data) - end != height * width * 3 or not height * width:
        raise DataMissing(
            f"{name} has {len(data) - end} bytes of pixels, but [{height}, {width}, 3] are {height * width * 3}"
        )
    return np.frombuffer(data, np.uint8, offset=end).reshape(height, width, 3)
