"""Operators as functions: each adds one operator to a graph, works out its output's shape and gives the output back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from harness.zoo.graph.tensors import GraphTensor, Shape
from harness.zoo.graph.writer import Graph


def fully_connected(
    graph: Graph, name: str, values: GraphTensor, weight: GraphTensor, bias: GraphTensor, *, relu: bool = False
) -> GraphTensor:
    """A dense layer: values [..., inputs], weight [outputs, inputs], bias [outputs]; gives float32 [..., outputs]."""
    activation = schema.ActivationFunctionType.RELU if relu else schema.ActivationFunctionType.NONE
    output = graph.tensor(name, (*values.shape[:-1], weight.shape[0]), np.float32)
    options = schema.FullyConnectedOptionsT(fusedActivationFunction=activation, keepNumDims=True)
    graph.operator("FULLY_CONNECTED", [values, weight, bias], [output], options)
    return output


def batch_matmul(
    graph: Graph, name: str, left: GraphTensor, right: GraphTensor, *, transpose_right: bool = False
) -> GraphTensor:
    """Products of the last two dimensions, for each of the leading ones."""
    columns = right.shape[-2 if transpose_right else -1]
    output = graph.tensor(name, (*left.shape[:-1], columns), np.float32)
    graph.operator("BATCH_MATMUL", [left, right], [output], schema.BatchMatMulOptionsT(adjY=transpose_right))
    return output


def add(graph: Graph, name: str, left: GraphTensor, right: GraphTensor) -> GraphTensor:
    """Left + right, broadcast."""
    return _elementwise(graph, name, "ADD", left, right, schema.AddOptionsT())


def subtract(graph: Graph, name: str, left: GraphTensor, right: GraphTensor) -> GraphTensor:
    """Left - right, broadcast."""
    return _elementwise(graph, name, "SUB", left, right, schema.SubOptionsT())


def multiply(graph: Graph, name: str, left: GraphTensor, right: GraphTensor) -> GraphTensor:
    """Left * right, broadcast."""
    return _elementwise(graph, name, "MUL", left, right, schema.MulOptionsT())


def softmax(graph: Graph, name: str, values: GraphTensor) -> GraphTensor:
    """Softmax over the last dimension."""
    output = graph.tensor(name, values.shape, np.float32)
    graph.operator("SOFTMAX", [values], [output], schema.SoftmaxOptionsT(beta=1.0))
    return output


def cast(graph: Graph, name: str, values: GraphTensor, dtype: npt.DTypeLike) -> GraphTensor:
    """The same values in another type."""
    output = graph.tensor(name, values.shape, dtype)
    graph.operator("CAST", [values], [output])
    return output


def reshape(graph: Graph, name: str, values: GraphTensor, shape: Shape) -> GraphTensor:
    """The same elements in another shape."""
    output = graph.tensor(name, shape, values.dtype)
    options = schema.ReshapeOptionsT(newShape=list(shape))
    graph.operator("RESHAPE", [values, _integers(graph, name, "shape", shape)], [output], options)
    return output


def transpose(graph: Graph, name: str, values: GraphTensor, order: Sequence[int]) -> GraphTensor:
    """The dimensions in another order."""
    output = graph.tensor(name, tuple(values.shape[axis] for axis in order), values.dtype)
    graph.operator("TRANSPOSE", [values, _integers(graph, name, "order", order)], [output], schema.TransposeOptionsT())
    return output


def pad(graph: Graph, name: str, values: GraphTensor, padding: Sequence[tuple[int, int]]) -> GraphTensor:
    """Zeros before and after, for each dimension."""
    shape = tuple(size + before + after for size, (before, after) in zip(values.shape, padding, strict=True))
    output = graph.tensor(name, shape, values.dtype)
    amounts = graph.constant(f"{name}/padding", np.array(padding, np.int32))
    graph.operator("PAD", [values, amounts], [output], schema.PadOptionsT())
    return output


def crop(graph: Graph, name: str, values: GraphTensor, begin: Sequence[int], size: Shape) -> GraphTensor:
    """The block of `size` that starts at `begin` (the operator SLICE)."""
    output = graph.tensor(name, size, values.dtype)
    block = [_integers(graph, name, "begin", begin), _integers(graph, name, "size", size)]
    graph.operator("SLICE", [values, *block], [output], schema.SliceOptionsT())
    return output


def concatenate(graph: Graph, name: str, parts: Sequence[GraphTensor]) -> GraphTensor:
    """Joins along the last dimension."""
    first = parts[0]
    output = graph.tensor(name, (*first.shape[:-1], sum(part.shape[-1] for part in parts)), first.dtype)
    options = schema.ConcatenationOptionsT(axis=len(first.shape) - 1)
    graph.operator("CONCATENATION", parts, [output], options)
    return output


def split(graph: Graph, names: Sequence[str], values: GraphTensor, axis: int) -> list[GraphTensor]:
    """Equal parts along one dimension, one for each name."""
    shape = list(values.shape)
    shape[axis] //= len(names)
    outputs = [graph.tensor(name, tuple(shape), values.dtype) for name in names]
    which = graph.constant(f"{names[0]}/axis", np.array(axis, np.int32))
    graph.operator("SPLIT", [which, values], outputs, schema.SplitOptionsT(numSplits=len(names)))
    return outputs


def gather(graph: Graph, name: str, table: GraphTensor, rows: GraphTensor) -> GraphTensor:
    """Rows of a float table [count, width] by int32 numbers of any shape: [..., width]."""
    output = graph.tensor(name, (*rows.shape, *table.shape[1:]), table.dtype)
    graph.operator("GATHER", [table, rows], [output], schema.GatherOptionsT(axis=0))
    return output


def embedding_lookup(graph: Graph, name: str, table: GraphTensor, rows: GraphTensor) -> GraphTensor:
    """Rows of an int8 table [count, width] with a scale each, by int32 numbers [n]: float32 [n, width]."""
    output = graph.tensor(name, (*rows.shape, *table.shape[1:]), np.float32)
    graph.operator("EMBEDDING_LOOKUP", [rows, table], [output])
    return output


def _elementwise(
    graph: Graph, name: str, op: str, left: GraphTensor, right: GraphTensor, options: object
) -> GraphTensor:
    output = graph.tensor(name, np.broadcast_shapes(left.shape, right.shape), left.dtype)
    graph.operator(op, [left, right], [output], options)
    return output


def _integers(graph: Graph, name: str, what: str, values: Sequence[int]) -> GraphTensor:
    return graph.constant(f"{name}/{what}", np.array(values, np.int32))
