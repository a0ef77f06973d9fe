"""A Darknet network as a TFLite graph: float32, channels last, the heads as they are for whoever decodes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from harness.conversion.darknet.configuration import read_network
from harness.conversion.darknet.layers import (
    Activation,
    Convolution,
    DarknetNetwork,
    Layer,
    MaxPool,
    Route,
    Shortcut,
    Upsample,
)
from harness.conversion.darknet.weights import Folded, read_weights
from harness.whole_file import replacing
from harness.zoo.graph import layers
from harness.zoo.graph.tensors import GraphTensor
from harness.zoo.graph.writer import Graph

INPUT = "picture"
"""float32 [1, height, width, channels], RGB from 0 to 1, as Darknet has them."""
_LEAK = 0.1
_LOWEST = np.finfo(np.float32).min


def write_darknet(cfg: Path, weights: Path, place: Path) -> DarknetNetwork:
    """Writes the network as a float TFLite model.

    Args:
        cfg: What the network is.
        weights: Its weights.
        place: Of the model.

    Raises:
        ConfigError: One cannot be read, is not known here, or they do not belong together.
    """
    network = read_network(cfg)
    graph = darknet_graph(network, read_weights(weights, network), cfg.stem)
    with replacing(place) as file:
        graph.write(file)
    return network


def darknet_graph(network: DarknetNetwork, weights: Mapping[int, Folded], name: str) -> Graph:
    """The graph. Outputs are `output_PLACE`, PLACE being the layer's, in the order of the .cfg."""
    graph = Graph(f"{name}, from Darknet")
    values = graph.input(INPUT, (1, *network.takes), np.float32)
    made: list[GraphTensor] = []
    for place, layer in enumerate(network.layers):
        values = _layer(graph, f"layer_{place}", layer, values, made, weights.get(place))
        made.append(values)
    for place in network.outputs:
        graph.output(made[place], f"output_{place}")
    return graph


def _layer(
    graph: Graph, name: str, layer: Layer, values: GraphTensor, made: Sequence[GraphTensor], folded: Folded | None
) -> GraphTensor:
    kind = layer.kind
    if isinstance(kind, Convolution) and folded is not None:
        summed = _convolution(graph, name, layer, kind, values, folded)
        return _activated(graph, name, summed, kind.activation)
    if isinstance(kind, MaxPool):
        return _max_pool(graph, name, layer, kind, values)
    if isinstance(kind, Upsample):
        size = graph.constant(f"{name}/size", np.array(layer.gives[:2], np.int32))
        output = graph.tensor(name, (1, *layer.gives), np.float32)
        graph.operator("RESIZE_NEAREST_NEIGHBOR", [values, size], [output], schema.ResizeNearestNeighborOptionsT())
        return output
    if isinstance(kind, Route):
        parts = [_part(graph, f"{name}/part_{number}", made[which], kind) for number, which in enumerate(kind.layers)]
        return parts[0] if len(parts) == 1 else layers.concatenate(graph, name, parts)
    if isinstance(kind, Shortcut):
        return _activated(graph, name, layers.add(graph, f"{name}/sum", values, made[kind.layer]), kind.activation)
    return values


def _convolution(
    graph: Graph, name: str, layer: Layer, kind: Convolution, values: GraphTensor, folded: Folded
) -> GraphTensor:
    # TFLite's own padding puts the odd pixel behind, Darknet pads both sides alike: the same only where nothing is left over.
    same = kind.stride == 1 and 2 * kind.padding == kind.size - 1
    if not same and kind.padding:
        around = (kind.padding, kind.padding)
        values = layers.pad(graph, f"{name}/padded", values, [(0, 0), around, around, (0, 0)])
    padding = schema.Padding.SAME if same else schema.Padding.VALID
    channels = layer.takes[2]
    if kind.groups == channels and kind.groups > 1:
        output = graph.tensor(f"{name}/sums", (1, *layer.gives), np.float32)
        weight = folded.weight[:, 0].transpose(1, 2, 0)[None]
        options = schema.DepthwiseConv2DOptionsT(
            padding=padding, strideW=kind.stride, strideH=kind.stride, depthMultiplier=kind.filters // channels
        )
        inputs = [values, graph.constant(f"{name}/weight", weight), graph.constant(f"{name}/bias", folded.bias)]
        graph.operator("DEPTHWISE_CONV_2D", inputs, [output], options)
        return output
    numbers = range(kind.groups)
    parts = [values]
    if kind.groups > 1:
        parts = layers.split(graph, [f"{name}/group_{number}" for number in numbers], values, 3)
    width = kind.filters // kind.groups
    sums = []
    for number in numbers:
        own = slice(number * width, (number + 1) * width)
        called = f"{name}/sums" if kind.groups == 1 else f"{name}/sums_{number}"
        output = graph.tensor(called, (1, *layer.gives[:2], width), np.float32)
        filters = graph.constant(f"{called}/weight", folded.weight[own].transpose(0, 2, 3, 1))
        bias = graph.constant(f"{called}/bias", folded.bias[own])
        options = schema.Conv2DOptionsT(padding=padding, strideW=kind.stride, strideH=kind.stride)
        graph.operator("CONV_2D", [parts[number], filters, bias], [output], options)
        sums.append(output)
    return sums[0] if len(sums) == 1 else layers.concatenate(graph, f"{name}/sums", sums)


def _activated(graph: Graph, name: str, values: GraphTensor, activation: Activation) -> GraphTensor:
    if activation == "linear":
        return values
    output = graph.tensor(name, values.shape, np.float32)
    if activation == "leaky":
        graph.operator("LEAKY_RELU", [values], [output], schema.LeakyReluOptionsT(alpha=_LEAK))
    elif activation == "swish":
        share = graph.tensor(f"{name}/share", values.shape, np.float32)
        graph.operator("LOGISTIC", [values], [share])
        graph.operator("MUL", [values, share], [output], schema.MulOptionsT())
    else:
        graph.operator({"relu": "RELU", "relu6": "RELU6", "logistic": "LOGISTIC"}[activation], [values], [output])
    return output


def _max_pool(graph: Graph, name: str, layer: Layer, kind: MaxPool, values: GraphTensor) -> GraphTensor:
    before = kind.padding // 2
    pads, same = [], True
    for side, count in zip(layer.takes[:2], layer.gives[:2], strict=True):
        needed = max((count - 1) * kind.stride + kind.size - side, 0)
        pads.append((before, max(needed - before, 0)))
        same &= count == -(-side // kind.stride) and before == needed // 2
    if not same and any(map(any, pads)):
        values = _padded_with_the_least(graph, name, values, pads)
    output = graph.tensor(name, (1, *layer.gives), np.float32)
    options = schema.Pool2DOptionsT(
        padding=schema.Padding.SAME if same else schema.Padding.VALID,
        strideW=kind.stride,
        strideH=kind.stride,
        filterWidth=kind.size,
        filterHeight=kind.size,
    )
    graph.operator("MAX_POOL_2D", [values], [output], options)
    return output


def _padded_with_the_least(
    graph: Graph, name: str, values: GraphTensor, pads: Sequence[tuple[int, int]]
) -> GraphTensor:
    amounts: list[tuple[int, int]] = [(0, 0), *pads, (0, 0)]
    shape = tuple(size + sum(amount) for size, amount in zip(values.shape, amounts, strict=True))
    output = graph.tensor(f"{name}/padded", shape, np.float32)
    inputs: list[Any] = [
        values,
        graph.constant(f"{name}/padding", np.array(amounts, np.int32)),
        graph.constant(f"{name}/least", np.array(_LOWEST, np.float32)),
    ]
    graph.operator("PADV2", inputs, [output], schema.PadV2OptionsT())
    return output


def _part(graph: Graph, name: str, values: GraphTensor, kind: Route) -> GraphTensor:
    if kind.groups == 1:
        return values
    width = values.shape[3] // kind.groups
    return layers.crop(graph, name, values, (0, 0, 0, kind.group * width), (*values.shape[:3], width))
