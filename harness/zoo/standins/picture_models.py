"""Writes the picture stand-ins: the official graphs in float32 and int8, from one set of int8 weights.

The weights lie in `weights/NAME.npz`. For every convolution there are `/weight` (int8, as harness.zoo.standins.networks shapes
it), `/scale` (float32, one an output channel) and `/bias` (float32); for every node `/range` (float32, least and most of
what it gave to pictures of the fit part). The float32 model has the same weights multiplied out, so the two differ by
the rounding of activations alone. How they were made: harness/zoo/training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt

from harness.zoo.graph.noise import normal_noise
from harness.zoo.graph.tensors import GraphTensor, Quantization, Shape
from harness.zoo.graph.writer import Graph
from harness.zoo.standins import networks, picture_layers
from harness.zoo.standins.layer_stack import INPUT, Add, Concat, Conv, GlobalPool, Network, Node, sources, weight_shapes
from harness.zoo.standins.ssd import POST_PROCESS, anchors

Array = npt.NDArray[Any]
Weights = Mapping[str, Array]
Variant = Literal["float32", "int8"]

WEIGHTS = Path(__file__).parent / "weights"
_LEAST, _MOST = -128, 127
_INPUT_SCALE = 1 / 128
"""Of quantised pictures: the byte minus 128, times this, is close to -1 to 1."""

_NOISE_STEPS = 36
"""Of int8 to one standard deviation of seeded weights, which never pass 3.5 of them."""
_NOISE_SPREAD = 0.1
_NOISE_LOGIT = 12.0
"""No logit of seeded classes passes it."""


def load_weights(name: str) -> Weights:
    """One set of weights: as it ships, or for `mobilenet_v2` the detector's backbone with classes from a seed.

    Raises:
        OSError: It is not there.
    """
    if name == "mobilenet_v2":
        return _seeded_classes(load_weights("ssd_mobilenet_v2"))
    with np.load(WEIGHTS / f"{name}.npz", allow_pickle=False) as archive:
        return {key: archive[key] for key in archive.files}


def _seeded_classes(backbone: Weights) -> Weights:
    """Features that differ by picture, and classes that mean nothing: for benchmarks that need only a graph."""
    classes, pool = "Logits/Conv2d_1c_1x1", "Logits/AvgPool"
    shape = weight_shapes(networks.mobilenet_v2())[classes]
    noise = normal_noise(f"mobilenet_v2/{classes}", shape)
    # Without a mean along its inputs, so that a class does not win for every picture.
    noise -= noise.mean(axis=3, keepdims=True)
    return {
        **backbone,
        f"{classes}/weight": np.clip(np.rint(noise * np.float32(_NOISE_STEPS)), -_MOST, _MOST).astype(np.int8),
        f"{classes}/scale": np.full(shape[0], _NOISE_SPREAD / _NOISE_STEPS, np.float32),
        f"{classes}/bias": np.zeros(shape[0], np.float32),
        f"{classes}/range": np.array([-_NOISE_LOGIT, _NOISE_LOGIT], np.float32),
        f"{pool}/range": backbone["Conv_1/range"],
    }


def activation_quantization(low: float, high: float) -> Quantization:
    """The int8 scale and zero point that cover a range and hold 0 exactly."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = max(high - low, 1e-6) / (_MOST - _LEAST)
    return Quantization.per_tensor(scale, int(np.clip(round(_LEAST - low / scale), _LEAST, _MOST)))


def bound_together(network: Network, also: Iterable[Iterable[str]] = ()) -> dict[str, frozenset[str]]:
    """For every node those that kernels want quantised alike: what a concatenation, a pool or a resize joins.

    Args:
        network: The nodes.
        also: Further groups, for what follows the network.
    """
    group = {node.name: frozenset({node.name}) for node in network.nodes}
    ties = [(node.name, *sources(node)) for node in network.nodes if not isinstance(node, Add | Conv)]
    for tie in (*ties, *also):
        joined = frozenset[str]().union(*(group[name] for name in tie))
        group |= dict.fromkeys(joined, joined)
    return group


class Builder:
    """A network's graph in the making."""

    def __init__(
        self,
        network: Network,
        weights: Weights,
        variant: Variant,
        *,
        input_name: str,
        uint8_input: bool = False,
        also_alike: Iterable[Iterable[str]] = (),
        input_quantization: Quantization | None = None,
        input_shape: Shape | None = None,
    ) -> None:
        """Adds all nodes.

        Args:
            network: The nodes.
            weights: See the module.
            variant: Of the activations.
            input_name: Of the picture.
            uint8_input: The int8 model takes bytes as they are and quantises them first.
            also_alike: See `bound_together`.
            input_quantization: Of the int8 model's input; None for bytes less 128 that stand for -1 to 1.
            input_shape: Of the model's input, where it has another than the network's and is reshaped to that.
        """
        self.graph = Graph(f"{network.name} stand-in, {variant}")
        self.quantized = variant == "int8"
        self._weights = weights
        self._groups = bound_together(network, also_alike)
        self._input_quantization = input_quantization or Quantization.per_tensor(_INPUT_SCALE, 0)
        first = self._picture((1, *network.picture) if input_shape is None else input_shape, input_name, uint8_input)
        if input_shape is not None:
            first = picture_layers.reshape(self.graph, f"{input_name}/places", first, (1, *network.picture))
        self.tensors: dict[str, GraphTensor] = {INPUT: first}
        for node in network.nodes:
            self.tensors[node.name] = self._add(node)

    def _picture(self, shape: Shape, name: str, uint8_input: bool) -> GraphTensor:
        if not self.quantized:
            return self.graph.input(name, shape, np.float32)
        quantization = self._input_quantization
        if not uint8_input:
            return self.graph.input(name, shape, np.int8, quantization)
        picture = self.graph.input(name, shape, np.uint8, Quantization.per_tensor(_INPUT_SCALE, 128))
        return picture_layers.quantize(self.graph, f"{name}_int8", picture, np.int8, quantization)

    def _add(self, node: Node) -> GraphTensor:
        graph, found = self.graph, [self.tensors[source] for source in sources(node)]
        if isinstance(node, Conv):
            return self._convolution(node, found[0])
        if isinstance(node, Add):
            return picture_layers.add(graph, node.name, found[0], found[1], self._quantization(node.name))
        if isinstance(node, GlobalPool):
            return picture_layers.global_average_pool(graph, node.name, found[0])
        if isinstance(node, Concat):
            return picture_layers.concatenate(graph, node.name, found, axis=3)
        _, height, width, _ = self.tensors[node.like].shape
        return picture_layers.resize_bilinear(graph, node.name, found[0], height, width)

    def _quantization(self, name: str) -> Quantization | None:
        if not self.quantized:
            return None
        ranges = np.stack([self._weights[f"{member}/range"] for member in sorted(self._groups[name])])
        return activation_quantization(float(ranges[:, 0].min()), float(ranges[:, 1].max()))

    def _convolution(self, node: Conv, values: GraphTensor) -> GraphTensor:
        weight, bias = (self._quantized_constants if self.quantized else self._float_constants)(node, values)
        return picture_layers.conv2d(
            self.graph,
            node.name,
            values,
            weight,
            bias,
            stride=node.stride,
            dilation=node.dilation,
            activation=node.activation,
            depthwise=node.depthwise,
            quantization=self._quantization(node.name),
        )

    def _float_constants(self, node: Conv, values: GraphTensor) -> tuple[GraphTensor, GraphTensor]:
        del values
        stored, scale, bias = self._stored(node)
        along = scale if node.depthwise else scale[:, None, None, None]
        weight = self.graph.constant(f"{node.name}/weight", stored * along)
        return weight, self.graph.constant(f"{node.name}/bias", bias)

    def _quantized_constants(self, node: Conv, values: GraphTensor) -> tuple[GraphTensor, GraphTensor]:
        stored, scale, bias = self._stored(node)
        quantization = Quantization.per_channel(scale, axis=3 if node.depthwise else 0)
        weight = self.graph.constant(f"{node.name}/weight", stored, quantization)
        if values.quantization is None:
            raise ValueError(f"{values.name} has no quantisation, but {node.name} needs it for its bias")
        steps = scale.astype(np.float64) * values.quantization.scales[0]
        limits = np.iinfo(np.int32)
        whole = np.clip(np.rint(bias / steps), limits.min, limits.max).astype(np.int32)
        as_stored = Quantization.per_channel(steps.astype(np.float32), axis=0)
        return weight, self.graph.constant(f"{node.name}/bias", whole, as_stored)

    def _stored(self, node: Conv) -> tuple[Array, Array, Array]:
        weight, scale, bias = (self._weights[f"{node.name}/{kind}"] for kind in ("weight", "scale", "bias"))
        return weight, scale, bias


def classifier(network: Network, weights: Weights, variant: Variant) -> Graph:
    """A network of class scores with the softmax behind it."""
    built = Builder(network, weights, variant, input_name="input")
    graph, scores = built.graph, built.tensors[network.nodes[-1].name]
    flat = picture_layers.squeeze(graph, "Logits/SpatialSqueeze", scores, (1, 2))
    flat = picture_layers.reshape(graph, "Predictions/Reshape", flat, flat.shape)
    graph.output(picture_layers.softmax(graph, "Predictions/Softmax", flat))
    return graph


def segmenter(network: Network, weights: Weights, variant: Variant) -> Graph:
    """A network of class scores a place, enlarged to the picture, and the best class of each pixel."""
    built = Builder(network, weights, variant, input_name="MobilenetV2/MobilenetV2/input", uint8_input=True)
    graph, scores = built.graph, built.tensors[network.nodes[-1].name]
    enlarged = picture_layers.resize_bilinear(graph, "ResizeBilinear_1", scores, network.side, network.side)
    graph.output(picture_layers.arg_max(graph, "ArgMax", enlarged))
    return graph


def detector(network: Network, weights: Weights, variant: Variant) -> Graph:
    """A network of box and class predictions, joined, decoded and thinned out by TFLite_Detection_PostProcess."""
    boxes, classes = networks.predictors("boxes"), networks.predictors("classes")
    built = Builder(
        network,
        weights,
        variant,
        input_name="normalized_input_image_tensor",
        uint8_input=True,
        also_alike=(boxes, classes),
    )
    graph = built.graph
    parts: dict[str, list[GraphTensor]] = {"boxes": [], "classes": []}
    for index, per_place in enumerate(networks.ANCHORS_AT):
        for role, width in (("boxes", (1, 4)), ("classes", (networks.DETECTION_CLASSES,))):
            made = built.tensors[f"predictor_{index}/{role}"]
            count = made.shape[1] * made.shape[2] * per_place
            parts[role].append(picture_layers.reshape(graph, f"{made.name}/rows", made, (1, count, *width)))
    joined = picture_layers.concatenate(graph, "concat", parts["boxes"], axis=1)
    encodings = picture_layers.reshape(graph, "Squeeze", joined, (1, joined.shape[1], 4))
    joined = picture_layers.concatenate(graph, "concat_1", parts["classes"], axis=1)
    scores = picture_layers.logistic(graph, "convert_scores", joined)
    if built.quantized:
        # The kernel knows float32 and uint8.
        encodings = picture_layers.dequantize(graph, "Squeeze/float", encodings)
        scores = picture_layers.dequantize(graph, "convert_scores/float", scores)
    fixed = graph.constant("anchors", anchors())
    name = "TFLite_Detection_PostProcess"
    for output in picture_layers.detection_post_process(graph, name, encodings, scores, fixed, POST_PROCESS):
        graph.output(output)
    return graph


def plain_classifier(network: Network, weights: Weights, variant: Variant) -> Graph:
    """As `classifier`, with the one reshape that the published MobileNetV2 has."""
    built = Builder(network, weights, variant, input_name="input")
    graph, scores = built.graph, built.tensors[network.nodes[-1].name]
    flat = picture_layers.reshape(graph, "Logits/Squeeze", scores, (1, scores.shape[3]))
    graph.output(picture_layers.softmax(graph, "Predictions/Softmax", flat))
    return graph


_MODELS: Mapping[str, tuple[Callable[[Network, Weights, Variant], Graph], Callable[[], Network]]] = {
    "mobilenet_edgetpu": (classifier, networks.mobilenet_edgetpu),
    "mobilenet_v2": (plain_classifier, networks.mobilenet_v2),
    "deeplabv3": (segmenter, networks.deeplabv3),
    "ssd_mobilenet_v2": (detector, networks.ssd_mobilenet_v2),
}


def build(name: str, variant: Variant, weights: Weights | None = None) -> Graph:
    """The graph of one stand-in: `mobilenet_edgetpu`, `mobilenet_v2`, `deeplabv3` or `ssd_mobilenet_v2`.

    Args:
        name: Of the network.
        variant: `float32` or `int8`.
        weights: Others than those that ship.
    """
    make, network = _MODELS[name]
    return make(network(), load_weights(name) if weights is None else weights, variant)


def write_picture_model(file: BinaryIO, name: str, variant: Variant) -> None:
    """Writes one stand-in; arguments as for `build`.

    Raises:
        OSError: The file cannot be written.
    """
    build(name, variant).write(file)
