"""Whatever a reader meets in data from outside ends as its own error."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from accuracy.errors import TruthError
from accuracy.outside.border import border, reads


@reads(TruthError)
def lengths(path: Path, value: object) -> int:
    return len(value)  # type: ignore[arg-type]


@reads(TruthError)
def rows(path: Path) -> Iterator[int]:
    yield 1
    raise KeyError("row")


def test_what_nobody_thought_of_names_the_file_and_the_fault() -> None:
    with pytest.raises(TruthError, match=r"truth\.json cannot be read: TypeError: object of type 'int' has no len"):
        lengths(Path("truth.json"), 3)
    assert lengths(Path("truth.json"), "abc") == 3


def test_a_generator_is_watched_to_its_end_and_may_be_left() -> None:
    found = rows(Path("log"))
    assert next(found) == 1
    with pytest.raises(TruthError, match="log cannot be read: KeyError: 'row'"):
        next(found)
    rows(Path("log")).close()  # type: ignore[attr-defined]


def test_words_for_the_user_and_bugs_go_through_as_they_are() -> None:
    class Refused(Exception):  # noqa: N818
        exit_status = 2

    for kind in (Refused, NameError, KeyboardInterrupt):
        with pytest.raises(kind), border(TruthError, "a"):
            raise kind
    with pytest.raises(TruthError, match="a cannot be read: it is nested deeper"), border(TruthError, "a"):
        raise RecursionError
