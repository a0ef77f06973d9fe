"""A child that imports its module before it is told where to work."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from harness.machine.standby import Standby

WORKER = """
import os, sys
def main():
    print("in", os.getcwd())
    told, parent, = sys.argv[1:]
    os.write(int(told), b"here")
    assert int(parent) == os.getppid()
    return 7
"""


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of modules that a child finds."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]))
    (tmp_path / "worker_in_waiting.py").write_text(WORKER, encoding="utf-8")
    (tmp_path / "run").mkdir()
    return tmp_path


def test_it_works_in_the_directory_with_the_log_and_the_descriptors_that_it_is_given(modules: Path) -> None:
    standby = Standby("worker_in_waiting", ["json"])
    told, tell = os.pipe()
    with (modules / "run.log").open("wb") as log:
        child = standby.take([tell], modules / "run", log)
        os.close(tell)
    assert child is not None
    assert child.wait(600) == 7
    assert os.read(told, 100) == b"here"
    os.close(told)
    assert (modules / "run.log").read_text(encoding="utf-8") == f"in {(modules / 'run').resolve()}\n"
    with (modules / "run.log").open("wb") as log:
        assert standby.take([], modules, log) is None
    standby.dismiss()


IDLE = """
import gc, os, sys
LOOKED_FOR = gc.isenabled()
def main():
    os.write(int(sys.argv[1]), f"{LOOKED_FOR} {gc.isenabled()} {gc.get_freeze_count() > 1000}".encode())
    return 0
"""


def test_what_it_imports_is_not_looked_through_for_garbage(modules: Path) -> None:
    (modules / "idle_in_waiting.py").write_text(IDLE, encoding="utf-8")
    standby = Standby("idle_in_waiting")
    told, tell = os.pipe()
    with (modules / "run.log").open("wb") as log:
        child = standby.take([tell], modules / "run", log)
        os.close(tell)
    assert child is not None
    assert child.wait(600) == 0
    assert os.read(told, 100) == b"False True True"
    os.close(told)
    standby.dismiss()


def test_what_goes_wrong_while_it_imports_stands_in_the_log(modules: Path) -> None:
    (modules / "broken_in_waiting.py").write_text("raise OSError('no such driver')", encoding="utf-8")
    standby = Standby("broken_in_waiting")
    with (modules / "run.log").open("wb") as log:
        child = standby.take([], modules / "run", log)
    assert child is not None
    assert child.wait(600) == 1
    assert "OSError: no such driver" in (modules / "run.log").read_text(encoding="utf-8")
    standby.dismiss()


def test_one_that_nobody_takes_goes(modules: Path) -> None:
    before = set(_children())
    standby = Standby("worker_in_waiting")
    assert set(_children()) - before
    standby.dismiss()
    standby.dismiss()
    assert not set(_children()) - before


def test_one_that_has_died_is_not_taken(modules: Path) -> None:
    (modules / "gone_in_waiting.py").write_text("import os; os._exit(3)", encoding="utf-8")
    standby = Standby("gone_in_waiting")
    while _alive(standby):
        time.sleep(0.01)
    with (modules / "run.log").open("wb") as log:
        assert standby.take([], modules, log) is None
    standby.dismiss()


def _alive(standby: Standby) -> bool:
    assert standby._child is not None
    return standby._child.poll() is None


def _children() -> list[int]:
    tasks = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return [int(pid) for task in tasks for pid in task.read_text(encoding="ascii").split()]


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
