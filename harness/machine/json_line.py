"""A message between two processes as one line of JSON: `{"Name": {"field": value, ...}}`, by a record's name and fields.

A line that is not exactly such a record (`harness.json_records`) is refused where it arrives, by message and field.
"""

from __future__ import annotations

import json
import os
from typing import NoReturn, TypeVar

from harness.errors import RunFailed
from harness.json_records import NotThisRecord, UnknownField, from_json, shown, to_json

M = TypeVar("M")


def encode(message: object) -> str:
    """The line, without its end.

    Args:
        message: A dataclass of plain values, paths, and records of such.
    """
    return json.dumps({type(message).__name__: to_json(message, whole=True)}, default=_untellable)


def tell_once(descriptor: int, message: object) -> None:
    """Writes the one line that a child was started for: see `harness.machine.child_process.answer_of`.

    Args:
        descriptor: The pipe's end, which is closed then.
        message: As `encode` takes it.
    """
    with os.fdopen(descriptor, "w", encoding="ascii") as pipe:
        pipe.write(f"{encode(message)}\n")


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
        _refuse(f"{shown(line)} is no JSON")
    if not isinstance(told, dict) or len(told) != 1 or (name := next(iter(told))) not in known:
        _refuse(f"{shown(told)} is no message {' or '.join(known)}")
    try:
        return from_json(known[name], told[name], whole=True)
    except UnknownField as error:
        _refuse(f"message {name} has a field that nobody knows: {error}")
    except NotThisRecord as error:
        _refuse(f"message {name}: {error}")


def _refuse(what: str) -> NoReturn:
    raise RunFailed(
        f"two processes of the run do not understand each other: {what}. Either something else wrote into their pipe (a "
        "backend's library may), or they are of different versions: install the harness anew and run again"
    )


def _untellable(value: object) -> NoReturn:
    raise TypeError(f"{type(value).__name__} cannot be told to another process: {value!r}")
