"""Reads a model file into the records of `backends.litert.file.model_file`: the one reader of TFLite's flatbuffer."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from backends.base import ModelRejected
from backends.litert.file import schema
from backends.litert.file.flatbuffer import INT8, INT64, UINT8, UINT32, UINT64, Table
from backends.litert.file.model_file import (
    Blockwise,
    FileTensor,
    Metadata,
    ModelFile,
    Operator,
    OperatorCode,
    Quantisation,
    Signature,
    Sparsity,
    Subgraph,
)
from backends.litert.file.opened_file import FileState, opened

_IDENTIFIER = b"TFL3"
"""At byte 4 of every TFLite flatbuffer (schema.fbs, file_identifier)."""
_INTEGER_BYTES = {"bool": 1, "int8": 1, "int16": 2, "int32": 4, "int64": 8}
T = TypeVar("T")


def check_model_file(path: Path) -> None:
    """Refuses what can be seen to be no TFLite model before the runtime gets to see it.

    Raises:
        ModelRejected: Missing, unreadable, empty or of another format.
    """
    try:
        with opened(path) as file:
            head = file.read(8)
    except OSError as error:
        raise ModelRejected(f"cannot read the model {path}: {error.strerror}") from None
    if len(head) < 8 or head[4:8] != _IDENTIFIER:
        raise ModelRejected(
            f"{path} is not a TFLite model: bytes 4 to 8 are {head[4:8]!r}, not {_IDENTIFIER!r}. "
            "A web page or a pointer file saved under this name is the usual cause."
        )


def read_model(path: Path) -> ModelFile:
    """Reads a model file whole, but for the values of its constants.

    Raises:
        ModelRejected: It is absent, no TFLite model, cut or corrupt.
    """
    check_model_file(path)
    return _read_model(path, FileState.of(path.stat()))


@lru_cache(maxsize=4)
def _read_model(path: Path, _state: FileState) -> ModelFile:
    return _read(path, lambda root, size: _model(path, root, size))


def read_operator_codes(path: Path) -> tuple[OperatorCode, ...]:
    """The operators that a model file declares, each once: little of the file is read for it.

    Raises:
        ModelRejected: See `read_model`.
    """
    check_model_file(path)
    return _read(path, lambda root, _: _codes(root))


def read_buffer_places(path: Path) -> tuple[tuple[int, int], ...]:
    """Where in the file the data of each buffer lies, and how many bytes: (0, 0) for one without any.

    Raises:
        ModelRejected: See `read_model`.
    """
    check_model_file(path)
    return _read(path, lambda root, _: tuple(_place(each) for each in root.tables(schema.ModelTable.BUFFERS)))


def _read(path: Path, read: Callable[[Table, int], T]) -> T:
    """What is read from the file's first table, and its size in bytes."""
    try:
        with opened(path) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return read(Table.root(data), len(data))
    except OSError as error:
        raise ModelRejected(f"cannot read the model {path}: {error.strerror}") from None
    except (struct.error, ValueError, LookupError, ArithmeticError, TypeError, RecursionError, MemoryError) as error:
        # What a corrupt offset ends in.
        raise ModelRejected(f"{path} is cut or corrupt: {error}. Get it again.") from None


def _model(path: Path, root: Table, size: int) -> ModelFile:
    buffers = root.tables(schema.ModelTable.BUFFERS)
    stored = [_stored_bytes(buffer) for buffer in buffers]
    if max(stored, default=0) > size:
        raise ValueError(f"it claims {max(stored):,} bytes for one constant and has {size:,} in all")
    codes = _codes(root)
    subgraphs = tuple(_subgraph(each, codes, buffers, stored) for each in root.tables(schema.ModelTable.SUBGRAPHS))
    if not subgraphs:
        raise ValueError("it has no graph")
    return ModelFile(
        path=path,
        size_bytes=size,
        schema_version=root.number(schema.ModelTable.VERSION, UINT32),
        description=root.text(schema.ModelTable.DESCRIPTION),
        codes=codes,
        subgraphs=subgraphs,
        signatures=tuple(_signature(each, subgraphs) for each in root.tables(schema.ModelTable.SIGNATURE_DEFS)),
        metadata=tuple(_metadata(each, stored) for each in root.tables(schema.ModelTable.METADATA)),
        weight_files=tuple(
            group.text(schema.ExternalBufferGroupTable.NAME)
            for group in root.tables(schema.ModelTable.EXTERNAL_BUFFER_GROUPS)
        ),
    )


def _codes(root: Table) -> tuple[OperatorCode, ...]:
    field = schema.OperatorCodeTable
    return tuple(
        OperatorCode(
            # Files of before 2020 have the number in the older field, which holds one byte; the larger counts (schema.fbs).
            max(code.number(field.BUILTIN_CODE), code.number(field.DEPRECATED_BUILTIN_CODE, INT8)),
            code.text(field.CUSTOM_CODE),
            code.number(field.VERSION, default=1),
        )
        for code in root.tables(schema.ModelTable.OPERATOR_CODES)
    )


def _subgraph(
    subgraph: Table, codes: Sequence[OperatorCode], buffers: Sequence[Table], stored: Sequence[int]
) -> Subgraph:
    field = schema.SubGraphTable
    tensors = tuple(_tensor(tensor, buffers, stored) for tensor in subgraph.tables(field.TENSORS))
    operators = tuple(_operator(operator, codes) for operator in subgraph.tables(field.OPERATORS))
    inputs, outputs = subgraph.integers(field.INPUTS), subgraph.integers(field.OUTPUTS)
    used = [index for operator in operators for index in (*operator.inputs, *operator.outputs)] + [*inputs, *outputs]
    if used and not (min(used) >= -1 and max(used) < len(tensors)):
        raise ValueError(f"it names tensor {max(used)} of {len(tensors)}")
    if min((*inputs, *outputs), default=0) < 0:
        raise ValueError("one of its inputs or outputs is no tensor")
    return Subgraph(subgraph.text(field.NAME), tensors, operators, inputs, outputs)


def _tensor(tensor: Table, buffers: Sequence[Table], stored: Sequence[int]) -> FileTensor:
    field = schema.TensorTable
    buffer, kind = tensor.number(field.BUFFER, UINT32), tensor.number(field.TYPE, INT8)
    known = 0 <= kind < len(schema.TENSOR_TYPES)
    dtype = schema.TENSOR_TYPES[kind] if known else f"type {kind}"
    return FileTensor(
        name=tensor.text(field.NAME),
        shape=tensor.integers(field.SHAPE),
        shape_signature=tensor.integers(field.SHAPE_SIGNATURE),
        has_rank=bool(tensor.number(field.HAS_RANK, UINT8)),
        dtype=dtype,
        buffer=buffer,
        # The first buffer is empty by definition.
        stored_bytes=stored[buffer] if buffer else 0,
        is_variable=bool(tensor.number(field.IS_VARIABLE, UINT8)),
        value=_integer(buffers[buffer], dtype) if buffer else None,
        quantisation=_quantisation(tensor.table(field.QUANTIZATION)),
        sparsity=_sparsity(tensor.table(field.SPARSITY)),
        shape_at=tensor.at(field.SHAPE),
    )


def _integer(buffer: Table, dtype: str) -> int | None:
    """The one integer of a constant; None where it is none, or holds more."""
    size = _INTEGER_BYTES.get(dtype)
    if size is None or buffer.length(schema.BufferTable.DATA) != size:
        return None
    return int.from_bytes(bytes(buffer.integers(schema.BufferTable.DATA, "B")), "little", signed=True)


def _quantisation(found: Table | None) -> Quantisation | None:
    if found is None:
        return None
    field = schema.QuantizationParametersTable
    scales = found.floats(field.SCALE)
    blockwise = _blockwise(found.table(field.DETAILS), found.number(field.DETAILS_TYPE, UINT8))
    if not scales and blockwise is None:
        return None
    zero_points = found.integers(field.ZERO_POINT, "q")
    return Quantisation(scales, zero_points, found.number(field.QUANTIZED_DIMENSION), blockwise)


def _blockwise(details: Table | None, kind: int) -> Blockwise | None:
    if details is None or kind != schema.BLOCKWISE:
        return None
    field = schema.BlockwiseQuantizationTable
    return Blockwise(details.number(field.SCALES), details.number(field.ZERO_POINTS), details.number(field.BLOCK_SIZE))


def _sparsity(found: Table | None) -> Sparsity | None:
    if found is None:
        return None
    field = schema.SparsityParametersTable
    return Sparsity(
        found.integers(field.TRAVERSAL_ORDER),
        found.integers(field.BLOCK_MAP),
        tuple(
            each.number(schema.DimensionMetadataTable.FORMAT, INT8) == schema.SPARSE_CSR
            for each in found.tables(field.DIM_METADATA)
        ),
    )


def _operator(operator: Table, codes: Sequence[OperatorCode]) -> Operator:
    field = schema.OperatorTable
    code = codes[operator.number(field.OPCODE_INDEX, UINT32)]
    inputs, outputs = operator.integers(field.INPUTS), operator.integers(field.OUTPUTS)
    return Operator(code, inputs, outputs, _called(operator), _is_seeded(operator))


def _is_seeded(operator: Table) -> bool:
    """Whether an operator's options name a seed."""
    field = schema.OperatorTable
    if operator.number(field.BUILTIN_OPTIONS_TYPE, UINT8) != schema.RANDOM_OPTIONS:
        return False
    options, seeds = operator.table(field.BUILTIN_OPTIONS), schema.RandomOptionsTable
    return options is not None and any(options.number(each, INT64) for each in (seeds.SEED, seeds.SEED2))


def _called(operator: Table) -> tuple[int, ...]:
    """The subgraphs that an operator's options name."""
    field = schema.OperatorTable
    kind, kind_2 = (
        operator.number(field.BUILTIN_OPTIONS_TYPE, UINT8),
        operator.number(field.BUILTIN_OPTIONS_2_TYPE, UINT8),
    )
    options = operator.table(field.BUILTIN_OPTIONS) if kind in schema.CALLERS else None
    if options is not None:
        return tuple(options.number(each) for each in schema.CALLERS[kind])
    options_2 = operator.table(field.BUILTIN_OPTIONS_2) if kind_2 in (*schema.CALLERS_2, schema.CASE) else None
    if options_2 is None:
        return ()
    if kind_2 == schema.CASE:
        return options_2.integers(0)
    return tuple(options_2.number(each) for each in schema.CALLERS_2[kind_2])


def _signature(signature: Table, subgraphs: Sequence[Subgraph]) -> Signature:
    field = schema.SignatureDefTable
    number = signature.number(field.SUBGRAPH_INDEX, UINT32)
    count = len(subgraphs[number].tensors)

    twice: list[str] = []

    def named(tables: Sequence[Table]) -> dict[str, int]:
        at, name = schema.TensorMapTable.TENSOR_INDEX, schema.TensorMapTable.NAME
        pairs = [(each.text(name), each.number(at, UINT32)) for each in tables]
        found = dict(pairs)
        twice.extend(text for text, index in pairs if found[text] != index)
        if max(found.values(), default=0) >= count:
            raise ValueError(f"a signature names tensor {max(found.values())} of {count}")
        return found

    inputs, outputs = named(signature.tables(field.INPUTS)), named(signature.tables(field.OUTPUTS))
    return Signature(signature.text(field.SIGNATURE_KEY), number, inputs, outputs, tuple(twice))


def _metadata(metadata: Table, stored: Sequence[int]) -> Metadata:
    buffer = metadata.number(schema.MetadataTable.BUFFER, UINT32)
    return Metadata(metadata.text(schema.MetadataTable.NAME), buffer, stored[buffer])


def _stored_bytes(buffer: Table) -> int:
    field = schema.BufferTable
    # Buffers of files beyond 2 GB lie behind the flatbuffer.
    size = buffer.number(field.SIZE, UINT64) if buffer.number(field.OFFSET, UINT64) > 1 else 0
    return size or buffer.length(field.DATA)


def _place(buffer: Table) -> tuple[int, int]:
    field = schema.BufferTable
    behind = buffer.number(field.OFFSET, UINT64)
    return (behind, buffer.number(field.SIZE, UINT64)) if behind > 1 else buffer.span(field.DATA)
