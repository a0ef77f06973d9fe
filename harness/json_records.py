"""Frozen dataclasses as JSON and back. Whatever crosses a border (a file, a pipe) is checked here, field by field.

A field's type says what it may be: `str`, `int`, `float` (takes whole numbers), `bool`, a `Path`, a `Literal`, another record,
`tuple[X, ...]`, `Mapping[str, X]` or `Mapping[int, X]`, any of these `| None`, and `object` or `Any` for what is open.

A field with a default may be missing: that is how a field is added to a form that others have written already. How a field
lies in JSON, where that is not under its own name, stands in its metadata: `KEY`, `LEFT_OUT`, `EMPTY`, `FLAT`, `REST`.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, Union

KEY = "key"
"""Metadata: its name in JSON, where that is no name in Python: `p99.9`."""
LEFT_OUT = {"left_out": True}
"""Metadata: not written where it is None."""
EMPTY = {"empty": True}
"""Metadata of a record or None: None is written as {}."""
FLAT = {"flat": True}
"""Metadata of a record, or of one or None: its fields lie beside this record's own; none of them does where it is None."""
REST = {"rest": True}
"""Metadata of a mapping: all keys that are no field's own."""

_LONGEST_VALUE = 80
_LARGEST = (1 << 64) - 1
"""Whatever is counted here, in ns or in bytes, is less; a float takes no number of hundreds of digits."""
_Record = TypeVar("_Record")


class NotThisRecord(ValueError):  # noqa: N818 - it says what it is not
    """A value is not what a record's field may be; the message names the field and the value."""


class UnknownField(NotThisRecord):
    """A field that the record does not have; the message names it, and its value."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Reading:
    """What a form allows beside what its types say."""

    drop_unknown: bool
    whole: bool


def to_json(record: object, *, whole: bool = False) -> dict[str, Any]:
    """What `json.dumps` takes: mappings, lists, text, numbers, None.

    Args:
        record: A dataclass.
        whole: Fields that are `LEFT_OUT` where they are None are written, too.
    """
    written: dict[str, Any] = {}
    for field in _fields(record):
        value, how = getattr(record, field.name), field.metadata
        if "rest" in how:
            written |= {name: _plain(item, whole) for name, item in value.items()}
        elif "flat" in how:
            written |= {} if value is None else to_json(value, whole=whole)
        elif value is None and "empty" in how:
            written[_key(field)] = {}
        elif whole or value is not None or "left_out" not in how:
            written[_key(field)] = _plain(value, whole)
    return written


def from_json(
    kind: type[_Record], value: object, where: str = "", *, drop_unknown: bool = False, whole: bool = False
) -> _Record:
    """Reads a record.

    Args:
        kind: Its class.
        value: As `json.loads` gives it.
        where: The name of what is read, for messages; empty for the whole.
        drop_unknown: Fields that the record does not have are no mistake.
        whole: Fields with a default must be there, too, and numbers may be infinite: for what two processes of one version
            tell each other.

    Raises:
        UnknownField: A field that the record does not have.
        NotThisRecord: Anything else is not as it must be: lacking, or of another type.
    """
    record: _Record = _record(kind, value, where, _Reading(drop_unknown, whole))
    return record


def _record(kind: Any, value: object, where: str, reading: _Reading) -> Any:
    if not isinstance(value, Mapping):
        raise _wrong(value, "an object", where)
    if not reading.drop_unknown and not any("rest" in field.metadata for field in _fields(kind)):
        known = _keys(kind)
        for name, item in value.items():
            if name not in known:
                raise UnknownField(f"{_path(where, name)} = {shown(item)}")
    return _read(kind, value, where, reading)


def _read(kind: Any, value: Mapping[str, Any], where: str, reading: _Reading) -> Any:
    """As `_record`, for a mapping that may hold more than this record."""
    hints, found = _hints(kind), {}
    for field in _fields(kind):
        hint, how, name = hints[field.name], field.metadata, _key(field)
        if "flat" in how:
            inner = _record_in(hint)
            # A record that is not there has not one of its fields.
            absent = _may_be_none(hint) and not _keys(inner) & value.keys()
            found[field.name] = None if absent else _read(inner, value, where, reading)
        elif "rest" in how:
            own = _keys(kind)
            rest = {name: item for name, item in value.items() if name not in own}
            found[field.name] = _value(hint, rest, where, reading)
        elif "empty" in how and value.get(name, {}) == {}:
            found[field.name] = None
        elif name in value:
            found[field.name] = _value(hint, value[name], _path(where, name), reading)
        elif reading.whole or not ("left_out" in how or _has_default(field)):
            raise NotThisRecord(f"{_path(where, name)} is missing")
        elif "left_out" in how:
            found[field.name] = None
    return kind(**found)


def _value(hint: Any, value: Any, where: str, reading: _Reading) -> Any:
    origin = typing.get_origin(hint)
    if hint in (object, Any):
        return value
    if origin in (Union, types.UnionType):
        return _one_of(typing.get_args(hint), value, where, reading)
    if origin is Literal:
        # True is 1 to Python.
        if any(type(value) is type(each) and value == each for each in typing.get_args(hint)):
            return value
        raise _wrong(value, f"one of {', '.join(map(repr, typing.get_args(hint)))}", where)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise _wrong(value, "a list", where)
        item = typing.get_args(hint)[0]
        return tuple(_value(item, each, f"{where}[{place}]", reading) for place, each in enumerate(value))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise _wrong(value, "an object", where)
        named, item = typing.get_args(hint)
        return {_name(named, key, where): _value(item, each, _path(where, key), reading) for key, each in value.items()}
    if dataclasses.is_dataclass(hint):
        return _record(hint, value, where, reading)
    return _scalar(hint, value, where, reading)


def _name(kind: Any, key: str, where: str) -> Any:
    """A key of a mapping; JSON has only text for one."""
    if kind is not int:
        return key
    if key.isascii() and key.isdecimal():
        return int(key)
    raise _wrong(key, "a whole number as a key", where)


def _one_of(hints: Sequence[Any], value: Any, where: str, reading: _Reading) -> Any:
    """The first that it may be; what is wrong with it as the last, which for `X | None` is X."""
    if value is None and types.NoneType in hints:
        return None
    *others, last = (hint for hint in hints if hint is not types.NoneType)
    for hint in others:
        try:
            return _value(hint, value, where, reading)
        except NotThisRecord:
            continue
    return _value(last, value, where, reading)


_SCALARS: Mapping[Any, tuple[tuple[type, ...], str]] = {
    str: ((str,), "text"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
    bool: ((bool,), "true or false"),
    Path: ((str,), "text"),
}


def _scalar(hint: Any, value: Any, where: str, reading: _Reading) -> Any:
    kinds, words = _SCALARS[hint]
    # True is an int to Python, and nobody else.
    fits = isinstance(value, kinds) and (hint is bool or not isinstance(value, bool))
    if not fits or (isinstance(value, float) and not reading.whole and not math.isfinite(value)):
        raise _wrong(value, words, where)
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise _wrong(value, f"a number of at most {_LARGEST}", where)
    return Path(value) if hint is Path else value


def _plain(value: Any, whole: bool) -> Any:
    if dataclasses.is_dataclass(value):
        return to_json(value, whole=whole)
    if isinstance(value, Mapping):
        return {str(name): _plain(item, whole) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, whole) for item in value]
    return str(value) if isinstance(value, Path) else value


@functools.cache
def _hints(kind: Hashable) -> dict[str, Any]:
    return typing.get_type_hints(kind)


@functools.cache
def _keys(kind: Hashable) -> frozenset[str]:
    """The names in JSON of a record's fields, those of the records that lie flat in it among them."""
    hints, found = _hints(kind), set[str]()
    for field in _fields(kind):
        if "flat" in field.metadata:
            found |= _keys(_record_in(hints[field.name]))
        elif "rest" not in field.metadata:
            found.add(_key(field))
    return frozenset(found)


def _key(field: dataclasses.Field[Any]) -> str:
    return str(field.metadata.get(KEY, field.name))


def _record_in(hint: Any) -> Any:
    kinds = typing.get_args(hint) or (hint,)
    return next(kind for kind in kinds if kind is not types.NoneType)


def _may_be_none(hint: Any) -> bool:
    return types.NoneType in typing.get_args(hint)


def _fields(record: Any) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(record)


def _has_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


def _path(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _wrong(value: object, wanted: str, where: str) -> NotThisRecord:
    return NotThisRecord(f"{where or 'the whole'} is {shown(value)}, not {wanted}")


def shown(value: object) -> str:
    """A value as messages name it: its beginning, where it is long."""
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."
