"""One line a message: every message comes back as it went, and what is none is refused by name and field."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import RunFailed
from harness.machine.json_line import decode, encode
from harness.messages.failure import Failed
from harness.messages.peer import Ready
from harness.messages.probe import QUESTIONS, Agreement, Calibrated, Round
from harness.messages.worker import FROM_WORKER
from harness.model.opening import Recipe

MESSAGES: tuple[type[Any], ...] = (*FROM_WORKER, Recipe, Ready, *QUESTIONS, Calibrated, Round, Agreement)

_TEXT = st.text(st.characters(), max_size=8)
"""File names that are no UTF-8 come with lone surrogates."""
_INTEGERS = st.integers(-(2**64) + 1, 2**64 - 1)
"""Larger ones are refused: nothing that is counted here is."""
_JSON = st.recursive(
    st.none() | st.booleans() | _INTEGERS | st.floats(allow_nan=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=5,
)
_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    Any: _JSON,
    NoneType: st.none(),
    bool: st.booleans(),
    int: _INTEGERS,
    float: st.floats(allow_nan=False),
    str: _TEXT,
    Path: st.sampled_from([Path("m.tflite"), Path("/a/b c/\udcff")]),
}


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of a declared type."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return st.one_of([values(each) for each in inner])
    if origin is Literal:
        return st.sampled_from(inner)
    if origin in (list, Sequence):
        return st.lists(values(inner[0]), max_size=2)
    if origin is tuple:
        return st.lists(values(inner[0]), max_size=2).map(tuple)
    if origin in (dict, Mapping):
        return st.dictionaries(values(inner[0]), values(inner[1]), max_size=2)
    if is_dataclass(kind):
        return st.builds(cast(Any, kind), **{name: values(each) for name, each in get_type_hints(kind).items()})
    return _PLAIN[kind]


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: str(kind.__name__))
def test_every_message_comes_back_as_it_went_on_one_line(kind: type[Any]) -> None:
    @settings(deadline=None, derandomize=True, max_examples=10)
    @given(values(kind))
    def there_and_back(message: Any) -> None:
        line = encode(message)
        assert "\n" not in line
        assert line.isascii()
        assert decode(line, *MESSAGES) == message
        assert decode(line.encode(), kind) == message

    there_and_back()


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: str(kind.__name__))
def test_a_message_that_lacks_a_field_or_has_one_too_many_is_refused_by_its_name(kind: type[Any]) -> None:
    @settings(deadline=None, derandomize=True, max_examples=5)
    @given(values(kind), st.data())
    def refused(message: Any, data: st.DataObject) -> None:
        ((name, fields),) = json.loads(encode(message)).items()
        with pytest.raises(RunFailed, match=f"message {name} has a field that nobody knows: surplus = 1"):
            decode(json.dumps({name: fields | {"surplus": 1}}), kind)
        if fields:
            lost = data.draw(st.sampled_from(sorted(fields)))
            del fields[lost]
            with pytest.raises(RunFailed, match=f"message {name}: {lost} is missing"):
                decode(json.dumps({name: fields}), kind)

    refused()


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.binary(max_size=40) | _JSON.map(lambda value: json.dumps(value).encode()))
def test_any_other_line_is_refused_and_never_an_error_of_another_kind(line: bytes) -> None:
    with pytest.raises(RunFailed, match="two processes of the run do not understand each other"):
        decode(line, *MESSAGES)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.sampled_from(MESSAGES), st.data())
def test_a_value_of_another_type_never_gets_through(kind: type[Any], data: st.DataObject) -> None:
    ((name, fields),) = json.loads(encode(data.draw(values(kind)))).items()
    for field in fields:
        broken = fields | {field: data.draw(_JSON)}
        try:
            again = decode(json.dumps({name: broken}), kind)
        except RunFailed as error:
            refusal = str(error)
        else:
            refusal = f"message {name}: {field}"
            assert json.loads(encode(again))[name] == broken
        assert re.search(rf"message {name}(: | has a field that nobody knows: ){field}\b", refusal)


@dataclass(frozen=True, slots=True)
class Size:
    width: int
    unit: str | None


@dataclass(frozen=True, slots=True)
class Thing:
    name: str
    share: float
    mode: Literal["on", 1]
    sizes: tuple[Size, ...]
    by_count: Mapping[int, float]
    either: int | str | None


THING = Thing("a", 0.5, "on", (Size(1, None),), {2: 0.25}, "x")


def test_an_int_will_do_for_a_float_and_keys_that_are_numbers_come_back_as_numbers() -> None:
    line = encode(THING).replace("0.5", "1").replace("0.25", "3")
    assert decode(line, Thing) == Thing("a", 1.0, "on", THING.sizes, {2: 3.0}, "x")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", None, "name is None, not text"),
        ("name", 7, "name is 7, not text"),
        ("share", "1", "share is '1', not a number"),
        ("share", True, "share is True, not a number"),
        ("mode", "off", "mode is 'off', not one of 'on', 1"),
        ("mode", True, "mode is True, not one of 'on', 1"),
        ("sizes", {}, "sizes is {}, not a list"),
        ("sizes", [{"width": 1}], "sizes[0].unit is missing"),
        ("sizes", [[]], "sizes[0] is [], not an object"),
        ("sizes", [{"width": True, "unit": "m"}], "sizes[0].width is True, not a whole number"),
        ("by_count", {"x": 1.0}, "by_count is 'x', not a whole number as a key"),
        ("by_count", [], "by_count is [], not an object"),
        ("either", 1.5, "either is 1.5, not text"),
        ("name", "y" * 500 + "\n", "is no JSON"),
    ],
)
def test_what_does_not_fit_is_named_by_message_field_and_value(field: str, value: Any, said: str) -> None:
    fields = json.loads(encode(THING))["Thing"] | {field: value}
    line = json.dumps({"Thing": fields})
    line = line if said != "is no JSON" else line[:-1]
    with pytest.raises(RunFailed) as caught:
        decode(line, Thing)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 500
    assert "install the harness anew" in str(caught.value)


@pytest.mark.parametrize("line", ["", "{}", "[" * 100_000, '{"Thing": {}, "Ready": {}}', '{"Nothing": {}}', "1" * 5000])
def test_a_line_that_is_no_message_is_refused(line: str) -> None:
    with pytest.raises(RunFailed):
        decode(line, Thing, Ready)


def test_a_message_that_is_expected_elsewhere_is_refused_here() -> None:
    with pytest.raises(RunFailed, match="is no message Ready or Round"):
        decode(encode(Failed(2, "no such file", "ConfigError")), Ready, Round)


def test_what_cannot_be_told_is_an_error_of_the_one_that_tells_it() -> None:
    with pytest.raises(TypeError, match="cannot be told to another process"):
        encode(Recipe("cpu", Path("m"), 1, {"library": object()}))
