"""A model file as the objects of the schema, to be changed and written again.

`backends.litert.file.model_reader` reads what a model says of itself; here is the whole of it, its constants among it.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from backends.base import ModelRejected
from backends.litert.file.model_reader import read_model
from harness.whole_file import replacing

_IDENTIFIER = b"TFL3"
_BEHIND = 1 << 31
_ABSENT = -1
"""In place of a tensor: an op has no such input."""
_NO_OFFSET = 1
"""A buffer's offset up to this says that its values are in the flatbuffer itself (schema.fbs)."""


def read_objects(path: Path) -> Any:
    """The model, as `schema.ModelT`, with all constants in it.

    Files of more than 2 GB, and litert-quantizer's of more than 256 KiB, keep constants behind the flatbuffer.

    Raises:
        ModelRejected: No model, cut or corrupt.
    """
    read_model(path)
    data = path.read_bytes()
    try:
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(data, 0))
    except (struct.error, IndexError, ValueError, TypeError) as error:
        raise ModelRejected(f"{path} is corrupt: {error}") from None
    for number, buffer in enumerate(model.buffers):
        if buffer.offset > _NO_OFFSET:
            if buffer.offset + buffer.size > len(data):
                raise ModelRejected(f"{path} is cut: constant {number} ends behind its {len(data)} bytes")
            buffer.data = np.frombuffer(data, np.uint8, buffer.size, buffer.offset)
            buffer.offset = buffer.size = 0
    return model


def write_objects(model: Any, path: Path) -> None:
    """Writes the model, whole or not at all, without the values that no tensor has any more."""
    used = {tensor.buffer for graph in model.subgraphs for tensor in graph.tensors}
    used |= {each.buffer for each in model.metadata or ()}
    for number, buffer in enumerate(model.buffers):
        if number not in used:
            buffer.data = None
    size = sum(0 if buffer.data is None else len(buffer.data) for buffer in model.buffers)
    builder = flatbuffers.Builder(min(size + (1 << 20), _BEHIND - 1))
    builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
    with replacing(path) as file:
        file.write(builder.Output())


def drop_idle_tensors(model: Any) -> None:
    """Takes away tensors that no op, input, output or signature speaks of: whoever asks for their values gets none."""
    for number, graph in enumerate(model.subgraphs):
        signatures = [each for each in model.signatureDefs or () if each.subgraphIndex == number]
        named = [one for each in signatures for one in (*(each.inputs or ()), *(each.outputs or ()))]
        lists = [(graph, "inputs"), (graph, "outputs")]
        lists += [(op, field) for op in graph.operators for field in ("inputs", "outputs", "intermediates")]
        lists = [(owner, field) for owner, field in lists if getattr(owner, field) is not None]
        used = {int(index) for owner, field in lists for index in getattr(owner, field)} | {
            one.tensorIndex for one in named
        }
        kept = [index for index in range(len(graph.tensors)) if index in used]
        moved = {index: place for place, index in enumerate(kept)} | {_ABSENT: _ABSENT}
        for owner, field in lists:
            setattr(owner, field, [moved[int(index)] for index in getattr(owner, field)])
        for one in named:
            one.tensorIndex = moved[one.tensorIndex]
        graph.tensors = [graph.tensors[index] for index in kept]


def constant(model: Any, tensor: Any, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """The values of a constant, in the tensor's shape; no values where it is none."""
    data = model.buffers[tensor.buffer].data
    if data is None or not len(data):
        return np.empty(0, dtype)
    shape = [] if tensor.shape is None else list(tensor.shape)
    return np.frombuffer(np.asarray(data, np.uint8).tobytes(), dtype).reshape(shape)


def new_buffer(model: Any, values: npt.NDArray[Any]) -> int:
    """Adds a constant; others that had the same buffer keep theirs. Gives its number."""
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
    model.buffers.append(buffer)
    return len(model.buffers) - 1


def operator_name(model: Any, operator: Any) -> int:
    """The number of the operator in the schema."""
    code = model.operatorCodes[operator.opcodeIndex]
    return int(max(code.builtinCode, code.deprecatedBuiltinCode))


def text(name: Any) -> str:
    """A name of the schema's objects, which are bytes when read."""
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name or "")
