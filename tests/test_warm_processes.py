"""A process that was forked off is one that was started, as far as anybody can see."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.machine.control import letter_file
from harness.machine.json_line import encode
from harness.messages.worker import ToOpen
from native import SWITCH
from tests.warm_processes import ANEW, Nursery

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize("words", [["--task", "kwz"], ["show"], ["list", "kws", "--json"]])
def test_a_forked_command_says_what_a_started_one_says(
    words: list[str], cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    forked = cli(*words)
    monkeypatch.setenv(ANEW, "anew")
    started = cli(*words)
    assert (forked.returncode, forked.stdout, forked.stderr) == (started.returncode, started.stdout, started.stderr)


def test_a_forked_worker_is_this_process_s_own_child_with_the_files_it_was_given(
    nursery: Nursery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no spec.yaml to read, so that it fails, and says so."""
    monkeypatch.delenv(SWITCH, raising=False)
    read_end, write_end = os.pipe()
    with (tmp_path / "page").open("wb+") as page, (tmp_path / "log").open("wb") as log:
        page.truncate(4096)
        with letter_file(encode(ToOpen(()))) as letter:
            descriptors = [write_end, page.fileno(), letter.fileno()]
            child = nursery.start("harness.worker.main", descriptors, folder=tmp_path, log=log)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        said = pipe.read()
    assert child.wait(600) == 1
    assert "spec.yaml" in said
    assert "Traceback" in (tmp_path / "log").read_text(encoding="utf-8")


def test_what_depends_on_its_start_is_started_anew(environment: dict[str, str], tmp_path: Path) -> None:
    nursery = Nursery(environment)
    with (tmp_path / "out").open("wb") as out:
        process = nursery.command(["--help"], tmp_path, environment | {SWITCH: "off"}, out, out)
    assert process.wait(600) == 0
    assert process.args == [sys.executable, "-P", "-m", "harness", "--help"]
    nursery.close()
