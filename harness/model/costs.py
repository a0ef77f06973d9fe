"""What a model costs: parameters, multiply-adds, memory for its tensors. Counted from its graph, not measured."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from backends.litert.model_file import ModelFile, Operator, Shape, Subgraph

_ALIGNMENT = 64
"""Of a tensor in TFLite's arena (tflite/util.h, kDefaultTensorAlignment)."""
_BITS = {
    "float64": 64,
    "int64": 64,
    "uint64": 64,
    "complex64": 64,
    "complex128": 128,
    "float32": 32,
    "int32": 32,
    "uint32": 32,
    "float16": 16,
    "bfloat16": 16,
    "int16": 16,
    "uint16": 16,
    "int4": 4,
    "uint4": 4,
    "int2": 2,
}
"""Of one element; 8 for all others."""


class Costs(NamedTuple):
    """Of one inference of a batch of 1."""

    parameters: int
    """Elements of the constants that are learnt: weights and biases, each once."""
    multiply_adds: int
    """Of convolutions, matrix products and recurrent layers; element-wise ops and pooling do not count."""
    arena_bytes: int
    """Estimate of the activations' memory, as TFLite's planner lays them out; ops' own scratch memory comes on top."""
    complete: bool
    """False where shapes are unknown, so that multiply-adds and arena are too low."""


def costs(model: ModelFile, shapes: Mapping[int, Shape] | None = None) -> Costs:
    """Counts what a model costs.

    Args:
        model: The model.
        shapes: Of its first graph's tensors as the runtime knows them; without them those of the file, with 1 for a
            size that is free.
    """
    multiply_adds, complete = 0, True
    for number, graph in enumerate(model.subgraphs):
        known = _shapes(graph, shapes if number == 0 else None)
        complete = complete and all(
            known[index] or not _needs_shape(operator)
            for operator in graph.operators
            for index in operator.outputs
            if index >= 0
        )
        multiply_adds += sum(operator_multiply_adds(operator, known) for operator in graph.operators)
    first = model.main
    return Costs(_parameters(model), multiply_adds, arena_bytes(first, _shapes(first, shapes)), complete)


def operator_multiply_adds(operator: Operator, shapes: Sequence[Shape]) -> int:
    """Multiply-adds of one operator; 0 for those that multiply no weights."""
    count = _COUNTERS.get(operator.name)
    if count is None or not operator.outputs:
        return 0
    sizes = [shapes[index] if index >= 0 else () for index in operator.inputs]
    try:
        return count(sizes, shapes[operator.outputs[0]])
    except (IndexError, ZeroDivisionError):  # shapes that are not known, or not what the operator has
        return 0


def arena_bytes(graph: Subgraph, shapes: Sequence[Shape]) -> int:
    """Memory for all tensors that are no constants, the largest placed first, each where it fits.

    A tensor lives from the operator that makes it to the last that reads it; inputs and variables always, outputs to
    the end (LRT tflite/arena_planner.cc).
    """
    last = len(graph.operators)
    lives: dict[int, list[int]] = {index: [0, last] for index in graph.inputs}
    for step, operator in enumerate(graph.operators):
        for index in (*operator.inputs, *operator.outputs):
            if index >= 0 and not graph.tensors[index].constant:
                life = lives.setdefault(index, [step, step])
                life[1] = max(life[1], step)
    for index in graph.outputs:
        if index in lives:
            lives[index][1] = last
    for index, life in lives.items():
        if graph.tensors[index].is_variable:
            life[:] = [0, last]
    sizes = {index: _bytes(graph.tensors[index].dtype, shapes[index]) for index in lives}
    placed: list[tuple[int, int, int, int]] = []  # from, to, first step, last step
    for index in sorted(lives, key=lambda index: (-sizes[index], index)):
        size, (begin, end) = sizes[index], lives[index]
        at = 0
        for low, high, other_begin, other_end in placed:
            if other_begin <= end and begin <= other_end and low < at + size:
                at = max(at, high)
        placed.append((at, at + size, begin, end))
        placed.sort()
    return max((high for _, high, _, _ in placed), default=0)


def _bytes(dtype: str, shape: Shape) -> int:
    size = -(-math.prod(shape) * _BITS.get(dtype, 8) // 8)
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _parameters(model: ModelFile) -> int:
    total = 0
    for graph in model.subgraphs:
        read = {index for operator in graph.operators for index in operator.inputs if index >= 0}
        for index in read:
            tensor = graph.tensors[index]
            learnt = tensor.dtype.startswith(("float", "bfloat")) or (
                tensor.quantisation and tensor.quantisation.scales
            )
            if tensor.constant and learnt:
                total += math.prod(tensor.declared_shape)
    return total


def _shapes(graph: Subgraph, known: Mapping[int, Shape] | None) -> list[Shape]:
    own = [tuple(1 if size < 0 else size for size in tensor.declared_shape) for tensor in graph.tensors]
    return [(known or {}).get(index) or shape for index, shape in enumerate(own)]


def _needs_shape(operator: Operator) -> bool:
    return operator.name in _COUNTERS


def _convolution(inputs: Sequence[Shape], output: Shape) -> int:
    _, height, width, channels = inputs[1]
    return math.prod(output) * height * width * channels if output else 0


def _depthwise(inputs: Sequence[Shape], output: Shape) -> int:
    return math.prod(output) * inputs[1][1] * inputs[1][2] if output else 0


def _transposed(inputs: Sequence[Shape], _output: Shape) -> int:
    channels, height, width, _ = inputs[1]
    return math.prod(inputs[2]) * height * width * channels if inputs[2] else 0


def _convolution_3d(inputs: Sequence[Shape], output: Shape) -> int:
    return math.prod(output) * math.prod(inputs[1][:4]) if output else 0


def _fully_connected(inputs: Sequence[Shape], output: Shape) -> int:
    return math.prod(output) * inputs[1][1] if output else 0


def _matrix_product(inputs: Sequence[Shape], output: Shape) -> int:
    # Whether the left matrix is transposed or not, its other side is the inner one.
    return math.prod(output) * (math.prod(inputs[0][-2:]) // output[-2])


def _recurrent(inputs: Sequence[Shape], _output: Shape) -> int:
    steps = math.prod(inputs[0][:-1])
    return steps * sum(math.prod(shape) for shape in inputs[1:] if len(shape) == 2 and shape[0] > 1)


def _svdf(inputs: Sequence[Shape], _output: Shape) -> int:
    return inputs[0][0] * (math.prod(inputs[1]) + math.prod(inputs[2]))


_COUNTERS: Mapping[str, Callable[[Sequence[Shape], Shape], int]] = {
    "BATCH_MATMUL": _matrix_product,
    "CONV_2D": _convolution,
    "CONV_3D": _convolution_3d,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _fully_connected,
    "LSTM": _recurrent,
    "SVDF": _svdf,
    "TRANSPOSE_CONV": _transposed,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _recurrent,
}
