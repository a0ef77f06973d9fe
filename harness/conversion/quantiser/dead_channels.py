"""Biases of channels whose weights are next to nothing, which litert-quantizer 0.11 loses.

A bias counts in steps of its input's scale times its channel's. Where training has left a channel's weights at 1e-11, that
step is so small that the bias does not fit: the quantiser writes the least number that there is, and the channel answers 0
where it should answer its bias. MLPerf Tiny's visual wake words has a thousand such channels. Here each gets a scale that is
large enough, its weights are rounded anew by it, and its bias is taken from the float model.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from harness.conversion.model_objects import constant, new_buffer, operator_name, text

_OPS = frozenset(
    {
        schema.BuiltinOperator.CONV_2D,
        schema.BuiltinOperator.DEPTHWISE_CONV_2D,
        schema.BuiltinOperator.FULLY_CONNECTED,
    }
)
_BIASES = {schema.TensorType.INT32: (np.int32, 2.0**29), schema.TensorType.INT64: (np.int64, 2.0**39)}
"""A bias's type, and the most that it may be with room for the sum of products."""


def mend_dead_channels(model: Any, original: Any) -> int:
    """Mends a quantised model.

    Args:
        model: `schema.ModelT`, which is changed.
        original: The float model that it was made of.

    Returns:
        How many channels were mended.
    """
    floats = {
        text(tensor.name): constant(original, tensor, np.float32)
        for graph in original.subgraphs
        for tensor in graph.tensors
        if tensor.type == schema.TensorType.FLOAT32
    }
    return sum(
        _mended(model, graph, operator, floats)
        for graph in model.subgraphs
        for operator in graph.operators
        if operator_name(model, operator) in _OPS and len(operator.inputs) > 2 and operator.inputs[2] >= 0
    )


def _mended(model: Any, graph: Any, operator: Any, floats: dict[str, Any]) -> int:
    values, weights, bias = (graph.tensors[index] for index in operator.inputs[:3])
    real = floats.get(text(bias.name))
    if bias.type not in _BIASES or weights.type != schema.TensorType.INT8 or real is None or not real.size:
        return 0
    dtype, most = _BIASES[bias.type]
    of_input = float(values.quantization.scale[0])
    scales = np.asarray(weights.quantization.scale, np.float64)
    least = np.abs(real.astype(np.float64)) / (most * of_input)
    wider = np.maximum(scales, least if len(scales) > 1 else least.max())
    dead = wider > scales
    if not dead.any():
        return 0
    stored = constant(model, weights, np.int8)
    shape = [1] * stored.ndim
    shape[int(weights.quantization.quantizedDimension)] = -1
    rounded = np.round(stored * (scales / wider).reshape(shape)).astype(np.int8)
    steps = wider * of_input
    whole = constant(model, bias, dtype).copy()
    changed = np.broadcast_to(dead, whole.shape)
    whole[changed] = np.round(real / steps)[changed].astype(dtype)
    weights.buffer, bias.buffer = new_buffer(model, rounded), new_buffer(model, whole)
    weights.quantization.scale = wider.astype(np.float32)
    bias.quantization.scale = steps.astype(np.float32)
    return int(dead.sum())
