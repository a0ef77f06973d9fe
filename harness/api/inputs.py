"""What the Python API takes: pictures in any of four forms, and the names of classes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from accuracy.errors import TruthError
from accuracy.outside.plain_files import read_plain
from accuracy.outside.shown import some
from accuracy.truth.class_names import ClassNames, read_class_names
from harness.errors import ConfigError
from tasks.base import DataMissing
from tasks.codecs.keyword_spotting import FEATURES, FRAMES
from tasks.pictures.pixels.decoding import RAW_SUFFIXES, decode

Picture: TypeAlias = str | Path | bytes | Image.Image | npt.NDArray[np.uint8]
"""A file's name, a file's bytes, a Pillow image, or uint8 [h, w, 3] in RGB."""
Names: TypeAlias = str | Path | Sequence[str]
"""A text file with a name a line, or the names."""


def read_file(source: str | Path | bytes) -> tuple[str, bytes]:
    """A name for messages, and the bytes.

    Raises:
        DataMissing: The file cannot be read.
    """
    if isinstance(source, bytes):
        return "the data given", source
    if not isinstance(source, str | Path):
        raise DataMissing(f"a file is asked for by its path or its bytes, not as a {type(source).__name__}")
    try:
        return str(source), read_plain(Path(source))
    except OSError as error:
        raise DataMissing(f"{source} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise DataMissing(f"{str(source)!a} is no path: {error}") from None


def read_features(features: str | Path | bytes | npt.NDArray[np.int8]) -> tuple[str, bytes]:
    """A name for messages, and the bytes of a recording or a feature file.

    Raises:
        DataMissing: The file cannot be read, or the array is not int8 [49, 10].
    """
    if not isinstance(features, np.ndarray):
        # A recording is told from features by its first bytes (`tasks.keyword_spotting`).
        if not isinstance(features, str | Path | bytes):
            raise DataMissing(
                "features are the path or bytes of a recording or feature file, or "
                f"int8 [{FRAMES}, {FEATURES}], not a {type(features).__name__}"
            )
        return read_file(features)
    shapes = ((FRAMES, FEATURES), (FRAMES, FEATURES, 1), (1, FRAMES, FEATURES), (1, FRAMES, FEATURES, 1))
    if features.dtype != np.int8 or features.shape not in shapes:
        raise DataMissing(
            f"the features are {features.dtype} {list(features.shape)}, but int8 [{FRAMES}, {FEATURES}] is needed"
        )
    return "the features given", features.tobytes()


def read_pixels(picture: Picture) -> tuple[str, npt.NDArray[np.uint8]]:
    """A name for messages, and uint8 [h, w, 3].

    Raises:
        DataMissing: No picture, or one that `tasks.pictures.pixels.decoding.decode` refuses.
    """
    if isinstance(picture, np.ndarray):
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
            raise DataMissing(f"the picture is {picture.dtype} {list(picture.shape)}, but uint8 [h, w, 3] is needed")
        return "the picture given", picture
    if isinstance(picture, Image.Image):
        if picture.mode in ("CMYK", "F") or picture.mode.startswith("I"):
            raise DataMissing(f"the picture is of the mode {picture.mode}, which is no 8-bit RGB: convert it")
        return "the picture given", np.asarray(picture.convert("RGB"))
    if not isinstance(picture, str | Path | bytes):
        kind = type(picture).__name__
        raise DataMissing(f"a picture is a path, bytes, a Pillow image or uint8 [h, w, 3], not a {kind}")
    name, data = read_file(picture)
    # Whatever the file is called: a codec takes pixels by the name x.bin for such as have no header.
    shown = f"{name} (decoded)" if name.lower().endswith(RAW_SUFFIXES) else name
    return shown, decode(data, name)


def as_npy(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Pixels as the bytes of a .npy file, which codecs read like any picture."""
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(pixels), allow_pickle=False)
    return file.getvalue()


def read_names(names: Names) -> ClassNames:
    """The names of the classes as they are listed, an opening background among them.

    Args:
        names: As given.

    Raises:
        DataMissing: The file cannot be read, or holds no names.
    """
    if not isinstance(names, str | Path):
        if not any(names):
            raise DataMissing(f"{some(names)} holds no names of classes")
        return ClassNames(tuple(names), "the list given")
    try:
        return read_class_names(Path(names))
    except TruthError as error:
        raise DataMissing(str(error)) from None


def names_for(names: ClassNames | None, count: int) -> Sequence[str] | None:
    """The names of so many classes: an opening background is none of them.

    Raises:
        ConfigError: Another number of names: they would be another model's, or shifted.
    """
    if names is None:
        return None
    listed = names.names[1:] if names.opens_with_background else names.names
    if len(listed) != count:
        raise ConfigError(f"there are {len(listed)} names, but {count} classes: are they the names of this model?")
    return listed
