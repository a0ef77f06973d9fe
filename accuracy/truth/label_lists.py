"""Files that list the names of classes, in the forms in which people keep them: all as names in the order of the classes.

tench                       a name a line
0  person / 1: tench / 1. tench / 1,tench    a number before every name says its place, whatever the lines' order
tench,1                     so does a number after every name, where all of them count from 0 or 1
["cat", "dog"]              JSON
{"0": "cat"} / {"0": ["n02121808", "cat"]} / {"cat": 0}    JSON by place, as Keras has it, or by name
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from accuracy.outside.json_keys import each_once
from accuracy.outside.shown import brief
from accuracy.outside.text_files import lines_of

_BEFORE = re.compile(r"(\d{1,6})(?:\s*[:,;)=]|\.(?=\s)|\s)\s*(\S.*)")
_AFTER = re.compile(r"(\S.*?)\s*[:,;\t]\s*(\d{1,6})")
_SPARSE = 4
"""Numbers may leave gaps, as COCO's ids do, but not so many times as many."""
_LABEL_MAP = re.compile(r"\s*item\s*\{")


def names_in(text: str) -> list[str]:
    """The names in the order of the classes; "" for a place that has none.

    Raises:
        ValueError: It is of another form; says what is wrong with it.
    """
    if _LABEL_MAP.match(text):
        raise ValueError(
            "it is a label map of TensorFlow's (item { id name }): write its names one a line, in the order of the ids"
        )
    if text.lstrip()[:1] in ("[", "{"):
        return _of_json(text)
    lines = [line.strip() for line in lines_of(text.rstrip())]
    if not any(lines):
        return []
    return _before(lines) or _after(lines) or lines


def _before(lines: Sequence[str]) -> list[str] | None:
    found = [_BEFORE.fullmatch(line) for line in lines]
    by_place = {int(match[1]): match[2].strip() for match in found if match}
    if len(by_place) < len(lines) or min(by_place, default=2) > 1 or max(by_place) > _SPARSE * len(lines):
        return None
    return _in_order(by_place)


def _after(lines: Sequence[str]) -> list[str] | None:
    found = [_AFTER.fullmatch(line) for line in lines]
    by_place = {int(match[2]): match[1].strip() for match in found if match}
    return _in_order(by_place) if len(by_place) == len(lines) and _is_count(by_place) else None


def _in_order(by_place: Mapping[int, str]) -> list[str]:
    return [by_place.get(place, "") for place in range(min(by_place), max(by_place) + 1)]


def _is_count(places: Mapping[int, str]) -> bool:
    return sorted(places) in (list(range(len(places))), list(range(1, len(places) + 1)))


def _of_json(text: str) -> list[str]:
    try:
        content = json.loads(text, object_pairs_hook=each_once)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it begins like JSON and is none: {error}") from None
    if isinstance(content, list) and content and all(isinstance(name, str) for name in content):
        return content
    by_place = _by_place(content) if isinstance(content, dict) else None
    if by_place is None or not _is_count(by_place):
        raise ValueError(
            f"it is JSON, but neither a list of names nor places from 0 or 1 with a name each ({brief(text)})"
        )
    return _in_order(by_place)


def _by_place(content: Mapping[str, Any]) -> dict[int, str] | None:
    if all(isinstance(place, int) and not isinstance(place, bool) for place in content.values()):
        found = {place: name for name, place in content.items()}
    elif all(place.isascii() and place.isdecimal() for place in content):
        found = {int(place): _name(name) for place, name in content.items()}
    else:
        return None
    return found if len(found) == len(content) and all(found.values()) else None


def _name(value: object) -> str:
    """Keras has a synset and a name for each, which together are written as in ImageNet's own lists."""
    if isinstance(value, list) and value and all(isinstance(part, str) for part in value):
        return " ".join(value)
    return value if isinstance(value, str) else ""
