"""Parses tf.train.Example messages (tensorflow/core/example/{example,feature}.proto) straight from the wire format.

Unknown fields are skipped and lists of numbers are taken packed or not, as the protocol buffer encoding asks.
"""

from __future__ import annotations

from mmap import mmap
from typing import Any

import numpy as np
import numpy.typing as npt

from accuracy.records.tfrecord import RecordError

Array = npt.NDArray[Any]

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIELD_1_BYTES = 0x0A
_KINDS = {1: "bytes", 2: "float", 3: "int64"}
_MAX_VARINT_BYTES = 10


class Example:
    """One parsed record: finds its features at once, decodes the values of those that are asked for."""

    __slots__ = ("_data", "_features", "_name", "_span")

    def __init__(self, data: bytes | mmap, name: str, start: int = 0, end: int | None = None) -> None:
        """Finds the features.

        Args:
            data: What holds the serialised message.
            name: What error messages call the record.
            start: Where the message starts in `data`.
            end: Where it ends; None for the end of `data`.

        Raises:
            RecordError: This is no tf.train.Example.
        """
        self._data = data
        self._name = name
        self._span = slice(start, len(data) if end is None else end)
        self._features: dict[str, list[tuple[int, int, int]]] = {}
        for number, wire, first, last in self._fields(self._span.start, self._span.stop):
            if number == 1 and wire == _BYTES:
                for inner, inner_wire, inner_start, inner_end in self._fields(first, last):
                    if inner == 1 and inner_wire == _BYTES:
                        self._entry(inner_start, inner_end)

    @property
    def whole(self) -> bytes:
        """The serialised message."""
        return self._data[self._span]

    def names(self) -> list[str]:
        """The features this record has."""
        return sorted(self._features)

    def kind(self, feature: str) -> str | None:
        """`bytes`, `float` or `int64`; None for a feature that is absent or has no list."""
        return next((_KINDS[found] for found, _, _ in self._features.get(feature, [])), None)

    def ints(self, feature: str) -> Array:
        """The values of an int64 list, as int64 [n].

        Raises:
            RecordError: The feature is absent, of another kind, or corrupt.
        """
        parts = []
        for start, end in self._lists(feature, 3):
            for number, wire, at, stop in self._fields(start, end):
                if number == 1 and wire == _BYTES:
                    parts.append(self._packed_varints(feature, at, stop))
                elif number == 1 and wire == _VARINT:
                    parts.append(np.array([at], np.uint64).view(np.int64))
        return _joined(parts, np.int64)

    def floats(self, feature: str) -> Array:
        """The values of a float list, as float32 [n].

        Raises:
            RecordError: As `ints`.
        """
        parts = []
        for start, end in self._lists(feature, 2):
            for number, wire, at, stop in self._fields(start, end):
                if number == 1 and wire in (_BYTES, _FIXED32):
                    if (stop - at) % 4:
                        raise self._error(f"feature {feature!r}: {stop - at} bytes are no whole number of float32")
                    parts.append(np.frombuffer(self._data, "<f4", (stop - at) // 4, at).astype(np.float32))
        return _joined(parts, np.float32)

    def texts(self, feature: str) -> list[str]:
        """The values of a bytes list, decoded as UTF-8.

        Raises:
            RecordError: As `ints`; also where a value is not UTF-8.
        """
        data = self._data
        values: list[str] = []
        try:
            for at, end in self._lists(feature, 1):
                while at < end:
                    # Nearly every value is short, so that its length is one byte; everything else takes the long way.
                    if data[at] == _FIELD_1_BYTES and at + 1 < end and data[at + 1] < 0x80:
                        start, at = at + 2, at + 2 + data[at + 1]
                        if at > end:
                            raise self._error(f"feature {feature!r} is cut")
                        values.append(data[start:at].decode())
                        continue
                    number, wire, start, stop, at = self._field(at, end)
                    if number == 1 and wire == _BYTES:
                        values.append(data[start:stop].decode())
        except UnicodeDecodeError as error:
            raise self._error(f"feature {feature!r}, value {len(values)} is not UTF-8: {error.reason}") from None
        return values

    def text(self, feature: str) -> str:
        """The only value of a bytes list.

        Raises:
            RecordError: As `texts`; also where there is none or more than one.
        """
        values = self.texts(feature)
        if len(values) != 1:
            raise self._error(f"feature {feature!r} has {len(values)} values instead of one")
        return values[0]

    def content(self, feature: str) -> bytes:
        """The only value of a bytes list, as it is.

        Raises:
            RecordError: As `ints`; also where there is none or more than one.
        """
        spans = [
            (at, stop)
            for start, end in self._lists(feature, 1)
            for number, wire, at, stop in self._fields(start, end)
            if number == 1 and wire == _BYTES
        ]
        if len(spans) != 1:
            raise self._error(f"feature {feature!r} has {len(spans)} values instead of one")
        return self._data[slice(*spans[0])]

    def raw(self, feature: str) -> bytes:
        """The encoded values of a feature: equal bytes mean equal values, without the cost of decoding them."""
        spans = self._features.get(feature, [])
        return b"".join(self._data[start:end] for _, start, end in spans)

    def _entry(self, start: int, end: int) -> None:
        """One entry of the map from names to features; a name that comes twice keeps the last, as in any map."""
        key = ""
        lists: list[tuple[int, int, int]] = []
        for number, wire, at, stop in self._fields(start, end):
            if number == 1 and wire == _BYTES:
                key = self._data[at:stop].decode(errors="replace")
            elif number == 2 and wire == _BYTES:
                lists = [
                    (kind, inner, inner_stop)
                    for kind, inner_wire, inner, inner_stop in self._fields(at, stop)
                    if kind in _KINDS and inner_wire == _BYTES
                ]
        self._features[key] = lists

    def _lists(self, feature: str, kind: int) -> list[tuple[int, int]]:
        if feature not in self._features:
            raise self._error(f"no feature {feature!r}; there are {', '.join(self.names()) or 'none'}")
        spans = self._features[feature]
        for found, _, _ in spans:
            if found != kind:
                raise self._error(f"feature {feature!r} is a {_KINDS[found]} list; {_KINDS[kind]} was expected")
        return [(start, end) for _, start, end in spans]

    def _fields(self, at: int, end: int) -> list[tuple[int, int, int, int]]:
        """All fields between two offsets: number, wire type, start and end of the value (of a varint: the value, 0)."""
        fields = []
        while at < end:
            number, wire, start, stop, at = self._field(at, end)
            fields.append((number, wire, start, stop))
        return fields

    def _field(self, at: int, end: int) -> tuple[int, int, int, int, int]:
        tag, at = self._varint(at, end)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, at = self._varint(at, end)
            return number, wire, value, 0, at
        if wire == _BYTES:
            length, at = self._varint(at, end)
        elif wire == _FIXED32:
            length = 4
        elif wire == _FIXED64:
            length = 8
        else:
            raise self._error(f"byte {at} is of wire type {wire}, which tf.train.Example does not have")
        if length > end - at:
            raise self._error(f"a field of {length} bytes at byte {at} does not fit into the {end - at} that are left")
        return number, wire, at, at + length, at + length

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        data = self._data
        if at < end and (byte := data[at]) < 0x80:
            return byte, at + 1
        value = 0
        for shift in range(0, 7 * _MAX_VARINT_BYTES, 7):
            if at >= end:
                raise self._error(f"a number at byte {at} is cut")
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & 0xFFFFFFFFFFFFFFFF, at
        raise self._error(f"the number before byte {at} is longer than {_MAX_VARINT_BYTES} bytes")

    def _packed_varints(self, feature: str, start: int, end: int) -> Array:
        data = np.frombuffer(self._data, np.uint8, end - start, start)
        is_last = data < 0x80
        if is_last.all():
            return data.astype(np.int64)
        if not is_last[-1]:
            raise self._error(f"feature {feature!r} is cut in the middle of a number")
        lasts = np.flatnonzero(is_last)
        firsts = np.concatenate(([0], lasts[:-1] + 1))
        sizes = lasts - firsts + 1
        longest = int(sizes.max())
        if longest > _MAX_VARINT_BYTES:
            raise self._error(f"feature {feature!r} holds a number longer than {_MAX_VARINT_BYTES} bytes")
        values = np.zeros(len(lasts), np.uint64)
        for place in range(longest):
            has = sizes > place
            values[has] |= (data[firsts[has] + place] & 0x7F).astype(np.uint64) << np.uint64(7 * place)
        return values.view(np.int64)

    def _error(self, problem: str) -> RecordError:
        return RecordError(f"{self._name} is no readable tf.train.Example: {problem}")


def _joined(parts: list[Array], dtype: type[np.generic]) -> Array:
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.empty(0, dtype)
