"""The notebook of the documents runs from its first cell to its last, as Python without a notebook's machinery."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).resolve().parents[1] / "docs/examples/python_api.ipynb"


def cells() -> list[str]:
    """The code of each."""
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert not any(cell.get("outputs") for cell in notebook["cells"])
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


def test_the_notebook_asks_about_one_picture_and_makes_one_comparison(
    environment: dict[str, str], tmp_path: Path
) -> None:
    env = environment | {"TMPDIR": str(tmp_path)}
    code = "\n".join(cells())
    words = [sys.executable, "-P", "-c", code]
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert "a standin" in done.stdout
    assert "base valid p90 " in done.stdout
    assert "new valid p90 " in done.stdout
    said = done.stdout.splitlines()[-1]
    assert said.startswith("p90: ")
    assert said.partition(", ")[2] in ("better", "worse", "not told apart")
    # What it made it takes away.
    assert list(tmp_path.glob("tflite-loadgen-notebook-*")) == []


@pytest.mark.skipif(importlib.util.find_spec("nbformat") is None, reason="nbformat is not installed")
def test_the_notebook_is_one_by_its_own_schema() -> None:
    nbformat = importlib.import_module("nbformat")
    nbformat.validate(nbformat.read(NOTEBOOK, as_version=4))
