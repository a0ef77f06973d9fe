"""A model quantised in uint8 with one scale a tensor, as one in int8 with one scale a channel, which kernels run quicker.

Activations stay what they are: each number and each zero point is 128 less. Weights have zero points in the old form and may
have none in the new one, so they are rounded anew, each channel by its own largest value; a single symmetric scale for the
whole tensor would lose the network. A bias's scale is its input's times the channel's, so a channel of tiny weights gets a
scale large enough for its bias to fit 32 bits with room to spare.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from harness.conversion.model_objects import constant, new_buffer, operator_name, text
from harness.errors import ConfigError

_OPS = schema.BuiltinOperator
_SHIFT = 128
_MOST = 127
_BIAS_MOST = 2.0**29
_LEAST = 1e-12
"""Of a channel whose weights are all zero: kernels refuse a scale of 0."""
_CHANNEL_AXIS = {_OPS.CONV_2D: 0, _OPS.DEPTHWISE_CONV_2D: 3, _OPS.FULLY_CONNECTED: None}
"""Of the weights; a dense layer keeps one scale, for not every kernel takes more of it."""
_VERSIONS = {
    _OPS.CONV_2D: 3,
    _OPS.DEPTHWISE_CONV_2D: 3,
    _OPS.FULLY_CONNECTED: 4,
    **dict.fromkeys(
        (
            _OPS.ADD,
            _OPS.AVERAGE_POOL_2D,
            _OPS.CONCATENATION,
            _OPS.DEQUANTIZE,
            _OPS.LOGISTIC,
            _OPS.MAX_POOL_2D,
            _OPS.MEAN,
            _OPS.MUL,
            _OPS.PAD,
            _OPS.RELU,
            _OPS.RELU6,
            _OPS.RESIZE_BILINEAR,
            _OPS.SOFTMAX,
            _OPS.SUB,
            _OPS.TANH,
        ),
        2,
    ),
    _OPS.RESHAPE: 1,
    _OPS.SQUEEZE: 1,
    _OPS.CUSTOM: 1,
}
"""The first version of each kernel that takes int8: the converter's op_version.cc."""


def to_int8_per_channel(model: Any) -> None:
    """Changes the model.

    Args:
        model: `schema.ModelT` of one graph.

    Raises:
        ConfigError: It has several graphs, an op whose int8 form is not known here, or weights without a scale.
    """
    if len(model.subgraphs) != 1:
        raise ConfigError(
            f"a uint8 model of {len(model.subgraphs)} graphs is not converted: only one of a single graph is"
        )
    graph = model.subgraphs[0]
    numbers = {operator_name(model, operator) for operator in graph.operators}
    if foreign := sorted(numbers - set(_VERSIONS)):
        names = {number: name for name, number in vars(_OPS).items() if isinstance(number, int)}
        raise ConfigError(
            f"uint8 models with {', '.join(names.get(number, str(number)) for number in foreign)} are not converted: the int8 "
            "form of that op is not known here; quantise the float model instead"
        )
    _shift(model, graph)
    done: set[int] = set()
    for operator in graph.operators:
        if (kind := operator_name(model, operator)) in _CHANNEL_AXIS and operator.inputs[1] not in done:
            done.add(operator.inputs[1])
            _weigh_anew(model, graph, operator, _CHANNEL_AXIS[kind])
    for code in model.operatorCodes:
        kind = max(code.builtinCode, code.deprecatedBuiltinCode)
        code.version = max(code.version, _VERSIONS.get(kind, 1))


def _shift(model: Any, graph: Any) -> None:
    """Everything of uint8 as int8: the same real values."""
    done: dict[int, int] = {}
    for tensor in graph.tensors:
        if tensor.type != schema.TensorType.UINT8:
            continue
        values = constant(model, tensor, np.uint8)
        tensor.type = schema.TensorType.INT8
        if (quantisation := tensor.quantization) is not None and quantisation.zeroPoint is not None:
            quantisation.zeroPoint = np.asarray(quantisation.zeroPoint, np.int64) - _SHIFT
        if values.size:
            if tensor.buffer not in done:
                done[tensor.buffer] = new_buffer(model, (values.astype(np.int16) - _SHIFT).astype(np.int8))
            tensor.buffer = done[tensor.buffer]


def _weigh_anew(model: Any, graph: Any, operator: Any, axis: int | None) -> None:
    values, weights = graph.tensors[operator.inputs[0]], graph.tensors[operator.inputs[1]]
    scale, zero_point = _one_scale(weights)
    stored = constant(model, weights, np.int8)
    if not stored.size:
        raise ConfigError(f"the weights {text(weights.name)!r} are no constant: such a model is not converted")
    real = (stored.astype(np.float64) - zero_point) * scale
    others = None if axis is None else tuple(each for each in range(real.ndim) if each != axis)
    scales = np.maximum(np.abs(real).max(axis=others), _LEAST).reshape(-1) / _MOST
    bias = graph.tensors[operator.inputs[2]] if len(operator.inputs) > 2 and operator.inputs[2] >= 0 else None
    if bias is not None:
        input_scale, _ = _one_scale(values)
        real_bias = constant(model, bias, np.int32) * _one_scale(bias)[0]
        least = np.abs(real_bias) / (_BIAS_MOST * input_scale)
        scales = np.maximum(scales, least if axis is not None else least.max())
        stored_bias = np.round(real_bias / (scales * input_scale)).astype(np.int32)
        _put(model, bias, stored_bias, scales * input_scale, 0)
    shape = [1] * real.ndim
    shape[axis or 0] = -1
    _put(
        model,
        weights,
        np.clip(np.round(real / scales.reshape(shape)), -_MOST, _MOST).astype(np.int8),
        scales,
        axis or 0,
    )


def _one_scale(tensor: Any) -> tuple[float, int]:
    found = tensor.quantization
    if found is None or found.scale is None or len(found.scale) != 1:
        raise ConfigError(f"tensor {text(tensor.name)!r} has no single scale: such a model is not converted")
    return float(found.scale[0]), int(found.zeroPoint[0]) if found.zeroPoint is not None else 0


def _put(model: Any, tensor: Any, values: npt.NDArray[Any], scales: npt.NDArray[Any], axis: int) -> None:
    tensor.buffer = new_buffer(model, values)
    tensor.quantization = schema.QuantizationParametersT(
        scale=scales.astype(np.float32), zeroPoint=np.zeros(len(scales), np.int64), quantizedDimension=axis
    )
