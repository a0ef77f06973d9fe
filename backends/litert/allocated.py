"""The shapes that the runtime gives a model's tensors when it allocates it, in every graph.

A file's own shapes are not enough: bodies of loops and branches have those with which the file was made, whatever the inputs
are given now, and what an op makes by the values that it is given has some size in the file and another in each run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from backends.base import ModelRejected
from backends.litert.file.model_file import Shape, Subgraph
from backends.litert.file.model_reader import read_model, read_operator_codes
from backends.litert.loading import Loading, load_interpreter, refusals_explained

_NEVER_IN_PLACE = {"string", "resource", "variant"}
"""Types whose values lie elsewhere, so that their memory says nothing of their shape."""


@dataclass(frozen=True, slots=True)
class AllocatedGraph:
    """One graph of a model as the runtime has allocated it."""

    shapes: Mapping[int, Shape]
    """Of its tensors."""
    sized_by_runs: tuple[int, ...] = ()
    """Tensors that ops make and read whose sizes only a run tells: their shapes stand for nothing."""


def allocated_shapes(model: Path, input_shapes: Sequence[Shape] | None = None) -> dict[int, Shape]:
    """The shapes of the first graph's tensors: see `allocated_graphs`."""
    interpreter, _ = _allocated(model, input_shapes)
    with refusals_explained(model):
        return _shapes(interpreter, 0)


def allocated_graphs(model: Path, input_shapes: Sequence[Shape] | None = None) -> tuple[AllocatedGraph, ...]:
    """What the runtime makes of each graph when it allocates the model, without a delegate if it can.

    Args:
        model: The file.
        input_shapes: Those that its inputs are given, in order; None leaves them as the file has them.

    Raises:
        BackendUnavailable: See `load_interpreter`.
        ModelRejected: The runtime refuses the model.
    """
    interpreter, delegated = _allocated(model, input_shapes)
    graphs = []
    with refusals_explained(model):
        for number, graph in enumerate(read_model(model).subgraphs):
            shapes = _shapes(interpreter, number)
            # What lies inside of a delegate has no memory of its own, and keeps the shapes of the file.
            open_ones = () if delegated else _sized_by_runs(interpreter, number, graph, shapes)
            graphs.append(AllocatedGraph(shapes, open_ones))
    return tuple(graphs)


def _allocated(model: Path, input_shapes: Sequence[Shape] | None) -> tuple[Any, bool]:
    """An interpreter, and whether a delegate has a part of the model."""
    asked = Loading(threads=1, xnnpack=False, input_shapes=input_shapes)
    try:
        loaded = load_interpreter(model, asked)
        return loaded.interpreter, loaded.flex is not None
    except ModelRejected:
        if not any(code.custom for code in read_operator_codes(model)):
            raise
        # Some custom ops are XNNPACK's alone.
        return load_interpreter(model, replace(asked, xnnpack=True)).interpreter, True


def _shapes(interpreter: Any, number: int) -> dict[int, Shape]:
    details = interpreter.get_tensor_details(number)
    return {detail["index"]: tuple(int(size) for size in detail["shape"]) for detail in details}


def _sized_by_runs(interpreter: Any, number: int, graph: Subgraph, shapes: Mapping[int, Shape]) -> tuple[int, ...]:
    """Tensors that have no memory before the model runs. What a loop or a branch hands on and no op reads has none either."""
    read = {index for operator in graph.operators for index in operator.inputs}
    found = []
    for operator in graph.operators:
        for index in operator.outputs:
            if index not in shapes or graph.tensors[index].dtype in _NEVER_IN_PLACE:
                continue
            matters = index in read or not (operator.subgraphs or operator.code.custom)
            if matters and 0 not in shapes[index] and not _has_memory(interpreter, index, number):
                found.append(index)
    return tuple(found)


def _has_memory(interpreter: Any, index: int, number: int) -> bool:
    try:
        # The wrapper's own `tensor` looks at the first graph alone, whichever it is asked for, and its `get_tensor` copies.
        interpreter._interpreter.tensor(interpreter, index, number)
    except ValueError:
        return False
    return True
