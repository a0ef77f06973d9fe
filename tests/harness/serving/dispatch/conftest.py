"""The page that parent and worker share, and what LoadGen is told, without LoadGen."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from harness.machine.control import Control, control_file


@pytest.fixture
def control() -> Iterator[Control]:
    with control_file() as page:
        yield Control(page.fileno())


@pytest.fixture
def completed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, bytes]]:
    """Query ids and answers in the order in which LoadGen would get them; without an answer, b""."""
    found: list[tuple[int, bytes]] = []

    def complete(responses: Sequence[Any]) -> None:
        found.extend((each.id, ctypes.string_at(each.data, each.size) if each.size else b"") for each in responses)

    monkeypatch.setattr("mlperf_loadgen.QuerySamplesComplete", complete)
    return found
