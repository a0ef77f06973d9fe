"""Models that leave shapes out, as some converters write them."""

from __future__ import annotations

from pathlib import Path

import flatbuffers
from ai_edge_litert import schema_py_generated as schema


def without_shapes(model: Path, path: Path) -> Path:
    """The model with an empty shape for every tensor that is filled by an op."""
    content = schema.ModelT.InitFromPackedBuf(model.read_bytes(), 0)
    (graph,) = content.subgraphs
    for operator in graph.operators:
        for index in operator.outputs:
            if index not in graph.outputs:
                graph.tensors[index].shape = []
    builder = flatbuffers.Builder(1024)
    builder.Finish(content.Pack(builder), file_identifier=b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path
