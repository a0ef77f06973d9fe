"""What an operator multiplies and adds, by its kind and the shapes of its tensors."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from backends.litert.allocated import AllocatedGraph
from backends.litert.file.model_file import FileTensor, Operator, Shape, Subgraph

NOT_COUNTED = {"RFFT2D", "STABLEHLO_CONVOLUTION", "STABLEHLO_CUSTOM_CALL", "STABLEHLO_DOT_GENERAL"}
"""Ops that multiply more than their elements and that nothing here can count: weights, or a transform's factors."""
BASIC_LSTM, _OF_BASIC_LSTM = 5, 2
"""Inputs of an LSTM of the basic kernel, and the place of its one matrix (LRT tflite/kernels/lstm.cc)."""
_OF_LSTM = (*range(1, 9), 16)
"""Places of an LSTM's matrices: of the input, of the state, of the projection (LRT tflite/kernels/lstm_shared.h)."""
_OF_BOTH_LSTMS = (*range(1, 9), 16, *range(18, 26), 33, *range(40, 48))
"""As well, of either direction, and of an auxiliary input (LRT tflite/kernels/bidirectional_sequence_lstm.cc)."""
WITHOUT_WEIGHTS = {"TFLite_Detection_PostProcess"}
"""Custom ops that are known to multiply none."""


def operator_multiply_adds(operator: Operator, shapes: Sequence[Shape]) -> int | None:
    """Multiply-adds of one operator.

    Returns:
        0 for those that multiply no weights; None where its shapes are not known, or not what such an operator has.
    """
    count = COUNTERS.get(operator.name)
    if count is None:
        return 0
    sizes = [shapes[index] if index >= 0 else () for index in operator.inputs]
    try:
        output = shapes[operator.outputs[0]]
        return count(sizes, output) if output else None
    except (IndexError, ValueError, ZeroDivisionError):
        return None


def shapes_of(graph: Subgraph, allocated: AllocatedGraph | None) -> list[Shape]:
    """As the runtime has them, else as the file has them with a batch of 1; () for one of sizes that nobody knows."""
    known: Mapping[int, Shape] = {} if allocated is None else allocated.shapes
    shapes = [known.get(index) or _own_shape(tensor) for index, tensor in enumerate(graph.tensors)]
    for index in () if allocated is None else allocated.sized_by_runs:
        shapes[index] = ()
    return shapes


def _own_shape(tensor: FileTensor) -> Shape:
    return (
        () if min(tensor.declared_shape[1:], default=1) < 0 else tuple(max(1, size) for size in tensor.declared_shape)
    )


def _convolution(inputs: Sequence[Shape], output: Shape) -> int:
    _, height, width, channels = inputs[1]
    return math.prod(output) * height * width * channels


def _depthwise(inputs: Sequence[Shape], output: Shape) -> int:
    _, height, width, _ = inputs[1]
    return math.prod(output) * height * width


def _transposed(inputs: Sequence[Shape], _output: Shape) -> int:
    channels, height, width, _ = inputs[1]
    return _elements(inputs[2]) * height * width * channels


def _convolution_3d(inputs: Sequence[Shape], output: Shape) -> int:
    depth, height, width, channels, _ = inputs[1]
    return math.prod(output) * depth * height * width * channels


def _transposed_3d(inputs: Sequence[Shape], _output: Shape) -> int:
    depth, height, width, channels, _ = inputs[1]
    return _elements(inputs[2]) * depth * height * width * channels


def _fully_connected(inputs: Sequence[Shape], output: Shape) -> int:
    _, depth = inputs[1]
    return math.prod(output) * depth


def _matrix_product(inputs: Sequence[Shape], output: Shape) -> int:
    # Whether the left matrix is transposed or not, its other side is the inner one.
    return math.prod(output) * (_elements(inputs[0][-2:]) // output[-2])


def _recurrent(inputs: Sequence[Shape], _output: Shape) -> int:
    # States are matrices too, of as many rows as there are sequences at once: told from weights by their place alone.
    places = (_OF_BASIC_LSTM,) if len(inputs) == BASIC_LSTM else _OF_LSTM
    return _elements(inputs[0][:-1]) * _matrices(inputs, places)


def _recurrent_both_ways(inputs: Sequence[Shape], _output: Shape) -> int:
    return _elements(inputs[0][:-1]) * _matrices(inputs, _OF_BOTH_LSTMS)


def _matrices(inputs: Sequence[Shape], places: Sequence[int]) -> int:
    """Elements of the weights at these places, of which an op may leave out some."""
    shapes = [inputs[place] for place in places if place < len(inputs)]
    return sum(math.prod(shape) for shape in shapes if len(shape) == 2)


def _simple_recurrent(inputs: Sequence[Shape], _output: Shape) -> int:
    # Input, weights of the input, weights of the state, bias, state.
    return _elements(inputs[0][:-1]) * (math.prod(inputs[1]) + math.prod(inputs[2]))


def _both_ways(inputs: Sequence[Shape], _output: Shape) -> int:
    # Input, then weights of the input, weights of the state, bias and state of either direction, then an input beside it with
    # weights for either; what is left out has no shape.
    each = sum(math.prod(inputs[place]) for place in (1, 2, 5, 6, 10, 11) if inputs[place:] and inputs[place])
    return _elements(inputs[0][:-1]) * each


def _svdf(inputs: Sequence[Shape], _output: Shape) -> int:
    return inputs[0][0] * (math.prod(inputs[1]) + math.prod(inputs[2]))


def _elements(shape: Shape) -> int:
    if not shape:
        raise ValueError("a shape that is not known")
    return math.prod(shape)


COUNTERS: Mapping[str, Callable[[Sequence[Shape], Shape], int]] = {
    "BATCH_MATMUL": _matrix_product,
    "BIDIRECTIONAL_SEQUENCE_LSTM": _recurrent_both_ways,
    "BIDIRECTIONAL_SEQUENCE_RNN": _both_ways,
    "CONV_2D": _convolution,
    "CONV_3D": _convolution_3d,
    "CONV_3D_TRANSPOSE": _transposed_3d,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _fully_connected,
    "LSTM": _recurrent,
    "RNN": _simple_recurrent,
    "SVDF": _svdf,
    "TRANSPOSE_CONV": _transposed,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _recurrent,
    "UNIDIRECTIONAL_SEQUENCE_RNN": _simple_recurrent,
}
