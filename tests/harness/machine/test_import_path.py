"""Code that lies in the current directory is not run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.machine import child_process
from harness.machine.import_path import safe_environment

_ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("written", ["", ":", f":{_ROOT}", f"{_ROOT}::", f".:{_ROOT}"])
def test_an_empty_or_relative_entry_of_the_path_runs_nothing_of_the_current_directory(
    written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text("open('ran', 'w')\n", encoding="ascii")
    (tmp_path / "probe_of_the_path.py").write_text("open('ran', 'w')\n", encoding="ascii")
    monkeypatch.setenv("PYTHONPATH", written)
    with (tmp_path / "log").open("wb") as log:
        child = child_process.start("probe_of_the_path", [], folder=tmp_path, log=log)
        assert child.wait(600) == 1
    assert "No module named probe_of_the_path" in (tmp_path / "log").read_text(encoding="utf-8")
    assert not (tmp_path / "ran").exists()


def test_absolute_places_stay_as_they_are() -> None:
    assert safe_environment({"PYTHONPATH": ":/a:.:/b", "X": "1"}) == {
        "PYTHONPATH": "/a:/b",
        "X": "1",
        "PYTHONSAFEPATH": "1",
    }
    assert "PYTHONPATH" not in safe_environment({"PYTHONPATH": ":"})


def test_a_command_imports_nothing_that_lies_where_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "difflib.py").write_text("open('ran', 'w')\nraise SystemExit(9)\n", encoding="ascii")
    (tmp_path / "yaml.py").write_text("open('ran', 'w')\nraise SystemExit(9)\n", encoding="ascii")
    environment = os.environ | {"PYTHONPATH": f":{_ROOT}"}
    code = "from harness.machine.import_path import leave_current_folder as go; go(); import yaml; print(yaml.__file__)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert str(tmp_path) not in done.stdout
    assert not (tmp_path / "ran").exists()


def test_run_sh_starts_python_isolated() -> None:
    text = (_ROOT / "run.sh").read_text(encoding="utf-8")
    assert 'exec "$venv/bin/python" -I -m harness "$@"' in text
