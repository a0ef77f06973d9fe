"""Operators of picture networks as functions, in float32 and int8: see harness.zoo.graph.layers.

The quantisation of an output is the caller's choice, except where kernels demand the input's own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import flexbuffers

from harness.zoo.graph.tensors import GraphTensor, Quantization, Shape
from harness.zoo.graph.writer import Graph
from harness.zoo.standins.layer_stack import Activation

_ACTIVATIONS = {
    "none": schema.ActivationFunctionType.NONE,
    "relu": schema.ActivationFunctionType.RELU,
    "relu6": schema.ActivationFunctionType.RELU6,
}
_PROBABILITY = Quantization.per_tensor(1 / 256, -128)
"""What kernels demand of an int8 softmax or sigmoid."""


def conv2d(
    graph: Graph,
    name: str,
    values: GraphTensor,
    weight: GraphTensor,
    bias: GraphTensor,
    *,
    stride: int = 1,
    dilation: int = 1,
    activation: Activation = "none",
    depthwise: bool = False,
    quantization: Quantization | None = None,
) -> GraphTensor:
    """A convolution of [1, h, w, c] with padding SAME; weight [outputs, k, l, c], of a depthwise one [1, k, l, c]."""
    _, height, width, _ = values.shape
    channels = weight.shape[3 if depthwise else 0]
    output = graph.tensor(name, (1, -(-height // stride), -(-width // stride), channels), values.dtype, quantization)
    settings = {
        "padding": schema.Padding.SAME,
        "strideW": stride,
        "strideH": stride,
        "dilationWFactor": dilation,
        "dilationHFactor": dilation,
        "fusedActivationFunction": _ACTIVATIONS[activation],
    }
    if depthwise:
        options = schema.DepthwiseConv2DOptionsT(depthMultiplier=1, **settings)
        graph.operator("DEPTHWISE_CONV_2D", [values, weight, bias], [output], options)
    else:
        graph.operator("CONV_2D", [values, weight, bias], [output], schema.Conv2DOptionsT(**settings))
    return output


def add(
    graph: Graph, name: str, left: GraphTensor, right: GraphTensor, quantization: Quantization | None = None
) -> GraphTensor:
    """The sum of two tensors of one shape."""
    output = graph.tensor(name, left.shape, left.dtype, quantization)
    graph.operator("ADD", [left, right], [output], schema.AddOptionsT())
    return output


def global_average_pool(graph: Graph, name: str, values: GraphTensor) -> GraphTensor:
    """The mean over height and width, [1, 1, 1, c]; quantised as its input."""
    _, height, width, channels = values.shape
    output = graph.tensor(name, (1, 1, 1, channels), values.dtype, values.quantization)
    options = schema.Pool2DOptionsT(
        padding=schema.Padding.VALID, strideW=1, strideH=1, filterWidth=width, filterHeight=height
    )
    graph.operator("AVERAGE_POOL_2D", [values], [output], options)
    return output


def resize_bilinear(graph: Graph, name: str, values: GraphTensor, height: int, width: int) -> GraphTensor:
    """Bilinear with neither corners aligned nor pixel centres halved; quantised as its input."""
    output = graph.tensor(name, (1, height, width, values.shape[3]), values.dtype, values.quantization)
    size = graph.constant(f"{name}/size", np.array([height, width], np.int32))
    graph.operator("RESIZE_BILINEAR", [values, size], [output], schema.ResizeBilinearOptionsT())
    return output


def concatenate(graph: Graph, name: str, parts: Sequence[GraphTensor], axis: int) -> GraphTensor:
    """Joins along one dimension; all parts must be quantised alike."""
    shape = list(parts[0].shape)
    shape[axis] = sum(part.shape[axis] for part in parts)
    output = graph.tensor(name, tuple(shape), parts[0].dtype, parts[0].quantization)
    graph.operator("CONCATENATION", parts, [output], schema.ConcatenationOptionsT(axis=axis))
    return output


def reshape(graph: Graph, name: str, values: GraphTensor, shape: Shape) -> GraphTensor:
    """The same elements in another shape; quantised as its input."""
    output = graph.tensor(name, shape, values.dtype, values.quantization)
    wanted = graph.constant(f"{name}/shape", np.array(shape, np.int32))
    graph.operator("RESHAPE", [values, wanted], [output], schema.ReshapeOptionsT(newShape=list(shape)))
    return output


def squeeze(graph: Graph, name: str, values: GraphTensor, axes: Sequence[int]) -> GraphTensor:
    """Without the dimensions named, which are of size 1; quantised as its input."""
    shape = tuple(size for axis, size in enumerate(values.shape) if axis not in axes)
    output = graph.tensor(name, shape, values.dtype, values.quantization)
    graph.operator("SQUEEZE", [values], [output], schema.SqueezeOptionsT(squeezeDims=list(axes)))
    return output


def softmax(graph: Graph, name: str, values: GraphTensor) -> GraphTensor:
    """Softmax over the last dimension."""
    output = graph.tensor(name, values.shape, values.dtype, values.quantization and _PROBABILITY)
    graph.operator("SOFTMAX", [values], [output], schema.SoftmaxOptionsT(beta=1.0))
    return output


def logistic(graph: Graph, name: str, values: GraphTensor) -> GraphTensor:
    """The sigmoid of each element."""
    output = graph.tensor(name, values.shape, values.dtype, values.quantization and _PROBABILITY)
    graph.operator("LOGISTIC", [values], [output])
    return output


def arg_max(graph: Graph, name: str, values: GraphTensor) -> GraphTensor:
    """The place of the highest element along the last dimension, int32."""
    output = graph.tensor(name, values.shape[:-1], np.int32)
    axis = graph.constant(f"{name}/dimension", np.array(len(values.shape) - 1, np.int32))
    options = schema.ArgMaxOptionsT(outputType=schema.TensorType.INT32)
    graph.operator("ARG_MAX", [values, axis], [output], options)
    return output


def quantize(
    graph: Graph, name: str, values: GraphTensor, dtype: npt.DTypeLike, quantization: Quantization
) -> GraphTensor:
    """The same values in another quantised type."""
    output = graph.tensor(name, values.shape, dtype, quantization)
    graph.operator("QUANTIZE", [values], [output], schema.QuantizeOptionsT())
    return output


def dequantize(graph: Graph, name: str, values: GraphTensor) -> GraphTensor:
    """The same values in float32."""
    output = graph.tensor(name, values.shape, np.float32)
    graph.operator("DEQUANTIZE", [values], [output], schema.DequantizeOptionsT())
    return output


def detection_post_process(
    graph: Graph,
    name: str,
    boxes: GraphTensor,
    scores: GraphTensor,
    anchors: GraphTensor,
    options: dict[str, float | int | bool],
) -> list[GraphTensor]:
    """The custom operator that decodes boxes and drops those that overlap better ones.

    Args:
        graph: Where it goes.
        name: Of the first output; the others have `:1` to `:3` behind it.
        boxes: float32 [1, n, 4], relative to the anchors.
        scores: float32 [1, n, classes], the background first.
        anchors: float32 [n, 4].
        options: As its kernel reads them, `max_detections` among them.

    Returns:
        Boxes [1, m, 4] (ymin, xmin, ymax, xmax), classes [1, m] (0 is the first behind the background), scores [1, m],
        and count [1], all float32.
    """
    most = int(options["max_detections"])
    outputs = [
        graph.tensor(f"{name}{suffix}", shape, np.float32)
        for suffix, shape in (("", (1, most, 4)), (":1", (1, most)), (":2", (1, most)), (":3", (1,)))
    ]
    graph.operator(
        "TFLite_Detection_PostProcess",
        [boxes, scores, anchors],
        outputs,
        custom_options=bytes(flexbuffers.Dumps(options)),
    )
    return outputs
