"""Tables of a flatbuffer, read field by field.

The generated reader of the schema looks each field up anew, in ten times the time, and its import alone takes a tenth of a
second or more: every run and every process of a pool would pay for it.
"""

from __future__ import annotations

import mmap
import struct
from functools import lru_cache

Data = bytes | bytearray | mmap.mmap
_MOST = 1_000_000
"""Tables in a vector: real models have a few thousand tensors, operators and buffers."""
_UINT16, _INT32, _UINT32 = struct.Struct("<H"), struct.Struct("<i"), struct.Struct("<I")
INT8, UINT8, INT32, INT64, UINT32, UINT64 = (struct.Struct(f"<{kind}") for kind in "bBiqIQ")
"""Types of a number, for `Table.number`."""
_OFFSET_BYTES = 4


class Table:
    """One table.

    A file that leads anywhere ends in struct.error, ValueError or IndexError: no place outside of it is read.
    """

    __slots__ = ("_at", "_data", "_fields")

    def __init__(self, data: Data, at: int) -> None:
        """The table that begins at this byte."""
        self._data, self._at = data, at
        (back,) = _INT32.unpack_from(data, _within(at))
        self._fields = _vtable(data, _within(at - back))

    @classmethod
    def root(cls, data: Data) -> Table:
        """The table that holds all others."""
        return cls(data, _UINT32.unpack_from(data, 0)[0])

    def at(self, field: int) -> int | None:
        """Where a field lies in the file; None where the table does not have it.

        Args:
            field: Its number in the schema.
        """
        place = self._fields[field] if field < len(self._fields) else 0
        return self._at + place if place else None

    def number(self, field: int, kind: struct.Struct = INT32, default: int = 0) -> int:
        """A number."""
        at = self.at(field)
        return default if at is None else int(kind.unpack_from(self._data, at)[0])

    def text(self, field: int) -> str:
        """A text; what is no UTF-8 in it is marked as such."""
        vector = self._vector(field)
        if vector is None:
            return ""
        start, length = vector
        return bytes(struct.unpack_from(f"<{length}s", self._data, start)[0]).decode("utf-8", "replace")

    def length(self, field: int) -> int:
        """Of a vector; 0 where there is none."""
        vector = self._vector(field)
        return 0 if vector is None else vector[1]

    def span(self, field: int) -> tuple[int, int]:
        """Where a vector's first element lies in the file, and how many it has; (0, 0) where there is none."""
        return self._vector(field) or (0, 0)

    def integers(self, field: int, kind: str = "i") -> tuple[int, ...]:
        """A vector of numbers; `kind` is their letter in `struct`."""
        vector = self._vector(field)
        return () if vector is None else struct.unpack_from(f"<{vector[1]}{kind}", self._data, vector[0])

    def floats(self, field: int) -> tuple[float, ...]:
        """A vector of single-precision numbers."""
        vector = self._vector(field)
        return () if vector is None else struct.unpack_from(f"<{vector[1]}f", self._data, vector[0])

    def table(self, field: int) -> Table | None:
        """Another table."""
        target = self._target(field)
        return None if target is None else Table(self._data, target)

    def tables(self, field: int) -> list[Table]:
        """A vector of tables."""
        vector = self._vector(field)
        if vector is None:
            return []
        start, length = vector
        if length > _MOST:
            raise ValueError(f"it claims to have {length:,} of something")
        offsets = struct.unpack_from(f"<{length}I", self._data, start)
        return [Table(self._data, start + _OFFSET_BYTES * place + offset) for place, offset in enumerate(offsets)]

    def _target(self, field: int) -> int | None:
        at = self.at(field)
        return None if at is None else at + int(_UINT32.unpack_from(self._data, at)[0])

    def _vector(self, field: int) -> tuple[int, int] | None:
        """Where a vector's first element lies, and how many it has."""
        target = self._target(field)
        return None if target is None else (target + _OFFSET_BYTES, _UINT32.unpack_from(self._data, target)[0])


def _vtable(data: Data, at: int) -> tuple[int, ...]:
    """Where the fields of a table lie in it, 0 for one that is left out."""
    (size,) = _UINT16.unpack_from(data, at)
    return _places(max(0, size // 2 - 2)).unpack_from(data, at + _OFFSET_BYTES)


@lru_cache(maxsize=64)
def _places(count: int) -> struct.Struct:
    return struct.Struct(f"<{count}H")


def _within(at: int) -> int:
    if at < 0:
        # Counted from the end by `struct`.
        raise ValueError(f"it leads to byte {at}")
    return at
