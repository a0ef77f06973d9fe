"""What a model file says of itself: tensors, operators, constants. Read from its flatbuffer, without running it.

Nothing in the file is trusted: whatever a corrupt one makes the reader do ends as one clear error.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import ConfigError

_MAX_PARTS = 1_000_000
"""Tensors, operators and buffers of a subgraph: real models have a few thousand."""


class NotAModel(ConfigError):  # noqa: N818 - reads as the sentence it stands in
    """A file that is no TFLite model, or a corrupt one: exit status 2."""


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One tensor of a graph."""

    name: str
    shape: tuple[int, ...]
    """As the file has it; -1 for a size that is free. () also where the file says nothing of it."""
    dtype: str
    scale: float | None
    """Of the first channel; None where it is not quantised."""
    zero_point: int | None
    channels: int
    """Quantisation scales: 1 per tensor, more per channel, 0 for none."""
    constant: bool
    variable: bool
    stored_bytes: int
    """Of its constant data in the file."""


@dataclass(frozen=True, slots=True)
class OperatorInfo:
    """One operator of a graph."""

    name: str
    """Builtin ones as the schema names them, custom ones by their own name."""
    version: int
    custom: bool
    inputs: tuple[int, ...]
    """Tensors by index; -1 for one that is left out."""
    outputs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class GraphInfo:
    """One subgraph; the first is the model, others are bodies of control flow or further signatures."""

    tensors: tuple[TensorInfo, ...]
    operators: tuple[OperatorInfo, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model file."""

    path: Path
    size_bytes: int
    schema_version: int
    description: str
    signatures: tuple[str, ...]
    graphs: tuple[GraphInfo, ...]

    @property
    def inputs(self) -> list[TensorInfo]:
        """Of the first graph."""
        return [self.graphs[0].tensors[index] for index in self.graphs[0].inputs]

    @property
    def outputs(self) -> list[TensorInfo]:
        """Of the first graph."""
        return [self.graphs[0].tensors[index] for index in self.graphs[0].outputs]


def read_model(path: Path) -> ModelInfo:
    """Reads a model file.

    Raises:
        NotAModel: It is absent, no TFLite model, or corrupt.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NotAModel(f"cannot read the model {path}: {error.strerror}") from None
    if data[4:8] != b"TFL3":
        raise NotAModel(f"{path} is not a TFLite model: bytes 4 to 8 are {data[4:8]!r}, not {b'TFL3'!r}")
    try:
        return _parse(path, data)
    except (struct.error, ValueError, IndexError, KeyError, TypeError, OverflowError, AttributeError) as error:
        # What the generated reader does with offsets that lead anywhere.
        raise NotAModel(f"{path} is a corrupt TFLite model: {error}") from None


def _parse(path: Path, data: bytes) -> ModelInfo:
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(data, 0)
    if not model.SubgraphsLength():
        raise ValueError("it has no graph")
    names = _names(schema.BuiltinOperator)
    codes = [_code(model.OperatorCodes(index), names) for index in range(_count(model.OperatorCodesLength()))]
    stored = [_stored(model.Buffers(index)) for index in range(_count(model.BuffersLength()))]
    if max(stored, default=0) > len(data):
        raise ValueError(f"it claims {max(stored):,} bytes for one constant and has {len(data):,} in all")
    types = _names(schema.TensorType)
    graphs = tuple(
        _graph(model.Subgraphs(index), codes, stored, types) for index in range(_count(model.SubgraphsLength()))
    )
    signatures = tuple(
        _text(model.SignatureDefs(index).SignatureKey()) for index in range(_count(model.SignatureDefsLength()))
    )
    return ModelInfo(path, len(data), model.Version(), _text(model.Description()), signatures, graphs)


def _graph(
    graph: Any, codes: Sequence[tuple[str, int, bool]], stored: Sequence[int], types: dict[int, str]
) -> GraphInfo:
    tensors = tuple(_tensor(graph.Tensors(index), stored, types) for index in range(_count(graph.TensorsLength())))
    operators = []
    for index in range(_count(graph.OperatorsLength())):
        operator = graph.Operators(index)
        name, version, custom = codes[operator.OpcodeIndex()]
        inputs = tuple(operator.Inputs(place) for place in range(_count(operator.InputsLength())))
        outputs = tuple(operator.Outputs(place) for place in range(_count(operator.OutputsLength())))
        operators.append(OperatorInfo(name, version, custom, inputs, outputs))
    inputs = tuple(graph.Inputs(place) for place in range(_count(graph.InputsLength())))
    outputs = tuple(graph.Outputs(place) for place in range(_count(graph.OutputsLength())))
    used = [index for operator in operators for index in (*operator.inputs, *operator.outputs)] + [*inputs, *outputs]
    if used and not (min(used) >= -1 and max(used) < len(tensors)):
        raise ValueError(f"it names tensor {max(used)} of {len(tensors)}")
    if min((*inputs, *outputs), default=0) < 0:
        raise ValueError("one of its inputs or outputs is no tensor")
    return GraphInfo(tensors, tuple(operators), inputs, outputs)


def _tensor(tensor: Any, stored: Sequence[int], types: dict[int, str]) -> TensorInfo:
    length = _count(tensor.ShapeSignatureLength())
    shape = tuple(int(tensor.ShapeSignature(axis)) for axis in range(length))
    if not shape:
        shape = tuple(int(tensor.Shape(axis)) for axis in range(_count(tensor.ShapeLength())))
    quantization = tensor.Quantization()
    channels = _count(quantization.ScaleLength()) if quantization else 0
    buffer = tensor.Buffer()
    stored_bytes = stored[buffer] if buffer else 0
    return TensorInfo(
        name=_text(tensor.Name()),
        shape=shape,
        dtype=types.get(tensor.Type(), f"type {tensor.Type()}").lower(),
        scale=float(quantization.Scale(0)) if channels else None,
        zero_point=int(quantization.ZeroPoint(0)) if channels and quantization.ZeroPointLength() else None,
        channels=channels,
        constant=stored_bytes > 0,
        variable=bool(tensor.IsVariable()),
        stored_bytes=stored_bytes,
    )


def _code(code: Any, names: dict[int, str]) -> tuple[str, int, bool]:
    # Old files have the code in a byte of its own; the larger of the two counts (schema.fbs, OperatorCode).
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    name = names.get(number, f"operator {number}")
    custom = name == "CUSTOM"
    return (_text(code.CustomCode()) or "unnamed custom op") if custom else name, code.Version(), custom


def _stored(buffer: Any) -> int:
    # Buffers of files beyond 2 GB lie behind the flatbuffer.
    size = buffer.Size() if buffer.Offset() > 1 else 0
    return int(size or buffer.DataLength())


def _count(length: int) -> int:
    if not 0 <= length <= _MAX_PARTS:
        raise ValueError(f"it claims to have {length:,} of something")
    return length


def _text(value: bytes | None) -> str:
    return value.decode("utf-8", "replace") if value else ""


def _names(enum: Any) -> dict[int, str]:
    return {value: name for name, value in vars(enum).items() if isinstance(value, int)}
