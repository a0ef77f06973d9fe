"""How often a WHILE of a model turns, where its file tells: the counters are followed, everything else is unknown."""

from __future__ import annotations

import operator as on
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from backends.litert.file.model_file import FileTensor, ModelFile, Operator, Subgraph

_MOST_TURNS = 1_000_000
_COMPARES: Mapping[str, Callable[[int, int], bool]] = {
    "EQUAL": on.eq,
    "GREATER": on.gt,
    "GREATER_EQUAL": on.ge,
    "LESS": on.lt,
    "LESS_EQUAL": on.le,
    "NOT_EQUAL": on.ne,
}
_COUNTS: Mapping[str, Callable[[int, int], int]] = {
    "ADD": on.add,
    "MAXIMUM": max,
    "MINIMUM": min,
    "MUL": on.mul,
    "SUB": on.sub,
}
_PASSES = {"CAST", "EXPAND_DIMS", "RESHAPE", "SQUEEZE"}
"""Ops that leave a single number as it is."""
_WHOLE_IN_FLOATS: Mapping[str, int] = {"float16": 1 << 11, "float32": 1 << 24, "float64": 1 << 53}
"""Up to here every whole number is one of theirs."""
Known = dict[int, int]
"""Tensor -> its one number, of those that are known."""


def turns(model: ModelFile, graph: Subgraph, loop: Operator) -> int | None:
    """How often a WHILE runs its body.

    Args:
        model: The file.
        graph: The graph that the loop is in.
        loop: The WHILE.

    Returns:
        None where it depends on what the model is asked, or on ops that are not followed here.
    """
    if len(loop.subgraphs) != 2:
        return None
    condition, body = (model.subgraphs[index] for index in loop.subgraphs)
    # Only what the file holds: a number that some op makes first is not followed into the loop.
    state: list[int | None] = [graph.tensors[index].value if index >= 0 else None for index in loop.inputs]
    for count in range(_MOST_TURNS):
        (goes_on,) = _run(condition, state)[:1] or [None]
        if goes_on is None:
            return None
        if not goes_on:
            return count
        after = _run(body, state)
        if after == state:
            return None
        state = after
    return None


def _run(graph: Subgraph, given: list[int | None]) -> list[int | None]:
    known: Known = {
        index: tensor.value
        for index, tensor in enumerate(graph.tensors)
        if tensor.value is not None and tensor.quantisation is None
    }
    known |= {index: value for index, value in zip(graph.inputs, given, strict=False) if value is not None}
    for each in graph.operators:
        found = _value(each, [known.get(index) for index in each.inputs])
        if found is not None and each.outputs and _holds(graph.tensors[each.outputs[0]], found):
            known[each.outputs[0]] = found
    return [known.get(index) for index in graph.outputs]


def _holds(tensor: FileTensor, value: int) -> bool:
    """Whether the number is what a tensor of this type has then: not one that runs over, is rounded or stands for another."""
    if tensor.quantisation is not None:
        return False
    if tensor.dtype == "bool":
        return value in (0, 1)
    if tensor.dtype in _WHOLE_IN_FLOATS:
        return abs(value) <= _WHOLE_IN_FLOATS[tensor.dtype]
    if not tensor.dtype.startswith(("int", "uint")) or tensor.dtype not in np.sctypeDict:
        return False
    limits = np.iinfo(tensor.dtype)
    return limits.min <= value <= limits.max


def _value(operator: Operator, inputs: list[int | None]) -> int | None:
    """What an op makes of single numbers; truth values are 0 and 1."""
    name = operator.name
    if name in _PASSES and inputs:
        return inputs[0]
    if name == "LOGICAL_AND" and 0 in inputs:
        return 0
    if name == "LOGICAL_OR" and 1 in inputs:
        return 1
    known: list[Any] = [value for value in inputs if value is not None]
    if len(known) != len(inputs):
        return None
    if name in _COMPARES or name in _COUNTS:
        return int((_COMPARES.get(name) or _COUNTS[name])(*known)) if len(known) == 2 else None
    if name == "LOGICAL_NOT" and len(known) == 1:
        return int(not known[0])
    if name in ("LOGICAL_AND", "LOGICAL_OR"):
        return int(all(known) if name == "LOGICAL_AND" else any(known))
    return None
