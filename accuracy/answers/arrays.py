"""How a model's outputs lie in LoadGen's accuracy log as they are: named arrays, with what their numbers mean.

No other harness logs such answers, so the layout is ours: for each output its name, type, quantisation and shape, then the
values of all of them one behind the other. All numbers are little-endian. Timed or scored the bytes are the same, so nothing is
compressed.
"""

from __future__ import annotations

import math
import operator
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from accuracy.answers.log import LogError

Array = npt.NDArray[Any]

_HEADER = struct.Struct("<4sBH")  # magic, version, outputs
_OUTPUT = struct.Struct("<HBdqB")  # length of the name, type, scale, zero point, axes
_MAGIC, _VERSION = b"TNSR", 1
_TYPES = [
    "<f4",
    "<f2",
    "<f8",
    "|i1",
    "|u1",
    "<i2",
    "<u2",
    "<i4",
    "<u4",
    "<i8",
    "<u8",
    "|b1",
    "<c8",
    "<c16",
]  # by their number in the log: only add behind
_TEXT = 255
_TEXTS = "OSU"
"""Kinds of numpy's types that hold text."""
_MOST_BYTES = 1 << 31
"""Elements of one output; a hostile log gets no more."""


@dataclass(frozen=True, slots=True)
class Output:
    """One output of one answer."""

    name: str
    values: Array
    """As the model gave them; texts as bytes objects."""
    scale: float = 0.0
    """Quantisation step; 0 where the values are what they are."""
    zero_point: int = 0


class OutputPacker:
    """Packs the outputs of one model, without loss: on the timed path, where they are as promised one copy of their bytes."""

    __slots__ = ("_head", "_promised", "_tensors")

    def __init__(self, outputs: Sequence[Output]) -> None:
        """Takes what is promised: names, quantisation, and values of the shapes and types that answers will mostly have.

        Raises:
            ValueError: A type that has no place in a log.
        """
        self._tensors = [(output.name, output.scale, output.zero_point) for output in outputs]
        self._promised = [(output.values.shape, output.values.dtype) for output in outputs]
        self._head = _head(outputs)
        if any(dtype.kind in _TEXTS for _, dtype in self._promised):
            # Never met, as texts have no length of their own.
            self._promised = []

    def packer(self) -> Callable[[Sequence[Array]], bytes]:
        """`pack` for one backend and one thread, quicker where that answers in the same arrays every time."""
        held: Sequence[Array] | None = None
        pieces: list[Any] = []

        def packed(values: Sequence[Array]) -> bytes:
            nonlocal held, pieces
            if held is not None and len(held) == len(values) and all(map(operator.is_, held, values)):
                return b"".join(pieces)
            if self._as_promised(values) and all(array.flags.c_contiguous for array in values):
                held, pieces = tuple(values), [self._head, *values]
            return self.pack(values)

        return packed

    def _as_promised(self, values: Sequence[Array]) -> bool:
        return [(array.shape, array.dtype) for array in values] == self._promised

    def pack(self, values: Sequence[Array]) -> bytes:
        """The outputs of one sample."""
        if self._as_promised(values):
            pieces: list[Any] = [self._head, *map(_in_one_piece, values)]
            return b"".join(pieces)
        named = zip(self._tensors, values, strict=True)
        return pack_outputs([Output(name, array, scale, zero) for (name, scale, zero), array in named])


def pack_outputs(outputs: Sequence[Output]) -> bytes:
    """Packs the outputs of one sample, without loss.

    Raises:
        ValueError: A type that has no place in a log.
    """
    pieces: list[Any] = [_head(outputs)]
    for output in outputs:
        values = output.values
        pieces.append(_text_bytes(values) if values.dtype.kind in _TEXTS else _in_one_piece(values))
    return b"".join(pieces)


def _in_one_piece(values: Array) -> Array:
    """The values as they go into the log: little-endian, as every machine here has them."""
    return values if values.flags.c_contiguous else np.ascontiguousarray(values)


def _head(outputs: Sequence[Output]) -> bytes:
    heads = [_HEADER.pack(_MAGIC, _VERSION, len(outputs))]
    for output in outputs:
        name, values = output.name.encode(), output.values
        is_text = values.dtype.kind in _TEXTS
        if not is_text and values.dtype.newbyteorder("<").str not in _TYPES:
            raise ValueError(f"output {output.name} is {values.dtype}, which has no place in an accuracy log")
        kind = _TEXT if is_text else _TYPES.index(values.dtype.newbyteorder("<").str)
        heads.append(_OUTPUT.pack(len(name), kind, output.scale, output.zero_point, values.ndim))
        heads += [name, struct.pack(f"<{values.ndim}I", *values.shape)]
    return b"".join(heads)


def unpack_outputs(data: bytes) -> list[Output]:
    """The outputs of an answer.

    Raises:
        LogError: Not such an answer, cut, corrupt, or longer than it says.
    """
    if len(data) < _HEADER.size or data[:4] != _MAGIC:
        raise LogError(f"an answer that opens with {data[:4]!r} holds no tensors. Was it another task's log?")
    _, version, count = _HEADER.unpack_from(data)
    if version != _VERSION:
        raise LogError(f"tensors of layout version {version}; this program reads version {_VERSION}")
    try:
        described, begin = _described(data, count)
    except (struct.error, UnicodeDecodeError) as error:
        raise LogError(f"corrupt tensors: {error}") from None
    found = []
    for blank, kind, shape in described:
        if kind == _TEXT:
            values, begin = _texts(data, begin, shape)
        else:
            count = math.prod(shape)
            size = np.dtype(_TYPES[kind]).itemsize * count
            if begin + size > len(data):
                raise LogError("corrupt tensors: fewer values than their shapes name")
            values = np.frombuffer(data, _TYPES[kind], count, begin).reshape(shape)
            begin += size
        found.append(Output(blank.name, values, blank.scale, blank.zero_point))
    if begin != len(data):
        raise LogError("corrupt tensors: more values than their shapes name")
    return found


def _described(data: bytes, count: int) -> tuple[list[tuple[Output, int, tuple[int, ...]]], int]:
    """Each output without its values, its type's number and its shape; then where the values begin."""
    found, at, nothing = [], _HEADER.size, np.empty(0)
    for _ in range(count):
        length, kind, scale, zero_point, axes = _OUTPUT.unpack_from(data, at)
        at += _OUTPUT.size
        name = data[at : at + length].decode()
        shape = struct.unpack_from(f"<{axes}I", data, at + length)
        at += length + 4 * axes
        if kind != _TEXT and not kind < len(_TYPES):
            raise LogError(f"corrupt tensors: output {name} is of type {kind}, which this program does not know")
        if math.prod(shape) > _MOST_BYTES:
            raise LogError(f"corrupt tensors: output {name} has the shape {list(shape)}")
        found.append((Output(name, nothing, scale, zero_point), kind, shape))
    return found, at


def _text_bytes(values: Array) -> bytes:
    words = [word if isinstance(word, bytes) else str(word).encode() for word in values.ravel().tolist()]
    return b"".join(struct.pack("<I", len(word)) + word for word in words)


def _texts(whole: bytes, begin: int, shape: tuple[int, ...]) -> tuple[Array, int]:
    words = np.empty(math.prod(shape), object)
    for place in range(len(words)):
        if begin + 4 > len(whole):
            raise LogError("corrupt tensors: a text is cut short")
        (length,) = struct.unpack_from("<I", whole, begin)
        word = whole[begin + 4 : begin + 4 + length]
        if len(word) != length:
            raise LogError("corrupt tensors: a text is cut short")
        words[place], begin = word, begin + 4 + length
    return words.reshape(shape), begin
