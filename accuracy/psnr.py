"""Peak signal-to-noise ratio of pictures against the originals, as the MLPerf mobile benchmark counts it.

For each picture -10 log10(MSE / 255^2) over all pixels and channels; the result is the mean over the pictures, in dB
(MA flutter/cpp/datasets/snu_sr.cc, which shows it divided by 100).

    python -m accuracy.psnr --predictions DIR --truth DIR
"""

from __future__ import annotations

import io
import math
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from accuracy.confidence.interval import bootstrap_mean
from accuracy.errors import TruthError
from accuracy.metric import command
from accuracy.metric.score import Score, beyond_note
from accuracy.metric.tally import Tally
from accuracy.outside.png_files import ends_too_soon
from accuracy.truth.files import TruthFiles

UInt8Array = npt.NDArray[np.uint8]

_MAX_PIXELS = 1 << 26

MOST_DB = 100.0
"""What a picture counts at most, and so an identical one: its ratio is infinite, which neither JSON nor a mean holds.
The mobile app's scale ends here too (100 dB is its 1.0)."""


class Psnr:
    """The mean over pictures; memory does not grow with them."""

    def __init__(self) -> None:
        """Starts without pictures."""
        self._decibels: list[float] = []

    def update(self, prediction: UInt8Array, truth: UInt8Array) -> float:
        """Counts one picture.

        Args:
            prediction: uint8 [height, width, channels].
            truth: The original, of the same shape.

        Returns:
            Its own ratio in dB.

        Raises:
            ValueError: Another type, or shapes that differ.
        """
        self._decibels.append(psnr(prediction, truth))
        return self._decibels[-1]

    @classmethod
    def of(cls, tally: Tally) -> Psnr:
        """With the pictures of a `tally`."""
        metric = cls()
        metric._decibels = tally["psnr_db"].tolist()
        return metric

    def tally(self) -> Tally:
        """`psnr_db`: float64 [pictures]."""
        return {"psnr_db": np.array(self._decibels, np.float64)}

    def compute(self) -> Mapping[str, float]:
        """The mean in dB; empty before the first picture."""
        return {"psnr_db": math.fsum(self._decibels) / len(self._decibels)} if self._decibels else {}

    def score(self) -> Score:
        """As `compute`, with the mean's bootstrap interval."""
        parts = self.tally()["psnr_db"]
        return Score(self.compute(), "pictures", len(parts), bootstrap_mean(parts), means={"psnr_db": parts})


def psnr(prediction: UInt8Array, truth: UInt8Array) -> float:
    """Of one picture, in dB; at most `MOST_DB`.

    Raises:
        ValueError: Not bytes, no pixels, or shapes that differ.
    """
    if prediction.dtype != np.uint8 or truth.dtype != np.uint8:
        raise ValueError(f"pictures are uint8, not {prediction.dtype} and {truth.dtype}")
    if prediction.shape != truth.shape or prediction.size == 0:
        raise ValueError(f"a picture of shape {prediction.shape} has an original of shape {truth.shape}")
    squares = int(np.square(np.subtract(prediction, truth, dtype=np.int32)).sum(dtype=np.int64))
    if squares == 0:
        return MOST_DB
    return min(MOST_DB, -10 * math.log10(squares / prediction.size / 255**2))


class Originals:
    """The originals of pictures, by file name without suffix."""

    def __init__(self, files: TruthFiles) -> None:
        """Use `Originals.open`."""
        self.path = files.path
        self.stems = files.stems
        self.paths = files.paths
        self._files = files

    @classmethod
    def open(cls, path: Path) -> Originals:
        """Finds every PNG, JPEG and BMP in a folder or a zip archive; reads none.

        Raises:
            TruthError: Nothing there, no picture in it, or two pictures of one name.
        """
        return cls(TruthFiles.open(path, (".bmp", ".jpeg", ".jpg", ".png")))

    def require(self, stems: Iterable[str]) -> None:
        """Raises TruthError where a sample has no original."""
        self._files.require(stems)

    def size(self, stem: str) -> tuple[int, int]:
        """(height, width), from the header.

        Raises:
            TruthError: As `read`.
        """
        with self._open(stem, self._files.read(stem)) as picture:
            return picture.height, picture.width

    def read(self, stem: str) -> UInt8Array:
        """A picture, uint8 [height, width, 3], RGB.

        Raises:
            TruthError: No such picture, or one that is corrupt, too large, or neither 8-bit grey nor RGB.
        """
        data = self._files.read(stem)
        with self._open(stem, data) as picture:
            try:
                pixels = np.array(picture.convert("RGB"), np.uint8)
                if what := ends_too_soon(data):
                    raise ValueError(what)
                return pixels
            except Exception as error:  # whatever Pillow makes of corrupt bytes: it has no error class of its own
                raise TruthError(f"{self._files.name(stem)} cannot be decoded: {error}") from error

    def _open(self, stem: str, data: bytes) -> Image.Image:
        name = self._files.name(stem)
        try:
            picture = Image.open(io.BytesIO(data), formats=["PNG", "JPEG", "BMP"])
        except Exception as error:
            raise TruthError(f"{name} is not a picture that can be decoded: {error}") from error
        if picture.mode not in ("L", "RGB") or picture.width * picture.height > _MAX_PIXELS:
            kind = f"{picture.mode} of {picture.width}x{picture.height}"
            raise TruthError(f"{name} is {kind}, but an original is 8-bit grey or RGB of at most {_MAX_PIXELS} pixels")
        return picture


def score_files(predictions: Path, truth: Path) -> Mapping[str, float]:
    """Scores a folder or zip of pictures against their originals of the same names.

    Raises:
        TruthError: Either cannot be used, or they do not belong together.
    """
    metric, found, originals = Psnr(), Originals.open(predictions), Originals.open(truth)
    found.require(originals.stems)
    for stem in originals.stems:
        predicted, original = found.read(stem), originals.read(stem)
        if predicted.shape != original.shape:
            raise TruthError(f"{stem}: predicted at {predicted.shape}, but its original has {original.shape}")
        metric.update(predicted, original)
    return metric.score().with_notes(beyond_note(found.stems, originals.stems, truth))


if __name__ == "__main__":
    sys.exit(
        command.run(
            score_files, "Peak signal-to-noise ratio of pictures in folders or zips: one of the same name for each."
        )
    )
