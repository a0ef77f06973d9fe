"""Pictures of the size that a model takes: decoding, resizing and cropping, as the rules' own tools do it.

`mobile` and `tflite-eval` follow TFLite's image preprocessing stage (LRT tflite/tools/evaluation/stages/
image_preprocessing_stage.cc): float arithmetic throughout. `tasks.pictures.pixels.inputs` makes a model's input of it.
"""

from __future__ import annotations

import hashlib
import io
import math
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from PIL import Image, ImageFile, features
from PIL.BmpImagePlugin import BmpImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

import native
from accuracy.outside.border import reads
from tasks.base import Array, DataMissing
from tasks.pictures.pixels.resize import Window, resize_bilinear

__all__ = [
    "PROFILES",
    "RAW_SUFFIXES",
    "WHOLE",
    "central_crop",
    "code_version",
    "decode",
    "mobile",
    "opencv",
    "pillow",
    "resize_bilinear",
    "size_of",
    "tflite_eval",
]

Profile = Callable[[Array, int, int], Array]

RAW_SUFFIXES = (".rgb8", ".bin")
"""Of pictures without a header: `.rgb8` is the mobile app's, `.bin` that of MLPerf Tiny's runner (EEMBC energyrunner)."""

_CROP_FRACTION = 0.875
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
            return _rgb(picture)
    except Exception as error:  # whatever Pillow makes of corrupt bytes: it has no error class of its own
        raise DataMissing(f"{name} is not a {kind} that can be decoded: {error or type(error).__name__}") from error
    raise DataMissing(f"{name} claims {width}x{height} pixels, more than the {_MAX_PIXELS} that are decoded")


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


def central_crop(image: Array, height: int, width: int) -> Array:
    """The middle of [h, w, c]: starts at round((h - height) / 2), halves away from zero as in C.

    Raises:
        ValueError: The image is smaller than the crop.
    """
    return image[_central(image.shape[0], image.shape[1], height, width)]


def mobile(image: Array, height: int, width: int) -> Array:
    """The mobile app's way: resize keeping the aspect until both sides reach size / 0.875, then crop the middle.

    Args:
        image: uint8 [h, w, 3].
        height: Of the model's input.
        width: Of the model's input.

    Returns:
        float32 [height, width, 3] in 0 to 255, not rounded.
    """
    wanted_height, wanted_width = int(height / _CROP_FRACTION), int(width / _CROP_FRACTION)
    by_width = np.float32(wanted_width) / np.float32(image.shape[1])
    by_height = np.float32(wanted_height) / np.float32(image.shape[0])
    if by_width >= by_height:
        wanted_height = _c_round(np.float32(image.shape[0]) * by_width)
    else:
        wanted_width = _c_round(np.float32(image.shape[1]) * by_height)
    window = _central(wanted_height, wanted_width, height, width)
    return resize_bilinear(image, wanted_height, wanted_width, window)


def tflite_eval(image: Array, height: int, width: int) -> Array:
    """TFLite's evaluation tool: crop the central square of 0.875 of the short side, then resize. As `mobile`."""
    side = _square(image)
    return resize_bilinear(central_crop(image, side, side), height, width)


def pillow(image: Array, height: int, width: int) -> Array:
    """The common Python way: crop 0.875 of the short side, then Pillow's bilinear (antialiased, to bytes). As `mobile`.

    The square is found as Python's own round() and floor division find it, a pixel off `tflite_eval`'s at times.
    """
    side = round(_CROP_FRACTION * min(image.shape[:2]))
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    cropped = Image.fromarray(np.ascontiguousarray(image[top : top + side, left : left + side]))
    return np.asarray(cropped.resize((width, height), Image.Resampling.BILINEAR), np.float32)


def opencv(image: Array, height: int, width: int) -> Array:
    """The reference harness's way (INF vision/classification_and_detection/python/dataset.py). As `mobile`.

    OpenCV's INTER_LINEAR on bytes until the short side is int(100 * size / 87.5), then a central crop; both with
    their roundings.

    Raises:
        DataMissing: OpenCV is not installed.
    """
    cv2 = _import_cv2()
    rows, columns = int(100.0 * height / 87.5), int(100.0 * width / 87.5)
    if image.shape[0] > image.shape[1]:
        rows = int(rows * image.shape[0] / image.shape[1])
    else:
        columns = int(columns * image.shape[1] / image.shape[0])
    resized: Array = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_LINEAR)
    top, left = (rows - height) // 2, (columns - width) // 2
    return resized[top : top + height, left : left + width].astype(np.float32)


def _whole_with_pillow(image: Array, height: int, width: int) -> Array:
    """Pillow's own bilinear: antialiased, rounded to bytes."""
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR), np.float32)


def _whole_with_opencv(image: Array, height: int, width: int) -> Array:
    """OpenCV's bilinear on floats (INF vision/classification_and_detection/python/dataset.py, maybe_resize)."""
    cv2 = _import_cv2()
    resized: Array = cv2.resize(image.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    return resized


WHOLE: Mapping[str, Profile] = {
    "mobile": resize_bilinear,
    "tflite-eval": resize_bilinear,
    "pillow": _whole_with_pillow,
    "opencv": _whole_with_opencv,
}
"""The whole picture resized, aspect not kept, by the name that users give. As PROFILES."""
PROFILES: Mapping[str, Profile] = {"mobile": mobile, "tflite-eval": tflite_eval, "pillow": pillow, "opencv": opencv}
"""Preprocessing for classification, by the name that users give: image uint8 [h, w, 3], height, width -> float32."""


@cache
def code_version(profile: str) -> str:
    """Names the code that prepares pictures and its libraries: for a cache key.

    Args:
        profile: The name in `PROFILES`; OpenCV counts only where it is used.
    """
    here = Path(__file__).parent
    names = ("preprocess.py", "resize.py", "inputs.py")
    sources = (*(here / name for name in names), Path(native.__file__).with_name("pictures.c"))
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    libraries = {
        "pillow": PIL.__version__,
        "libjpeg-turbo": features.version_feature("libjpeg_turbo"),
        "numpy": np.__version__,
    }
    if profile == "opencv":
        libraries["opencv"] = _import_cv2().__version__
    return " ".join([f"source={digest}", *(f"{name}={version}" for name, version in libraries.items())])


def _import_cv2() -> Any:
    try:
        import cv2
    except ImportError:
        raise DataMissing("the profile opencv needs OpenCV: ./run.sh install opencv") from None
    return cv2


def _central(rows: int, columns: int, height: int, width: int) -> Window:
    if height > rows or width > columns:
        raise ValueError(f"a crop of {height}x{width} does not fit into a picture of {rows}x{columns}")
    top, left = (rows - height + 1) // 2, (columns - width + 1) // 2
    return slice(top, top + height), slice(left, left + width)


def _square(image: Array) -> int:
    """0.875 of the short side, as the stage rounds it."""
    return _c_round(_CROP_FRACTION * min(image.shape[:2]))


def _c_round(value: float | np.floating) -> int:
    """C's round() of a positive number: halves go up, where Python's go to the even neighbour."""
    return math.floor(float(value) + 0.5)
