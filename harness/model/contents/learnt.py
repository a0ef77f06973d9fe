"""Which constants of a model are learnt: weights and biases, but no shapes, bounds, anchors or states to begin with."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from backends.litert.file.model_file import FileTensor, ModelFile, Operator
from backends.litert.file.model_reader import read_buffer_places
from harness.model.contents.multiply_adds import BASIC_LSTM, COUNTERS, WITHOUT_WEIGHTS
from harness.model.contents.zeros import count_zeros

_LOOPS = ("WHILE", "STABLEHLO_WHILE")
_ALONE = {"DENSIFY", "DEQUANTIZE", "PRELU", *COUNTERS}
"""Ops whose constants are weights though they hold a single number: elsewhere that is a bound, a factor or an epsilon."""
_GIVEN: Mapping[str, int] = {"CONV_3D_TRANSPOSE": 2, "TRANSPOSE_CONV": 2}
"""Where the op's own input stands, if not first."""
_STATES: Mapping[str, tuple[int, ...]] = {
    "BIDIRECTIONAL_SEQUENCE_LSTM": (35, 36, 37, 38),
    "BIDIRECTIONAL_SEQUENCE_RNN": (4, 8),
    "LSTM": (18, 19),
    "MUL": (0, 1),
    "RNN": (4,),
    "SVDF": (4,),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (18, 19),
    "UNIDIRECTIONAL_SEQUENCE_RNN": (4,),
}
"""Where a state stands, that of a cell written out (which a gate multiplies) among them (LRT tflite/kernels)."""
_STATES_OF_BASIC_LSTM = (1, 4)


def parameters(model: ModelFile, graphs: Sequence[int]) -> int:
    """Elements of the constants that are learnt; a buffer that several tensors share counts once."""
    found: dict[int, int] = {}
    for tensor in learnt_tensors(model, graphs):
        found[tensor.buffer] = max(found.get(tensor.buffer, 0), math.prod(tensor.declared_shape))
    return sum(found.values())


def learnt_tensors(model: ModelFile, graphs: Sequence[int]) -> Iterator[FileTensor]:
    """The constants that are learnt, as often as operators read them.

    Args:
        model: The model.
        graphs: Those that count.
    """
    constants = _Constants(model.path)
    for number in graphs:
        graph = model.subgraphs[number]
        for operator in graph.operators:
            for place, index in enumerate(operator.inputs):
                if index < 0 or not _may_be_learnt(tensor := graph.tensors[index], operator, place):
                    continue
                if not (_is_begun_with(model, operator, place) and constants.is_zero(tensor)):
                    yield tensor


def _may_be_learnt(tensor: FileTensor, operator: Operator, place: int) -> bool:
    """Numbers, or integers that stand for some; not shapes, axes, indices and bounds."""
    if not tensor.constant or (operator.code.custom and operator.name in WITHOUT_WEIGHTS):
        return False
    if math.prod(tensor.declared_shape) == 1 and not operator.code.custom and operator.name not in _ALONE:
        # Into a loop weights of a single number may go too, but so do its bounds.
        return False
    real = tensor.dtype.startswith(("float", "bfloat")) or tensor.quantisation is not None
    return real or (place > 0 and operator.name in COUNTERS)


def _is_begun_with(model: ModelFile, operator: Operator, place: int) -> bool:
    """Whether what stands there goes in or is a state, which only the first turn finds as the file has it."""
    if operator.name in _LOOPS and len(operator.subgraphs) == 2:
        body = model.subgraphs[operator.subgraphs[1]]
        # What the body hands on unchanged is a weight that it reads.
        return list(body.inputs[place : place + 1]) != list(body.outputs[place : place + 1])
    if operator.name in COUNTERS and place == _GIVEN.get(operator.name, 0):
        return True
    if operator.name == "LSTM" and len(operator.inputs) == BASIC_LSTM:
        return place in _STATES_OF_BASIC_LSTM
    return place in _STATES.get(operator.name, ())


class _Constants:
    """A model's constants as they lie in its file, which is read once, when one is first asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def _places(self) -> Sequence[tuple[int, int]]:
        return read_buffer_places(self._path)

    @cached_property
    def _data(self) -> npt.NDArray[np.uint8]:
        return np.memmap(self._path, np.uint8, mode="r")

    def is_zero(self, tensor: FileTensor) -> bool:
        """Whether all of a constant is zero, as a state is to begin with where nobody has learnt it."""
        size = math.prod(tensor.declared_shape)
        start, length = self._places[tensor.buffer]
        try:
            return count_zeros(tensor, size, self._data[start : start + length]) == size
        except (ValueError, TypeError):
            # Who counts the zeros of all weights says what is wrong with it.
            return False
