"""Writes TFLite flatbuffers without a converter.

The description of the graph (a few hundred kilobytes) is packed with the schema's own classes. The constants are not:
they follow behind it, straight from the arrays into the file, and the description is patched with where they went. So a
model of 100 MB is written at the speed of the disk, and no second copy of it is ever held.

Equal graphs give equal bytes.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from harness.zoo.graph.tensors import Array, GraphTensor, Quantization, Shape
from harness.zoo.graph.versions import operator_version

SIGNATURE = "serving_default"
_IDENTIFIER = b"TFL3"
_SCHEMA_VERSION = 3
_ALIGNMENT = 16
"""Of constants in the file, in bytes: kernels read a memory-mapped model in place, with aligned vector loads."""
_MAX_BYTES = (1 << 31) - 1
"""Offsets inside a flatbuffer are 32 bits, signed ones in places."""
_UINT32 = struct.Struct("<I")
"""The length in front of a vector, and the offset from a table's field to it."""
_LAST_OLD_CODE = 127
"""The operator code's first field has one byte; this value there says: look at the second field."""
_TYPES = {
    np.dtype("<f4"): schema.TensorType.FLOAT32,
    np.dtype("<i4"): schema.TensorType.INT32,
    np.dtype("<i8"): schema.TensorType.INT64,
    np.dtype("i1"): schema.TensorType.INT8,
    np.dtype("u1"): schema.TensorType.UINT8,
    np.dtype("?"): schema.TensorType.BOOL,
}


@dataclass(frozen=True, slots=True)
class _Operator:
    code: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Any
    custom_options: bytes


class Graph:
    """A model of one subgraph, in the making: first tensors, then operators in the order in which they run."""

    def __init__(self, description: str) -> None:
        """`description` is stored in the file."""
        self._description = description
        self._tensors: list[GraphTensor] = []
        self._names: set[str] = set()
        self._constants: list[Array] = []
        self._buffer_of: dict[bytes, int] = {}
        self._codes: dict[tuple[str, str, int], int] = {}
        self._operators: list[_Operator] = []
        self._inputs: list[tuple[str, GraphTensor]] = []
        self._outputs: list[tuple[str, GraphTensor]] = []

    def input(
        self, name: str, shape: Shape, dtype: npt.DTypeLike, quantization: Quantization | None = None
    ) -> GraphTensor:
        """Adds a tensor that the caller of the model fills, under the same name in the signature."""
        tensor = self.tensor(name, shape, dtype, quantization)
        self._inputs.append((name, tensor))
        return tensor

    def constant(self, name: str, values: Array, quantization: Quantization | None = None) -> GraphTensor:
        """Adds a tensor with values. Equal bytes are stored once. The array must not change until the graph is written.

        Raises:
            ValueError: No values (the format cannot tell an empty constant from a tensor without one).
        """
        # ascontiguousarray would turn a scalar into a vector.
        values = np.asarray(values, order="C")
        if not values.size:
            raise ValueError(f"constant {name!r} of shape {values.shape} holds no values")
        flat = values.reshape(-1).view(np.uint8)
        digest = hashlib.sha256(flat.data).digest()
        if digest not in self._buffer_of:
            self._constants.append(flat)
            self._buffer_of[digest] = len(self._constants)  # 0 stands for "no constant"
        return self._add(name, values.shape, values.dtype, quantization, self._buffer_of[digest])

    def tensor(
        self, name: str, shape: Shape, dtype: npt.DTypeLike, quantization: Quantization | None = None
    ) -> GraphTensor:
        """Adds a tensor that an operator will fill."""
        return self._add(name, shape, np.dtype(dtype), quantization, 0)

    def variable(self, name: str, shape: Shape, dtype: npt.DTypeLike) -> GraphTensor:
        """Adds a tensor that an operator reads and changes, and that lasts from call to call; zeros at first."""
        return self._add(name, shape, np.dtype(dtype), None, 0, variable=True)

    def operator(
        self,
        op: str,
        inputs: Sequence[GraphTensor | None],
        outputs: Sequence[GraphTensor],
        options: Any = None,
        *,
        custom_options: bytes = b"",
    ) -> None:
        """Adds an operator behind those there are.

        Args:
            op: A builtin operator's name in the schema (`CONV_2D`), or any other name for a custom operator.
            inputs: None for an optional input that is left out.
            outputs: Tensors that no operator has filled yet.
            options: The schema's object for a builtin operator, for example `schema.Conv2DOptionsT(...)`.
            custom_options: For a custom operator: what its kernel reads, as a rule a flexbuffer map.
        """
        builtin = op != "CUSTOM" and hasattr(schema.BuiltinOperator, op)
        present = [tensor for tensor in inputs if tensor is not None]
        version = operator_version(op, present, options) if builtin else 1
        key = (op, "", version) if builtin else ("CUSTOM", op, version)
        code = self._codes.setdefault(key, len(self._codes))
        self._operators.append(
            _Operator(
                code,
                tuple(-1 if tensor is None else tensor.index for tensor in inputs),
                tuple(tensor.index for tensor in outputs),
                options,
                custom_options,
            )
        )

    def output(self, tensor: GraphTensor, name: str | None = None) -> None:
        """Makes a tensor the model's next output, under `name` in the signature (default: the tensor's own)."""
        self._outputs.append((name or tensor.name, tensor))

    def write(self, file: BinaryIO) -> None:
        """Writes the model.

        Raises:
            ValueError: More than 2 GiB, which the format cannot hold.
            OSError: The file cannot be written.
        """
        description, slots = self._pack()
        places = []
        end = len(description)
        for constant in self._constants:
            start = _aligned(end + _UINT32.size)
            places.append(start)
            end = start + constant.nbytes
        if end > _MAX_BYTES:
            raise ValueError(f"{self._description!r} would take {end} bytes; a TFLite file holds at most {_MAX_BYTES}")
        for slot, start in zip(slots, places, strict=True):
            _UINT32.pack_into(description, slot, start - _UINT32.size - slot)
        file.write(description)
        end = len(description)
        for constant, start in zip(self._constants, places, strict=True):
            file.write(bytes(start - _UINT32.size - end))
            file.write(_UINT32.pack(constant.nbytes))
            file.write(constant.data)
            end = start + constant.nbytes

    def _add(
        self,
        name: str,
        shape: Shape,
        dtype: np.dtype[Any],
        quantization: Quantization | None,
        buffer: int,
        *,
        variable: bool = False,
    ) -> GraphTensor:
        if name in self._names:
            raise ValueError(f"two tensors named {name!r}")
        if dtype not in _TYPES:
            raise ValueError(f"tensor {name!r} has type {dtype.str}, which this writer does not know")
        self._names.add(name)
        sizes = tuple(int(size) for size in shape)
        tensor = GraphTensor(len(self._tensors), name, sizes, dtype, quantization, buffer, variable)
        self._tensors.append(tensor)
        return tensor

    def _pack(self) -> tuple[bytearray, list[int]]:
        """The flatbuffer without constants, and where in it each constant's offset must be written."""
        buffers = [_BufferSlot() for _ in self._constants]
        model = schema.ModelT(
            version=_SCHEMA_VERSION,
            description=self._description,
            operatorCodes=[_operator_code(*key) for key in self._codes],
            subgraphs=[
                schema.SubGraphT(
                    name="main",
                    tensors=[_tensor(tensor) for tensor in self._tensors],
                    inputs=[tensor.index for _, tensor in self._inputs],
                    outputs=[tensor.index for _, tensor in self._outputs],
                    operators=[_operator(operator) for operator in self._operators],
                )
            ],
            buffers=[schema.BufferT(), *buffers],
            signatureDefs=[
                schema.SignatureDefT(
                    inputs=[schema.TensorMapT(name, tensor.index) for name, tensor in self._inputs],
                    outputs=[schema.TensorMapT(name, tensor.index) for name, tensor in self._outputs],
                    signatureKey=SIGNATURE,
                    subgraphIndex=0,
                )
            ],
        )
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
        packed = bytearray(builder.Output())
        return packed, [len(packed) - buffer.from_end for buffer in buffers]


class _BufferSlot:
    """Stands in for a `schema.BufferT` when the model is packed, and keeps where its vector's offset belongs."""

    from_end = 0

    def Pack(self, builder: Any) -> int:  # noqa: N802 - the schema's own name
        schema.BufferStart(builder)
        builder.PrependUint32Slot(0, 1, 0)
        self.from_end = builder.Offset()
        return int(schema.BufferEnd(builder))


def _aligned(position: int) -> int:
    return -(-position // _ALIGNMENT) * _ALIGNMENT


def _operator_code(op: str, custom: str, version: int) -> Any:
    code = getattr(schema.BuiltinOperator, op)
    return schema.OperatorCodeT(
        deprecatedBuiltinCode=min(code, _LAST_OLD_CODE), builtinCode=code, customCode=custom or None, version=version
    )


def _operator(operator: _Operator) -> Any:
    packed = schema.OperatorT(opcodeIndex=operator.code, inputs=list(operator.inputs), outputs=list(operator.outputs))
    if operator.options is not None:
        # The union's tag has the name of the table, and the object's class that name with a T behind.
        packed.builtinOptionsType = getattr(schema.BuiltinOptions, type(operator.options).__name__[:-1])
        packed.builtinOptions = operator.options
    if operator.custom_options:
        packed.customOptions = np.frombuffer(operator.custom_options, np.uint8)
    return packed


def _tensor(tensor: GraphTensor) -> Any:
    packed = schema.TensorT(
        shape=list(tensor.shape),
        type=_TYPES[tensor.dtype],
        buffer=tensor.buffer,
        name=tensor.name,
        isVariable=tensor.variable,
        hasRank=True,
    )
    if tensor.quantization is not None:
        packed.quantization = schema.QuantizationParametersT(
            scale=tensor.quantization.scales,
            zeroPoint=tensor.quantization.zero_points,
            quantizedDimension=tensor.quantization.axis,
        )
    return packed
