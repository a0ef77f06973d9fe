from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from harness.zoo.graph.versions import operator_version

_OP_NAMES = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
_TYPES = {
    schema.TensorType.FLOAT32: np.float32,
    schema.TensorType.INT32: np.int32,
    schema.TensorType.INT8: np.int8,
    schema.TensorType.UINT8: np.uint8,
}


@dataclass
class _Operand:
    dtype: np.dtype[Any]
    per_channel: bool = False


_FLOAT, _INT8, _INT32 = (_Operand(np.dtype(dtype)) for dtype in (np.float32, np.int8, np.int32))
_INT8_PER_CHANNEL = _Operand(np.dtype(np.int8), per_channel=True)
_KEEP = schema.FullyConnectedOptionsT(keepNumDims=True)


@pytest.mark.parametrize(
    ("op", "inputs", "options", "version"),
    [
        ("FULLY_CONNECTED", [_FLOAT, _FLOAT, _FLOAT], _KEEP, 5),
        ("FULLY_CONNECTED", [_FLOAT, _FLOAT], _KEEP, 6),
        ("FULLY_CONNECTED", [_FLOAT, _INT8_PER_CHANNEL, _FLOAT], _KEEP, 12),
        ("FULLY_CONNECTED", [_FLOAT, _INT8, _FLOAT], schema.FullyConnectedOptionsT(), 3),
        ("FULLY_CONNECTED", [_FLOAT, _INT8, _FLOAT], schema.FullyConnectedOptionsT(asymmetricQuantizeInputs=True), 9),
        ("CONV_2D", [_FLOAT, _INT8_PER_CHANNEL, _FLOAT], schema.Conv2DOptionsT(), 5),
        ("CONV_2D", [_FLOAT, _INT8, _FLOAT], schema.Conv2DOptionsT(), 2),
        ("DEPTHWISE_CONV_2D", [_FLOAT, _INT8_PER_CHANNEL, _FLOAT], schema.DepthwiseConv2DOptionsT(), 6),
        ("DEPTHWISE_CONV_2D", [_FLOAT, _FLOAT], schema.DepthwiseConv2DOptionsT(1, 1, 1, 1, 0, 2, 2), 2),
        ("TRANSPOSE_CONV", [_INT32, _FLOAT, _FLOAT, _FLOAT], schema.TransposeConvOptionsT(), 3),
        ("TRANSPOSE_CONV", [_INT32, _INT8, _INT8], schema.TransposeConvOptionsT(), 2),
        ("TRANSPOSE_CONV", [_INT32, _FLOAT, _FLOAT], schema.TransposeConvOptionsT(), 1),
        ("EMBEDDING_LOOKUP", [_INT32, _INT8_PER_CHANNEL], None, 4),
        ("EMBEDDING_LOOKUP", [_INT32, _FLOAT], None, 1),
        ("SPLIT", [_INT32, _INT8], None, 2),
        ("SPLIT", [_INT32, _FLOAT], None, 1),
        ("CAST", [_INT8], None, 3),
        ("DEQUANTIZE", [_INT8_PER_CHANNEL], None, 5),
        ("RESIZE_BILINEAR", [_FLOAT, _INT32], schema.ResizeBilinearOptionsT(halfPixelCenters=True), 3),
        ("RESIZE_BILINEAR", [_INT8, _INT32], schema.ResizeBilinearOptionsT(), 2),
    ],
)
def test_an_operator_has_the_version_that_the_converter_gives_it(
    op: str, inputs: list[_Operand], options: Any, version: int
) -> None:
    assert operator_version(op, inputs, options) == version


@pytest.mark.parametrize(
    "file",
    [
        "mlperf_tiny/ad_ToyCar_quant_floatio.tflite",
        "mlperf_tiny/kws_ref_model_int8.tflite",
        "mlperf_tiny/ic_pretrainedResnet_int8.tflite",
        "mlperf_tiny/vww_96_int8.tflite",
        "mlperf_tiny/vww_96_float.tflite",
        "mlperf_mobile/mobilenet_edgetpu_224_1.0_uint8.tflite",
        "ssd/coco_ssd_mobilenet_v1_1.0_quant_detect.tflite",
    ],
)
def test_versions_agree_with_those_in_converted_models(zoo: Path, file: str) -> None:
    content = (zoo / "models" / file).read_bytes()
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    (graph,) = model.subgraphs
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        op = _OP_NAMES[max(code.builtinCode, code.deprecatedBuiltinCode)]
        if op != "CUSTOM":
            inputs = [_operand(graph.tensors[index]) for index in operator.inputs if index >= 0]
            assert operator_version(op, inputs, operator.builtinOptions) == code.version, op


def _operand(tensor: Any) -> _Operand:
    scales = None if tensor.quantization is None else tensor.quantization.scale
    return _Operand(np.dtype(_TYPES[tensor.type]), scales is not None and len(scales) > 1)
