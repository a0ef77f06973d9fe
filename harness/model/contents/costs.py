"""What a model costs: parameters, multiply-adds, memory for its tensors. Counted from its graph, not measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from backends.litert.allocated import AllocatedGraph
from backends.litert.file.model_file import ModelFile, Operator, Shape, Subgraph
from harness.model.contents.learnt import parameters
from harness.model.contents.loops import turns
from harness.model.contents.multiply_adds import (
    NOT_COUNTED,
    WITHOUT_WEIGHTS,
    operator_multiply_adds,
    shapes_of,
)

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
    """Of one inference."""

    parameters: int
    """Elements of the constants that are learnt, weights and biases: a buffer that several tensors share counts once."""
    multiply_adds: int
    """Of convolutions, matrix products and recurrent layers; element-wise ops and pooling do not count. The graphs that the
    main one calls are counted as often as they run, the longer branch of an IF alone."""
    arena_bytes: int
    """Estimate of the activations' memory, as TFLite's planner lays them out; ops' own scratch memory comes on top."""
    uncounted: tuple[str, ...] = ()
    """What is not in the figures, so that they are too low; () where all was counted."""
    graphs: tuple[int, ...] = (0,)
    """Those that the main one reaches, itself among them."""

    @property
    def complete(self) -> bool:
        """Whether all was counted."""
        return not self.uncounted


def costs(model: ModelFile, allocated: Sequence[AllocatedGraph] | None = None, main: int = 0) -> Costs:
    """Counts what a model costs.

    Args:
        model: The model.
        allocated: Its graphs as the runtime has them; without them the shapes are those of the file, with 1 for a free
            batch, and what depends on another free size is not counted.
        main: The graph that runs.
    """
    counting = _Counting(model, allocated)
    multiply_adds = counting.graph(main)
    reached = sorted(counting.reached | {main})
    arena = sum(arena_bytes(model.subgraphs[each], counting.shapes(each)) for each in reached)
    uncounted = tuple(dict.fromkeys(counting.uncounted))
    return Costs(parameters(model, reached), multiply_adds, arena, uncounted, tuple(reached))


class _Counting:
    """One walk through a model: every graph as often as it is called."""

    def __init__(self, model: ModelFile, allocated: Sequence[AllocatedGraph] | None) -> None:
        self._model, self._allocated = model, allocated
        self._counted: dict[int, int] = {}
        self.reached: set[int] = set()
        """Graphs that were counted, or that only prepare a run."""
        self.uncounted: list[str] = []

    def shapes(self, number: int) -> list[Shape]:
        """Of a graph's tensors."""
        return shapes_of(self._model.subgraphs[number], None if self._allocated is None else self._allocated[number])

    def graph(self, number: int) -> int:
        """Multiply-adds of one run of a graph."""
        if number not in self._counted:
            self.reached.add(number)
            self._counted[number] = 0  # A graph that calls itself is no model; it must not end the walk in a stack.
            graph, shapes = self._model.subgraphs[number], self.shapes(number)
            sized_by_runs = self._allocated is not None and self._allocated[number].sized_by_runs
            if sized_by_runs or any(
                tensor.is_open and not shape for tensor, shape in zip(graph.tensors, shapes, strict=True)
            ):
                self.uncounted.append("tensors whose sizes are not known before the model runs")
            self._counted[number] = sum(self._operator(graph, each, shapes) for each in graph.operators)
        return self._counted[number]

    def _operator(self, graph: Subgraph, operator: Operator, shapes: Sequence[Shape]) -> int:
        if operator.name == "CALL_ONCE":
            # What makes the variables ready, before the first inference alone.
            self.reached.update(operator.subgraphs)
            return 0
        if other := self._called_otherwise(operator, shapes):
            self.uncounted.append(f"{other} whose graph another op runs with inputs of other shapes")
            return 0
        if operator.name in ("WHILE", "STABLEHLO_WHILE") and len(operator.subgraphs) == 2:
            return self._loop(graph, operator)
        if operator.subgraphs:
            # One branch of an IF or a CASE runs, and what it costs at most is what must be reckoned with.
            return max(self.graph(each) for each in operator.subgraphs)
        if operator.name in NOT_COUNTED or (operator.code.custom and operator.name not in WITHOUT_WEIGHTS):
            self.uncounted.append(f"the{' custom' if operator.code.custom else ''} op {operator.name}")
            return 0
        found = operator_multiply_adds(operator, shapes)
        if found is None:
            self.uncounted.append(f"a {operator.name} whose shapes are not known")
        return found or 0

    def _called_otherwise(self, operator: Operator, shapes: Sequence[Shape]) -> str:
        """An op that calls a graph with other shapes than the runtime has last given it, for another call; "" for none."""
        if self._allocated is None:
            return ""
        # The first input of a branch says which one runs.
        given = [shapes[index] for index in operator.inputs][operator.name in ("IF", "STABLEHLO_CASE") :]
        for number in operator.subgraphs:
            taken = self.shapes(number)
            pairs = zip(given, (taken[index] for index in self._model.subgraphs[number].inputs), strict=False)
            if any(one and other and one != other for one, other in pairs):
                return f"{'an' if operator.name[0] in 'AEIOU' else 'a'} {operator.name}"
        return ""

    def _loop(self, graph: Subgraph, operator: Operator) -> int:
        condition, body = (self.graph(each) for each in operator.subgraphs)
        count = turns(self._model, graph, operator)
        if count is None:
            if condition or body:
                self.uncounted.append("the turns of a WHILE beyond the first: how many there are depends on the input")
            return condition + body
        return condition * (count + 1) + body * count


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
