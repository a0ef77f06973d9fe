"""What a model file says of its inputs beside the graph: TFLite's metadata, as its converters and model makers write it.

The fields are those of tflite-support's metadata_schema.fbs (file identifier M001). The files that go with it, lists of classes
among them, are packed behind the model as a zip archive (`accuracy.truth.packed_names`).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from backends.litert.file.flatbuffer import UINT8, Table
from backends.litert.file.model_reader import read_buffer_places, read_model
from backends.litert.file.opened_file import opened

_NAME = "TFLITE_METADATA"
_IDENTIFIER = b"M001"
_NORMALISES = 1
"""Of the union ProcessUnitOptions."""


class _Field(IntEnum):
    """Fields, with the table that has them."""

    MODEL_SUBGRAPHS = 3
    SUBGRAPH_INPUTS = 2
    TENSOR_PROCESS_UNITS = 4
    UNIT_OPTIONS_TYPE = 0
    UNIT_OPTIONS = 1
    NORMALISATION_MEAN = 0
    NORMALISATION_STD = 1


@dataclass(frozen=True, slots=True)
class InputNormalisation:
    """(value - mean) / std, one number for all channels or one for each."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


def input_normalisations(path: Path, subgraph: int = 0) -> Sequence[InputNormalisation | None]:
    """What is done to each input's values before they go in, in the order of the graph's inputs, as far as the file says it.

    Args:
        path: The model file.
        subgraph: Which of its graphs.

    Returns:
        None for an input of which nothing is said, or nothing that can be used; empty without metadata.

    Raises:
        ModelRejected: See `read_model`.
    """
    found = next((each for each in read_model(path).metadata if each.name == _NAME), None)
    if found is None:
        return ()
    start, size = read_buffer_places(path)[found.buffer]
    with opened(path) as file:
        file.seek(start)
        data = file.read(size)
    if data[4:8] != _IDENTIFIER:
        return ()
    try:
        graphs = Table.root(data).tables(_Field.MODEL_SUBGRAPHS)
        inputs = graphs[subgraph].tables(_Field.SUBGRAPH_INPUTS) if subgraph < len(graphs) else []
        return tuple(_normalisation(tensor) for tensor in inputs)
    except (struct.error, ValueError, LookupError, ArithmeticError, MemoryError):
        return ()  # remarks that cannot be read are none: the model runs without


def _normalisation(tensor: Table) -> InputNormalisation | None:
    for unit in tensor.tables(_Field.TENSOR_PROCESS_UNITS):
        options = unit.table(_Field.UNIT_OPTIONS)
        if options is None or unit.number(_Field.UNIT_OPTIONS_TYPE, UINT8) != _NORMALISES:
            continue
        mean, std = options.floats(_Field.NORMALISATION_MEAN), options.floats(_Field.NORMALISATION_STD)
        if (
            mean
            and len(mean) == len(std)
            and all(map(math.isfinite, mean))
            and all(0 < each < math.inf for each in std)
        ):
            return InputNormalisation(mean, std)
    return None
