"""Code that lies in the current directory is not run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.machine import child_process
from harness.machine.import_path import PACKAGES, conflict, safe_environment

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


def test_ours_come_first_here() -> None:
    assert conflict() == ""


@pytest.mark.parametrize("kind", ["module", "package", "bare folder"])
def test_another_package_of_our_name_that_comes_first_is_named_before_anything_runs(tmp_path: Path, kind: str) -> None:
    if kind == "module":
        (tmp_path / "tasks.py").write_text("raise SystemExit('the wrong one')\n", encoding="ascii")
    else:
        (tmp_path / "accuracy").mkdir()
        if kind == "package":
            (tmp_path / "accuracy/__init__.py").write_text("raise SystemExit('the wrong one')\n", encoding="ascii")
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{_ROOT}"}
    words = [sys.executable, "-P", "-m", "harness", "--version"]
    done = subprocess.run(words, env=environment, cwd="/", capture_output=True, text=True, check=False)
    if kind == "bare folder":
        # Python prefers a whole package, wherever it comes.
        assert done.returncode == 0, done.stderr
        return
    assert done.returncode == 2
    assert done.stderr.startswith(f"tflite-loadgen: {tmp_path}/")
    assert "stands in the way of tflite-loadgen's own package" in done.stderr
    assert "an environment of its own" in done.stderr


def test_a_package_of_a_wheel_that_another_wheel_wrote_over_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in PACKAGES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text('"""Ours."""\n', encoding="ascii")
    (tmp_path / "tflite_loadgen-0.1.0.dist-info").mkdir()
    record = "".join(f"{name}/__init__.py,sha256=x,12\n" for name in PACKAGES)
    (tmp_path / "tflite_loadgen-0.1.0.dist-info/RECORD").write_text(record, encoding="ascii")
    monkeypatch.syspath_prepend(tmp_path)
    assert conflict(tmp_path) == ""
    (tmp_path / "tasks/__init__.py").write_text("from celery import task\n", encoding="ascii")
    assert f"has written over {tmp_path / 'tasks'}" in conflict(tmp_path)
