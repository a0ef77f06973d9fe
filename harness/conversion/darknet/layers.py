"""A Darknet network, layer by layer, with the shape of what each gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Activation = Literal["linear", "leaky", "relu", "relu6", "logistic", "swish"]
ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)
Size = tuple[int, int, int]
"""Height, width, channels."""


@dataclass(frozen=True, slots=True)
class Convolution:
    """Batch normalisation, where there is any, is part of it."""

    filters: int
    size: int
    stride: int
    padding: int
    """On every side."""
    groups: int
    activation: Activation
    normalised: bool


@dataclass(frozen=True, slots=True)
class MaxPool:
    """Windows begin half the padding before the picture; what lies outside never counts."""

    size: int
    stride: int
    padding: int
    """Both sides together."""


@dataclass(frozen=True, slots=True)
class Upsample:
    """Every pixel, so many times each way."""

    stride: int


@dataclass(frozen=True, slots=True)
class Route:
    """Layers side by side, or one part of the channels of each."""

    layers: tuple[int, ...]
    groups: int
    group: int


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A layer added to the one before."""

    layer: int
    activation: Activation


@dataclass(frozen=True, slots=True)
class Yolo:
    """A head: what comes in goes out as it is, and is an output."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """Dropout, which only training does."""


Kind = Convolution | MaxPool | Upsample | Route | Shortcut | Yolo | Nothing


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer."""

    kind: Kind
    takes: Size
    """What the layer before gives."""
    gives: Size


@dataclass(frozen=True, slots=True)
class DarknetNetwork:
    """A whole network."""

    takes: Size
    layers: tuple[Layer, ...]

    @property
    def outputs(self) -> tuple[int, ...]:
        """The heads, or the last layer where there are none."""
        heads = tuple(place for place, layer in enumerate(self.layers) if isinstance(layer.kind, Yolo))
        return heads or (len(self.layers) - 1,)

    @property
    def weight_count(self) -> int:
        """Floats that the .weights file holds behind its header."""
        return sum(_weights_of(layer) for layer in self.layers)


def _weights_of(layer: Layer) -> int:
    kind = layer.kind
    if not isinstance(kind, Convolution):
        return 0
    weights = kind.filters * (layer.takes[2] // kind.groups) * kind.size**2
    return weights + kind.filters * (4 if kind.normalised else 1)
