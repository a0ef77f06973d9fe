"""Records go to JSON and come back as they were; what does not fit is named by field and value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from harness.json_records import LEFT_OUT, NotThisRecord, UnknownField, from_json, to_json


@dataclass(frozen=True, slots=True)
class Trip:
    by_count: Mapping[int, float]
    file: Path
    note: str | None = field(default=None, metadata=LEFT_OUT)
    stops: tuple[int, ...] = ()


def test_paths_and_whole_number_keys_come_back_as_such() -> None:
    trip = Trip({2: 0.5}, Path("a/b"))
    assert to_json(trip) == {"by_count": {"2": 0.5}, "file": "a/b", "stops": []}
    assert from_json(Trip, to_json(trip)) == trip


def test_a_whole_record_has_every_field_and_any_number() -> None:
    trip = Trip({1: math.inf}, Path("a"))
    told = to_json(trip, whole=True)
    assert told["note"] is None
    assert from_json(Trip, told, whole=True) == trip
    for name in told:
        with pytest.raises(NotThisRecord, match=f"^{name} is missing$"):
            from_json(Trip, {other: value for other, value in told.items() if other != name}, whole=True)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("by_count", {"-1": 0.5}, "by_count is '-1', not a whole number as a key"),
        ("by_count", {"1": math.nan}, "by_count.1 is nan, not a number"),
        ("file", 7, "file is 7, not text"),
        ("stops", [1, 2.5], "stops[1] is 2.5, not a whole number"),
    ],
)
def test_what_does_not_fit_is_named_by_field_and_value(field: str, value: Any, said: str) -> None:
    with pytest.raises(NotThisRecord) as caught:
        from_json(Trip, {"by_count": {}, "file": "a", field: value})
    assert str(caught.value) == said


def test_a_field_that_the_record_does_not_have_is_named_unless_it_may_be_dropped() -> None:
    told = {"by_count": {}, "file": "a", "guide": "x"}
    with pytest.raises(UnknownField, match="guide = 'x'"):
        from_json(Trip, told)
    assert from_json(Trip, told, drop_unknown=True) == Trip({}, Path("a"))
