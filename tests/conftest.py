"""Fixtures for all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def zoo() -> Path:
    """The folder of real models and data, which are not in the repository."""
    default = Path(__file__).resolve().parents[1] / ".." / "shared" / "zoo"
    folder = Path(os.environ.get("TFLITE_LOADGEN_ZOO", default)).resolve()
    if not folder.is_dir():
        pytest.skip(f"no real models and data at {folder}: name their folder with TFLITE_LOADGEN_ZOO")
    return folder
