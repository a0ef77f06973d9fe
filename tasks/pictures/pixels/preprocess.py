"""Pictures of the size that a model takes: decoding, resizing and cropping, as the rules' own tools do it.

`mobile` and `tflite-eval` follow TFLite's image preprocessing stage (LRT tflite/tools/evaluation/stages/
image_preprocessing_stage.cc): float arithmetic throughout. `tasks.pictures.pixels.inputs` makes a model's input of it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from PIL import Image, features

import native
from tasks.base import Array, DataMissing
from tasks.pictures.pixels.resize import Window, resize_bilinear

Profile = Callable[[Array, int, int], Array]


_CROP_FRACTION = 0.875


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
    # Whatever lies beside this module makes pixels.
    modules = sorted(Path(__file__).parent.glob("*.py"))
    sources = (*modules, Path(native.__file__).with_name("pictures.c"))
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
