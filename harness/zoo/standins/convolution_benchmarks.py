"""Graphs of our own in place of `convolution_benchmark_1_144x256` and `_2`, which are not published.

What is known of them is their names, their input of 144x256 and that their weights are random. These two have the input,
and the kind of work that video of that size is put through; they are not those graphs, and no faster or slower on purpose.

1. A picture to a mask: inverted residuals with depthwise convolutions, and a decoder that adds what the encoder saw.
2. A picture to a picture: dense 3x3 convolutions with residuals, and a decoder that concatenates.

Weights are seeded noise. Nothing is measured for the ranges of int8: a clipped activation has a known one, and the others
are wide enough for the noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from harness.zoo.graph.noise import normal_noise
from harness.zoo.graph.writer import Graph
from harness.zoo.standins import picture_layers
from harness.zoo.standins.layer_stack import INPUT, Add, Concat, Conv, Network, Node, Resize, Stack, weight_shapes
from harness.zoo.standins.picture_models import Builder, Variant, Weights

Array = npt.NDArray[Any]

HEIGHT, WIDTH = 144, 256

_STEPS = 36
"""Of int8 to one standard deviation of the noise, which never passes 3.5 of them."""
_BIAS_SPREAD = 0.2
_LINEAR, _SUM = 6.0, 8.0
"""No activation behind a convolution, or behind an addition, is much farther from 0."""


def mask_network() -> Network:
    """The first: inverted residuals down to a 16th, and up again."""
    stack = Stack()
    stack.conv("Conv", 16, 3, 2, "relu6")
    seen, inputs = [stack.top], 16
    for level, (channels, count) in enumerate(((24, 2), (32, 3), (64, 3)), start=1):
        for index in range(count):
            stack.bottleneck(
                f"encoder_{level}/{index}",
                6 * inputs,
                channels,
                stride=1 if index else 2,
                activation="relu6",
                residual=index > 0,
            )
            inputs = channels
        seen.append(stack.top)
    for level, channels in ((2, 32), (1, 24), (0, 16)):
        skip = seen[level]
        stack.conv(f"decoder_{level}/narrow", channels)
        stack.put(Resize(f"decoder_{level}/resized", stack.top, like=skip))
        stack.put(Add(f"decoder_{level}/add", (stack.top, skip)))
        stack.depthwise(f"decoder_{level}/depthwise", channels, 3, 1, "relu6")
    stack.conv("score", 1, 3)
    stack.put(Resize("score/resized", stack.top, like=INPUT))
    return Network("convolution_benchmark_1_144x256", HEIGHT, tuple(stack.nodes), WIDTH)


def picture_network() -> Network:
    """The second: dense convolutions down to an 8th, and up again."""
    stack = Stack()
    seen = [stack.conv(f"encoder_{level}", channels, 3, 2, "relu6") for level, channels in enumerate((16, 32, 48))]
    for index in range(4):
        start = stack.top
        stack.conv(f"residual_{index}/first", 48, 3, activation="relu6")
        stack.conv(f"residual_{index}/second", 48, 3)
        stack.put(Add(f"residual_{index}/add", (stack.top, start)))
    for level, channels in ((1, 32), (0, 16)):
        below = stack.put(Resize(f"decoder_{level}/resized", stack.top, like=seen[level]))
        stack.put(Concat(f"decoder_{level}/concat", (below, seen[level])))
        stack.conv(f"decoder_{level}/conv", channels, 3, activation="relu6")
    stack.conv("colours", 3, 3)
    stack.put(Resize("colours/resized", stack.top, like=INPUT))
    return Network("convolution_benchmark_2_144x256", HEIGHT, tuple(stack.nodes), WIDTH)


def seeded_weights(network: Network) -> Weights:
    """Noise of a size that keeps activations alike through all layers, in the form of harness.zoo.standins.picture_models."""
    weights: dict[str, Array] = {f"{node.name}/range": _range(node) for node in network.nodes}
    for node, shape in zip(network.convolutions, weight_shapes(network).values(), strict=True):
        key = f"{network.name}/{node.name}"
        noise = normal_noise(key, shape)
        if not node.depthwise:
            # Without a mean along its inputs: behind a ReLU they all have one, which would drown what differs by picture.
            noise -= noise.mean(axis=(1, 2, 3), keepdims=True, dtype=np.float64).astype(np.float32)
        fan_in = math.prod(shape[1:3] if node.depthwise else shape[1:])
        weights[f"{node.name}/weight"] = np.clip(np.rint(noise * np.float32(_STEPS)), -127, 127).astype(np.int8)
        # A ReLU halves the power; where none follows, sums of residuals would only grow.
        power = 1 if node.activation == "none" else 2
        weights[f"{node.name}/scale"] = np.full(node.channels, math.sqrt(power / fan_in) / _STEPS, np.float32)
        weights[f"{node.name}/bias"] = normal_noise(f"{key}/bias", (node.channels,)) * np.float32(_BIAS_SPREAD)
    return weights


def _range(node: Node) -> Array:
    if isinstance(node, Conv):
        return np.array([0, 6] if node.activation == "relu6" else [-_LINEAR, _LINEAR], np.float32)
    # Of a resize and a concatenation: their sources' ranges are what counts.
    return np.array([-_SUM, _SUM] if isinstance(node, Add) else [0, 0], np.float32)


_NETWORKS: Mapping[str, Callable[[], Network]] = {
    "convolution_benchmark_1_144x256": mask_network,
    "convolution_benchmark_2_144x256": picture_network,
}


def build(name: str, variant: Variant) -> Graph:
    """The graph of one stand-in.

    Args:
        name: `convolution_benchmark_1_144x256` or `convolution_benchmark_2_144x256`.
        variant: `float32` or `int8`.
    """
    network = _NETWORKS[name]()
    built = Builder(network, seeded_weights(network), variant, input_name="input")
    made = built.tensors[network.nodes[-1].name]
    built.graph.output(picture_layers.logistic(built.graph, "mask", made) if made.shape[3] == 1 else made)
    return built.graph


def write_convolution_benchmark(file: BinaryIO, name: str, variant: Variant) -> None:
    """Writes one stand-in; arguments as for `build`.

    Raises:
        OSError: The file cannot be written.
    """
    build(name, variant).write(file)
