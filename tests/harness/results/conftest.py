"""Results that harnesses of version 1 wrote, and records of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.results.files import read_result
from harness.results.record import Result

VERSION_1 = Path(__file__).parent / "version_1"
"""Short runs of keyword spotting: `oldest` before accuracy cards, `middle` before the machine's states, and `last`."""


@pytest.fixture
def version_1(tmp_path: Path) -> Callable[[str], Path]:
    """The directory of a run that was written then: version_1("last_server")."""

    def lay_out(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "result.json").write_bytes((VERSION_1 / f"{name}.json").read_bytes())
        return folder

    return lay_out


@pytest.fixture
def run_result(version_1: Callable[[str], Path]) -> Result:
    """The record of a whole Server run."""
    result = read_result(version_1("last_server"))
    assert isinstance(result, Result)
    return result


@pytest.fixture
def plain(version_1: Callable[[str], Path]) -> Callable[[str], dict[str, Any]]:
    """What such a file holds."""

    def read(name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((VERSION_1 / f"{name}.json").read_text(encoding="utf-8"))
        return found

    return read
