"""docs/result.md, made of the records and their docstrings: `python -m harness.results.page > docs/result.md`."""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import sys
import typing
from collections.abc import Iterator
from typing import Any

from harness.json_records import KEY
from harness.results.record import Result, SearchedRun, SeriesResult

_HEAD = """\
# result.json, field by field

Made by `python -m harness.results.page > docs/result.md` of the records in `harness/results/record.py`; a test holds it
against them.

`schema_version` is 2. A field that is not known is null. Results of version 1 are read as well: what they do not say is null.
Fields may be added to a version, each with a line here; none is renamed, moved or given another meaning. A field that a harness
does not know is refused, since a newer one wrote it. `./run.sh show DIR --json` prints a result of version 1 in this form.
"""


def page() -> str:
    """The whole page."""
    parts = [_HEAD, *_section("A run", Result), *_section("A series of runs", SeriesResult)]
    return "\n".join(parts)


def _section(title: str, kind: type[Any]) -> Iterator[str]:
    yield f"## {title}\n"
    yield "| field | what |\n|---|---|"
    yield from (f"| `{path}` | {text} |" for path, text in paths(kind))
    yield ""


def paths(kind: type[Any], where: str = "") -> Iterator[tuple[str, str]]:
    """Every field of a record in JSON, and what its docstring says of it.

    Raises:
        LookupError: A field has no docstring.
    """
    hints, said = typing.get_type_hints(kind), field_docstrings(typing.cast(Any, kind))
    for field in dataclasses.fields(kind):
        name = str(field.metadata.get(KEY, field.name))
        inner, ending = _record_in(hints[field.name])
        if "flat" in field.metadata and inner is Result:
            yield f"{where}*", "The fields of a run."
        elif "flat" in field.metadata and inner is not None:
            yield from paths(inner, where)
        elif "rest" in field.metadata:
            yield f"{where}*", said[field.name]
        else:
            yield f"{where}{name}", said[field.name]
            # They are a run's.
            if inner is not None and kind is not SearchedRun:
                yield from paths(inner, f"{where}{name}{ending}.")


@functools.cache
def field_docstrings(kind: type[Any]) -> dict[str, str]:
    """What stands below each field of a record, in one line.

    Raises:
        LookupError: Nothing does.
    """
    tree = ast.parse(inspect.getsource(sys.modules[kind.__module__]))
    found = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == kind.__name__)
    said: dict[str, str] = {}
    for node, below in zip(found.body, [*found.body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            text = below.value.value if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) else ""
            said[node.target.id] = " ".join(str(text).split())
    silent = [field.name for field in dataclasses.fields(kind) if not said[field.name] and "flat" not in field.metadata]
    if silent:
        raise LookupError(f"{kind.__module__}.{kind.__name__}.{silent[0]} has no docstring")
    return said


def _record_in(hint: Any) -> tuple[type[Any] | None, str]:
    """The record that a field holds, and how one of several is named."""
    if dataclasses.is_dataclass(hint):
        return typing.cast("type[Any]", hint), ""
    origin, kinds = typing.get_origin(hint), typing.get_args(hint)
    for kind in kinds:
        inner, ending = _record_in(kind)
        if inner is not None:
            several = "[]" if origin is tuple else "" if origin in (typing.Union, type(int | None)) else ".NAME"
            return inner, several + ending
    return None, ""


if __name__ == "__main__":
    sys.stdout.write(page())
