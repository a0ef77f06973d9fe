"""Connections written by hand into a model's seeded weights: which outputs of a dense layer depend on which inputs.

Weights are named as `harness.zoo.graph.mobilebert.weight_shapes` does, and changed in place. Channels are slices of a
layer's outputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Sources = tuple[tuple[slice, float], ...]
"""Inputs with their factors."""


def channels(**widths: int) -> dict[str, slice]:
    """Places side by side, from 0 on."""
    ends = np.cumsum(list(widths.values())).tolist()
    return {name: slice(end - width, end) for (name, width), end in zip(widths.items(), ends, strict=True)}


def connect(
    weights: Mapping[str, Array], layer: str, outputs: slice, *sources: tuple[slice, float | Array], bias: float = 0.0
) -> None:
    """Makes a dense layer's outputs depend on these inputs and nothing else.

    A source is some inputs and their factor: a matrix [outputs, inputs]; or a number, for as many inputs as outputs, each
    to its own, or for one input to all.
    """
    matrix = weights[f"{layer}/weight"]
    matrix[outputs] = 0
    weights[f"{layer}/bias"][outputs] = bias
    for inputs, factor in sources:
        count, width = outputs.stop - outputs.start, inputs.stop - inputs.start
        if not isinstance(factor, np.ndarray) and width > 1:
            factor = np.eye(count, width) * factor
        matrix[outputs, inputs] = factor


def keep(weights: Mapping[str, Array], layer: str, channels: slice, norm: str | None = None) -> None:
    """Nothing is written into these channels of a layer's output, and its norm leaves them as they are."""
    connect(weights, layer, channels)
    norm = norm or f"{layer}/norm"
    weights[f"{norm}/gamma"][channels] = 1
    weights[f"{norm}/beta"][channels] = 0


def keep_in_block(weights: Mapping[str, Array], block: str, channels: slice) -> None:
    """As `keep`, for all that writes into a block's narrow channels."""
    keep(weights, f"{block}/bottleneck/input", channels)
    keep(weights, f"{block}/attention/output", channels, norm=f"{block}/attention/norm")
    networks = {name.split("/")[1] for name in weights if name.startswith(f"{block}/ffn_")}
    for network in networks:
        keep(weights, f"{block}/{network}/output", channels, norm=f"{block}/{network}/norm")


def whole(channels: Mapping[str, slice]) -> slice:
    """All of them as one, from 0 on."""
    return slice(0, max(place.stop for place in channels.values()))


def moved(channels: Mapping[str, slice], by: int) -> dict[str, slice]:
    """The same channels so many places on."""
    return {name: slice(place.start + by, place.stop + by) for name, place in channels.items()}
