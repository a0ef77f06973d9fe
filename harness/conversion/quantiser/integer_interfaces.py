"""Inputs and outputs of int8 models as uint8, with a QUANTIZE op at each: the same real values, 128 further up.

That is what TensorFlow's converter makes of `inference_input_type=uint8`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from harness.conversion.model_objects import text

_SHIFT = 128
_VERSION = 2
"""Of QUANTIZE for 8 bits on both sides."""


def with_uint8_interfaces(model: Any) -> None:
    """Gives every int8 input and output of the first graph a uint8 tensor before or behind it.

    Args:
        model: `schema.ModelT`, which is changed. The names of the signature stay.
    """
    graph = model.subgraphs[0]
    code = _quantize_code(model)
    before: list[Any] = []
    behind: list[Any] = []
    moved: dict[int, int] = {}
    for index in dict.fromkeys([*graph.inputs, *graph.outputs]):
        inner = graph.tensors[index]
        if inner.type != schema.TensorType.INT8 or inner.quantization is None or inner.quantization.scale is None:
            continue
        outer = _twin(inner)
        graph.tensors.append(outer)
        moved[int(index)] = len(graph.tensors) - 1
        name = text(inner.name)
        inner.name, outer.name = f"{name}_int8", name
        operator = schema.OperatorT()
        operator.opcodeIndex = code
        operator.builtinOptionsType, operator.builtinOptions = (
            schema.BuiltinOptions.QuantizeOptions,
            schema.QuantizeOptionsT(),
        )
        is_input = index in list(graph.inputs)
        ends = [moved[int(index)]], [int(index)]
        operator.inputs, operator.outputs = ends if is_input else ends[::-1]
        (before if is_input else behind).append(operator)
    graph.operators = [*before, *graph.operators, *behind]
    graph.inputs = [moved.get(int(index), int(index)) for index in graph.inputs]
    graph.outputs = [moved.get(int(index), int(index)) for index in graph.outputs]
    for signature in model.signatureDefs or ():
        if signature.subgraphIndex == 0:
            for named in [*(signature.inputs or ()), *(signature.outputs or ())]:
                named.tensorIndex = moved.get(int(named.tensorIndex), int(named.tensorIndex))


def _twin(inner: Any) -> Any:
    outer = schema.TensorT()
    outer.shape, outer.shapeSignature, outer.hasRank = inner.shape, inner.shapeSignature, inner.hasRank
    outer.type, outer.buffer = schema.TensorType.UINT8, 0
    outer.quantization = schema.QuantizationParametersT(
        scale=np.asarray(inner.quantization.scale, np.float32),
        zeroPoint=np.asarray(inner.quantization.zeroPoint, np.int64) + _SHIFT,
    )
    return outer


def _quantize_code(model: Any) -> int:
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.QUANTIZE
    code.version = _VERSION
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1
