"""Frozen dataclasses as JSON and back. Whatever crosses a border (a file, a pipe) is checked here, field by field.

A field's type says what it may be: `str`, `int`, `float` (takes whole numbers), `bool`, a `Literal`, another record,
`tuple[X, ...]`, `Mapping[str, X]`, any of these `| None`, and `object` for what is open.

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
_Record = TypeVar("_Record")


class NotThisRecord(ValueError):  # noqa: N818 - it says what it is not
    """A value is not what a record's field may be; the message names the field and the value."""


class UnknownField(NotThisRecord):
    """A field that the record does not have; the message names it, and its value."""


def to_json(record: object) -> dict[str, Any]:
    """What `json.dumps` takes: mappings, lists, text, numbers, None."""
    written: dict[str, Any] = {}
    for field in _fields(record):
        value, how = getattr(record, field.name), field.metadata
        if "rest" in how:
            written |= {name: _plain(item) for name, item in value.items()}
        elif "flat" in how:
            written |= {} if value is None else to_json(value)
        elif value is None and "empty" in how:
            written[_key(field)] = {}
        elif value is not None or "left_out" not in how:
            written[_key(field)] = _plain(value)
    return written


def from_json(kind: type[_Record], value: object, where: str = "", *, drop_unknown: bool = False) -> _Record:
    """Reads a record.

    Args:
        kind: Its class.
        value: As `json.loads` gives it.
        where: The name of what is read, for messages; empty for the whole.
        drop_unknown: Fields that the record does not have are no mistake.

    Raises:
        UnknownField: A field that the record does not have.
        NotThisRecord: Anything else is not as it must be: lacking, or of another type.
    """
    if not isinstance(value, Mapping):
        raise _wrong(value, "an object", where)
    if not drop_unknown and not any("rest" in field.metadata for field in _fields(kind)):
        known = _keys(typing.cast(Any, kind))
        for name, item in value.items():
            if name not in known:
                raise UnknownField(f"{_path(where, name)} = {_shown(item)}")
    record: _Record = _read(kind, value, where, drop_unknown)
    return record


def _read(kind: Any, value: Mapping[str, Any], where: str, drop_unknown: bool) -> Any:
    """As `from_json`, for a mapping that may hold more than this record."""
    hints, found = _hints(kind), {}
    for field in _fields(kind):
        hint, how, name = hints[field.name], field.metadata, _key(field)
        if "flat" in how:
            inner = _record_in(hint)
            # A record that is not there has not one of its fields.
            absent = _may_be_none(hint) and not _keys(inner) & value.keys()
            found[field.name] = None if absent else _read(inner, value, where, drop_unknown)
        elif "rest" in how:
            own = _keys(kind)
            rest = {name: item for name, item in value.items() if name not in own}
            found[field.name] = _value(hint, rest, where, drop_unknown)
        elif "empty" in how and value.get(name, {}) == {}:
            found[field.name] = None
        elif name in value:
            found[field.name] = _value(hint, value[name], _path(where, name), drop_unknown)
        elif "left_out" in how:
            found[field.name] = None
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise NotThisRecord(f"{_path(where, name)} is missing")
    return kind(**found)


def _value(hint: Any, value: Any, where: str, drop_unknown: bool) -> Any:
    origin = typing.get_origin(hint)
    if hint is object:
        return value
    if origin in (Union, types.UnionType):
        return _one_of(typing.get_args(hint), value, where, drop_unknown)
    if origin is Literal:
        if value in typing.get_args(hint):
            return value
        raise _wrong(value, f"one of {', '.join(map(repr, typing.get_args(hint)))}", where)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise _wrong(value, "a list", where)
        item = typing.get_args(hint)[0]
        return tuple(_value(item, each, f"{where}[{place}]", drop_unknown) for place, each in enumerate(value))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise _wrong(value, "an object", where)
        item = typing.get_args(hint)[1]
        return {name: _value(item, each, _path(where, name), drop_unknown) for name, each in value.items()}
    if dataclasses.is_dataclass(hint):
        return from_json(typing.cast("type[Any]", hint), value, where, drop_unknown=drop_unknown)
    return _scalar(hint, value, where)


def _one_of(hints: Sequence[Any], value: Any, where: str, drop_unknown: bool) -> Any:
    """The first that it may be; what is wrong with it as the last, which for `X | None` is X."""
    if value is None and types.NoneType in hints:
        return None
    *others, last = (hint for hint in hints if hint is not types.NoneType)
    for hint in others:
        try:
            return _value(hint, value, where, drop_unknown)
        except NotThisRecord:
            continue
    return _value(last, value, where, drop_unknown)


_SCALARS: Mapping[Any, tuple[tuple[type, ...], str]] = {
    str: ((str,), "text"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
    bool: ((bool,), "true or false"),
}


def _scalar(hint: Any, value: Any, where: str) -> Any:
    kinds, words = _SCALARS[hint]
    # True is an int to Python, and nobody else.
    fits = isinstance(value, kinds) and (hint is bool or not isinstance(value, bool))
    if not fits or (isinstance(value, float) and not math.isfinite(value)):
        raise _wrong(value, words, where)
    return value


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return to_json(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


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


def _path(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _wrong(value: object, wanted: str, where: str) -> NotThisRecord:
    return NotThisRecord(f"{where or 'the whole'} is {_shown(value)}, not {wanted}")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."
