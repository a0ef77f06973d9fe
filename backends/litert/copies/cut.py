"""A copy of a model that ends early: after one of its operators, whose outputs are then the model's.

Nothing is moved: a new list of outputs is appended to the file and pointed to, and the list of operators is made shorter in its
place. What ran before the cut runs as it did, as far as delegates choose the same operators for the shorter graph.
"""

from __future__ import annotations

import struct
from pathlib import Path

from backends.litert.copies.shapes import write_copy
from backends.litert.file import schema
from backends.litert.file.flatbuffer import Table
from backends.litert.file.model_file import ModelFile
from backends.litert.file.opened_file import bytes_of

_UINT32, _INT32 = struct.Struct("<I"), struct.Struct("<i")


def write_cut(model: ModelFile, operator: int, place: Path) -> None:
    """Writes the copy.

    The signatures are left out: they name outputs that are gone. Inputs keep their order.

    Args:
        model: The file, whose first graph is cut.
        operator: The last that stays, by its place.
        place: Where the copy goes.

    Raises:
        ModelRejected: It cannot be written.
    """
    data = bytearray(bytes_of(model.path))
    root = Table.root(data)
    graph = root.tables(schema.ModelTable.SUBGRAPHS)[0]
    outputs = model.main.operators[operator].outputs
    _shorten(data, graph, schema.SubGraphTable.OPERATORS, operator + 1)
    _shorten(data, root, schema.ModelTable.SIGNATURE_DEFS, 0)
    at = graph.at(schema.SubGraphTable.OUTPUTS)
    if at is None:
        raise ValueError("a graph without outputs is no model")
    data += bytes(-len(data) % 16)
    # Offsets only point forward, and the end is behind everything.
    _UINT32.pack_into(data, at, len(data) - at)
    data += _UINT32.pack(len(outputs)) + b"".join(map(_INT32.pack, outputs))
    write_copy(place, data)


def _shorten(data: bytearray, table: Table, field: int, length: int) -> None:
    """Makes a list shorter, in its place."""
    at = table.at(field)
    if at is not None:
        vector = at + int(_UINT32.unpack_from(data, at)[0])
        _UINT32.pack_into(data, vector, min(length, int(_UINT32.unpack_from(data, vector)[0])))
