"""The version of an operator: the first revision of its kernel that takes these types and options.

A runtime that knows only older ones refuses the model and says why, instead of answering wrongly: a version too high
shuts out runtimes that would do, one too low lets in runtimes that will not. The rules are the converter's (LiteRT
tflite/tools/versioning/op_version.cc), for the operators of picture, language and audio models in float32 and int8.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

_FLOAT32, _INT8, _INT32 = np.dtype(np.float32), np.dtype(np.int8), np.dtype(np.int32)

_INT8_IS_VERSION_2 = frozenset(
    {
        "ADD",
        "ARG_MAX",
        "AVERAGE_POOL_2D",
        "BATCH_MATMUL",
        "CONCATENATION",
        "DEQUANTIZE",
        "GATHER",
        "LOGISTIC",
        "MAX_POOL_2D",
        "MEAN",
        "MUL",
        "PAD",
        "RELU",
        "RELU6",
        "RESIZE_BILINEAR",
        "SLICE",
        "SOFTMAX",
        "STRIDED_SLICE",
        "SUB",
        "TANH",
        "TRANSPOSE",
    }
)


class Typed(Protocol):
    """What decides a version in a tensor."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the elements."""

    @property
    def per_channel(self) -> bool:
        """Whether there is more than one quantisation scale."""


def operator_version(op: str, inputs: Sequence[Typed], options: Any) -> int:
    """The version that an operator of the builtin set needs.

    Args:
        op: Its name in the schema, for example `CONV_2D`.
        inputs: Its inputs that are present, in order.
        options: Its options as the schema's object, or None.
    """
    first = inputs[0].dtype
    if op == "FULLY_CONNECTED":
        return _fully_connected(inputs, options)
    if op in {"CONV_2D", "DEPTHWISE_CONV_2D"}:
        return _convolution(op, inputs, options)
    if op == "TRANSPOSE_CONV":  # the shape, weights, values and perhaps a bias
        return 3 if len(inputs) == 4 else 2 if inputs[1].dtype == _INT8 else 1
    if op == "EMBEDDING_LOOKUP":
        return 4 if inputs[1].per_channel else 1
    if op == "SPLIT":  # its first input is the axis
        return {_INT8: 2, _INT32: 3}.get(inputs[1].dtype, 1)
    if op == "CAST":
        return 3 if first == _INT8 else 1
    if op == "DEQUANTIZE" and first == _INT8 and inputs[0].per_channel:
        return 5
    if op == "RESIZE_BILINEAR" and options.halfPixelCenters:
        return 3
    return 2 if first == _INT8 and op in _INT8_IS_VERSION_2 else 1


def _fully_connected(inputs: Sequence[Typed], options: Any) -> int:
    values, weights = inputs[0].dtype, inputs[1]
    hybrid = values == _FLOAT32 and weights.dtype == _INT8
    if hybrid and weights.per_channel:
        return 12
    if len(inputs) == 2:
        return 6
    if options.keepNumDims:
        return 5
    if values == _INT8:
        return 4
    if hybrid:
        return 9 if options.asymmetricQuantizeInputs else 3
    return 1


def _convolution(op: str, inputs: Sequence[Typed], options: Any) -> int:
    values, weights = inputs[0].dtype, inputs[1]
    depthwise = op == "DEPTHWISE_CONV_2D"
    if values == _FLOAT32 and weights.dtype == _INT8:
        versions = (4, 6) if depthwise else (2, 5)
        return versions[weights.per_channel]
    if values == _INT8:
        return 3
    return 2 if depthwise and (options.dilationWFactor, options.dilationHFactor) != (1, 1) else 1
