"""What the Python API answers with: plain values, and pictures of them on request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

Bytes = npt.NDArray[np.uint8]


class Label(NamedTuple):
    """One class that a picture or sound may be of."""

    name: str
    """From the label file; without one, the class's number as text."""
    score: float
    """As the model gives it, dequantised: a probability where the model ends in a softmax."""
    number: int
    """The class's number, 0 for the first that a label names (a background class does not count)."""


@dataclass(frozen=True, slots=True)
class Labels:
    """What a picture or sound is of."""

    labels: tuple[Label, ...]
    """The best five, surest first."""

    @property
    def best(self) -> Label:
        """The surest."""
        return self.labels[0]


@dataclass(frozen=True, slots=True)
class Box:
    """One object in a picture."""

    name: str
    """From the label file; without one, the category's number as text."""
    score: float
    """0 to 1."""
    left: float
    """In pixels of the picture asked about, as are the other three."""
    top: float
    right: float
    bottom: float
    category: int
    """As it would be logged: a COCO category id for COCO's models."""


@dataclass(frozen=True, slots=True)
class Boxes:
    """What is where in a picture."""

    boxes: tuple[Box, ...]
    """In the model's order: surest first."""
    picture: Bytes = field(repr=False)
    """The picture asked about, uint8 [h, w, 3]."""

    def draw(self, path: str | Path | None = None) -> Image.Image:
        """The picture with a frame and a name for each box.

        Args:
            path: Also saved there; the suffix tells the format.
        """
        image = Image.fromarray(self.picture)
        pen = ImageDraw.Draw(image)
        for box in self.boxes:
            colour = tuple(int(value) for value in PALETTE[box.category % len(PALETTE)])
            pen.rectangle((box.left, box.top, box.right, box.bottom), outline=colour, width=2)
            text, place = f"{box.name} {box.score:.2f}", (box.left + 3, box.top + 2)
            pen.rectangle(pen.textbbox(place, text), fill=colour)
            pen.text(place, text, fill="white")
        return _saved(image, path)


@dataclass(frozen=True, slots=True)
class Mask:
    """The class of every pixel of a picture."""

    class_map: Bytes
    """uint8 [h, w], as large as the picture asked about."""
    names: Mapping[int, str]
    """Of the classes that occur: from the label file; without one, the class's number as text."""
    picture: Bytes = field(repr=False)
    """The picture asked about, uint8 [h, w, 3]."""

    @property
    def shares(self) -> dict[str, float]:
        """How much of the picture each class takes, largest first; the shares add up to 1."""
        counts = np.bincount(self.class_map.reshape(-1), minlength=256)
        order = sorted(self.names, key=lambda number: -counts[number])
        return {self.names[number]: int(counts[number]) / self.class_map.size for number in order}

    def draw(self, path: str | Path | None = None, *, opacity: float = 0.6) -> Image.Image:
        """The picture with a colour for each class laid over it; class 0 stays as it is.

        Args:
            path: Also saved there; the suffix tells the format.
            opacity: Of the colours, 0 to 1.

        Raises:
            ValueError: Another opacity.
        """
        if not 0 <= opacity <= 1:
            raise ValueError(f"opacity is {opacity}, but must be 0 to 1")
        weight = np.float32(opacity) * (self.class_map > 0)[..., None]
        mixed = self.picture * (1 - weight) + PALETTE[self.class_map] * weight
        return _saved(Image.fromarray(np.rint(mixed).astype(np.uint8)), path)


@dataclass(frozen=True, slots=True)
class Points:
    """The points of a face, a hand or a body in a picture."""

    points: npt.NDArray[np.float64]
    """[n, 3] or [n, 2]: x to the right and y down, in pixels of the picture asked about; z is measured as x is."""
    picture: Bytes = field(repr=False)
    """The picture asked about, uint8 [h, w, 3]."""

    def draw(self, path: str | Path | None = None, *, radius: float = 1.5) -> Image.Image:
        """The picture with a dot for each point.

        Args:
            path: Also saved there; the suffix tells the format.
            radius: Of a dot, in pixels.
        """
        image = Image.fromarray(self.picture)
        pen = ImageDraw.Draw(image)
        for x, y in self.points[:, :2].tolist():
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(0, 230, 60))
        return _saved(image, path)


@dataclass(frozen=True, slots=True)
class Suspicion:
    """How far a machine's recording is from what it should be."""

    score: float
    """The mean over its windows; the more, the likelier an anomaly. What is much, recordings of the same machine tell."""
    windows: tuple[float, ...] = field(repr=False)
    """The mean squared error of each window, in time."""


@dataclass(frozen=True, slots=True)
class Heard:
    """When a wake word is said in a stream."""

    times_s: tuple[float, ...]
    """Every moment at which the model is sure, in s from the start."""
    chances: tuple[float, ...] = field(repr=False)
    """The word's probability at every moment, 32 ms apart."""


@dataclass(frozen=True, slots=True)
class Text:
    """The answer to a question."""

    text: str | None
    """A piece of the context, as it stands there; None where the model points at no piece that could be one."""


@dataclass(frozen=True, slots=True)
class Upscaled:
    """A larger picture."""

    picture: Bytes = field(repr=False)
    """uint8 [h, w, 3]."""

    def draw(self, path: str | Path | None = None) -> Image.Image:
        """The picture.

        Args:
            path: Also saved there; the suffix tells the format.
        """
        return _saved(Image.fromarray(self.picture), path)


def _palette() -> Bytes:
    """PASCAL VOC's colours for 256 classes: the bits of the number, three by three, from the top of each channel down."""
    numbers = np.arange(256)
    colours = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        for channel in range(3):
            colours[:, channel] |= ((numbers >> (3 * bit + channel) & 1) << (7 - bit)).astype(np.uint8)
    return colours


PALETTE = _palette()
"""uint8 [256, 3]; black for class 0."""


def _saved(image: Image.Image, path: str | Path | None) -> Image.Image:
    if path is not None:
        image.save(path)
    return image
