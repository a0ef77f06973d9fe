"""A copy of a model whose tensors have the shapes that an interpreter gave them: for those who want none left open.

LiteRT's C interface makes no buffer for an input whose size is open, and asks nobody for it. Shapes are appended to the file,
and the offsets of the old ones are pointed at them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from backends.litert.copies.shapes import append_shapes, write_copy
from backends.litert.file import schema
from backends.litert.file.flatbuffer import Table
from backends.litert.file.model_file import ModelFile, Shape
from backends.litert.file.opened_file import bytes_of


def leaves_sizes_open(model: ModelFile, shapes: Mapping[int, Shape]) -> bool:
    """Whether the first graph has a tensor whose size is open, or an input of another shape than the file says.

    Args:
        model: The file.
        shapes: Of its first graph's tensors, as an interpreter has them.
    """
    graph = model.main
    resized = any(index in shapes and shapes[index] != graph.tensors[index].shape for index in graph.inputs)
    return resized or any(tensor.is_open for tensor in graph.tensors)


def write_with_shapes(model: ModelFile, shapes: Mapping[int, Shape], place: Path) -> None:
    """Writes the copy.

    Args:
        model: The file, whose first graph is meant.
        shapes: Of that graph's tensors; those that are not named stay as they are.
        place: Where the copy goes.

    Raises:
        ModelRejected: It cannot be written.
    """
    data = bytearray(bytes_of(model.path))
    tensors = Table.root(data).tables(schema.ModelTable.SUBGRAPHS)[0].tables(schema.SubGraphTable.TENSORS)
    fields = (schema.TensorTable.SHAPE, schema.TensorTable.SHAPE_SIGNATURE)
    places = {
        at: shapes[index]
        for index, tensor in enumerate(tensors)
        if index in shapes and len(shapes[index]) == len(model.main.tensors[index].declared_shape)
        for field in fields
        if (at := tensor.at(field)) is not None
    }
    append_shapes(data, places)
    write_copy(place, data)
