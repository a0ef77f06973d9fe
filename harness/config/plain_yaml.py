"""YAML as this house reads it: plain values and no surprises, whoever wrote the text.

Text, numbers, truth values, nothing, lists and mappings come out, whatever a text holds; every mistake is a `yaml.YAMLError`.
PyYAML's own safe loader also makes dates and sets, drops the first of two equal keys, and lets a few lines stand for gigabytes.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from accuracy.outside.border import border

_MOST_VALUES = 1_000_000
"""A text may name a part of it again and again, and those that part: nobody's config has so many values."""
_MOST_DIGITS = 300
_TWO_WAYS = re.compile(r"[-+]?(0_*[0-7]|[0-9_]+:)")
"""Octal with nothing but a 0 before it, and sixties: `dataset.count: 010` would be 8, and 1:30 is 90."""
_NESTS = re.compile(r"[\[{]|[-?:] +(?=[-?] )|\n {200}")
_MOST_NESTS = 1_000
_KINDS = ("null", "bool", "int", "float", "str", "seq", "map", "merge", "value")
_PLAIN = frozenset(f"tag:yaml.org,2002:{kind}" for kind in _KINDS)
_DEEPEST_BRACKETS = 100
"""Each that is open costs time at each further one."""


class _PlainValues(yaml.constructor.SafeConstructor):
    """Plain values only; a key that stands twice is a mistake."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """As SafeLoader, for the tags of plain values."""
        if node.tag not in _PLAIN:
            raise yaml.constructor.ConstructorError(
                None, None, f"{node.tag.removeprefix('tag:yaml.org,2002:')!r} is no plain value", node.start_mark
            )
        if node.tag == "tag:yaml.org,2002:int" and isinstance(node, yaml.ScalarNode) and _TWO_WAYS.match(node.value):
            raise yaml.constructor.ConstructorError(
                None,
                None,
                f"{node.value[:40]!r} is one number in YAML 1.1 and another, or a text, in YAML 1.2: write a number without a "
                "leading 0 or colon, a text in quotes",
                node.start_mark,
            )
        return super().construct_object(node, deep=deep)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """As SafeLoader; of two equal keys, that drops the first in silence."""
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key is a list or a mapping", key.start_mark)
            if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def _without_dates(loader: type[Any]) -> dict[str, Any]:
    """How plain text is told from numbers and truth values; a date stays text."""
    return {
        first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
        for first, found in loader.yaml_implicit_resolvers.items()
    }


class _StrictLoader(_PlainValues, yaml.SafeLoader):
    """For any text: how deep it may be nested is bounded by Python's own stack, that of brackets here."""

    yaml_implicit_resolvers = _without_dates(yaml.SafeLoader)

    def fetch_flow_collection_start(self, TokenClass: Any) -> None:  # noqa: N803 - PyYAML's name
        """As SafeLoader, up to a depth."""
        if self.flow_level >= _DEEPEST_BRACKETS:
            raise yaml.scanner.ScannerError(None, None, "it is nested deeper than anyone writes", self.get_mark())
        super().fetch_flow_collection_start(TokenClass)


class _QuickLoader(_PlainValues, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """For text that is nested no deeper than C's stack is: ten times as quick where libyaml is there."""

    yaml_implicit_resolvers = _without_dates(yaml.SafeLoader)


def load_yaml(text: str, *, ours: bool = False) -> Any:
    """What a YAML text holds; plain values only.

    Args:
        text: The whole of it.
        ours: A program of this house wrote it, or it ships: it is read the quick way, unless it looks otherwise.

    Raises:
        yaml.YAMLError: Not YAML, a key stands twice, nested deeper than anyone writes, or anything but plain values.
    """
    quick = ours and len(_NESTS.findall(text)) < _MOST_NESTS
    try:
        with border(yaml.YAMLError, "the text"):
            found = yaml.load(text, Loader=_QuickLoader if quick else _StrictLoader)
            _count(found, {})
    except (yaml.MarkedYAMLError, yaml.reader.ReaderError) as error:
        raise yaml.YAMLError(_mistake(error, text)) from None
    return found


def _mistake(error: yaml.MarkedYAMLError | yaml.reader.ReaderError, text: str) -> str:
    """Where and what in a line: PyYAML's own words name a file that is called <unicode string>."""
    if isinstance(error, yaml.reader.ReaderError):
        # The quick loader counts in bytes.
        line = text.count("\n", 0, text.find(chr(error.character))) + 1 if isinstance(error.character, int) else 1
        return f"line {line}: {error.reason}"
    within = error.context or ""
    if error.context_mark is not None and error.problem_mark is not None:
        began = error.context_mark.line
        within += f" that begins in line {began + 1:,}" if within and began != error.problem_mark.line else ""
    what = ", ".join(filter(None, ((error.problem or "").replace("'<stream end>'", "the end"), within)))
    if (mark := error.problem_mark or error.context_mark) is None:
        return what
    where = f"column {mark.column + 1:,}"
    return f"line {mark.line + 1:,}, {where}: {what}" if "\n" in text.strip() else f"{where}: {what}"


def _count(value: Any, known: dict[int, int]) -> int:
    """How many values there are once all is written out.

    Args:
        value: Of the text.
        known: Lists and mappings that were counted, by identity; 0 for one that is being counted.

    Raises:
        yaml.YAMLError: A part that holds itself, more values than anyone writes, or a number longer than any.
    """
    if not isinstance(value, list | dict):
        if isinstance(value, int) and abs(value) >= 10**_MOST_DIGITS:
            raise yaml.YAMLError(f"it holds a whole number of more than {_MOST_DIGITS} digits")
        return 1
    if (before := known.get(id(value))) is not None:
        if not before:
            raise yaml.YAMLError("a part of it holds itself")
        return before
    known[id(value)] = 0
    count = 1 + sum(_count(item, known) for item in (value.values() if isinstance(value, dict) else value))
    if count > _MOST_VALUES:
        raise yaml.YAMLError(f"it holds more than {_MOST_VALUES:,} values once its references are followed")
    known[id(value)] = count
    return count
