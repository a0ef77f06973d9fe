"""A message between two processes as one line of JSON: `{"Name": {"field": value, ...}}`, by a record's name and fields.

A line that is not exactly such a record is refused where it arrives, by message and field. Pydantic takes lists for tuples and
refuses "4" for 4 only where it reads the JSON itself, and then it refuses the lone surrogates of file names that are no UTF-8.
"""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, NoReturn, TypeVar, Union, get_args, get_origin, get_type_hints, is_typeddict

from harness.errors import RunFailed

M = TypeVar("M")
_SHOWN = 80
"""Characters of a value that a message names."""


def encode(message: Any) -> str:
    """The line, without its end.

    Args:
        message: A dataclass of plain values, paths, and records of such.
    """
    return json.dumps({type(message).__name__: asdict(message)}, default=_plain)


def decode(line: str | bytes, *kinds: type[M]) -> M:
    """The record that a line is.

    Args:
        line: As it arrived.
        kinds: The messages that may come here.

    Raises:
        RunFailed: It is none of these, a field lacks or is one too many, or a value has another type.
    """
    known = {kind.__name__: kind for kind in kinds}
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        _refuse(f"{_shown(line)} is no JSON")
    if not isinstance(told, dict) or len(told) != 1 or (name := next(iter(told))) not in known:
        _refuse(f"{_shown(told)} is no message {' or '.join(known)}")
    record: M = _read(known[name], told[name], f"message {name}")
    return record


def _read(kind: Any, value: Any, place: str) -> Any:
    """A value as the type that is declared for it."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if origin in (Union, UnionType):
        return _read_one_of(inner, value, place)
    if is_dataclass(kind) or is_typeddict(kind):
        return _read_record(kind, value, place)
    if origin is Literal:
        known = any(type(value) is type(each) and value == each for each in inner)
        return value if known else _mismatch(place, value, f"one of {', '.join(map(repr, inner))}")
    if origin in (list, tuple, Sequence):
        items = value if isinstance(value, list) else _mismatch(place, value, "a list")
        read = [_read(inner[0], item, f"{place}[{number}]") for number, item in enumerate(items)]
        return tuple(read) if origin is tuple else read
    if origin in (dict, Mapping):
        pairs = value.items() if isinstance(value, dict) else _mismatch(place, value, "an object")
        return {_key(inner[0], name, place): _read(inner[1], item, f"{place}.{name}") for name, item in pairs}
    return _read_plain(kind, value, place)


def _read_plain(kind: Any, value: Any, place: str) -> Any:
    if kind is float and type(value) is int:
        return float(value)
    if kind is Path and type(value) is str:
        return Path(value)
    # Not isinstance: True is an int for Python.
    return value if type(value) is kind else _mismatch(place, value, f"of type {kind.__name__}")


def _read_one_of(kinds: Sequence[Any], value: Any, place: str) -> Any:
    if value is None and NoneType in kinds:
        return None
    present = [kind for kind in kinds if kind is not NoneType]
    for kind in present[:-1]:
        with contextlib.suppress(RunFailed):
            return _read(kind, value, place)
    return _read(present[-1], value, place)


def _read_record(kind: Any, value: Any, place: str) -> Any:
    declared = _fields(kind)
    given: dict[str, Any] = value if isinstance(value, dict) else _mismatch(place, value, "an object")
    if lacking := sorted(declared.keys() - given.keys()):
        _refuse(f"{place} lacks field {lacking[0]}")
    if unknown := sorted(given.keys() - declared.keys()):
        _refuse(f"{place} has a field {unknown[0]} that nobody knows")
    return kind(**{name: _read(inner, given[name], f"{place}, field {name}") for name, inner in declared.items()})


@functools.cache
def _fields(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _key(kind: Any, name: str, place: str) -> Any:
    if kind is not int:
        return name
    return int(name) if name.isdecimal() else _mismatch(f"{place}, key", name, "a number")


def _mismatch(place: str, value: Any, wanted: str) -> NoReturn:
    _refuse(f"{place} is {_shown(value)}, which is not {wanted}")


def _refuse(what: str) -> NoReturn:
    raise RunFailed(
        f"two processes of the run do not understand each other: {what}. Either something else wrote into their pipe (a "
        "backend's library may), or they are of different versions: install the harness anew and run again"
    )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _plain(value: Any) -> str:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be told to another process: {value!r}")
