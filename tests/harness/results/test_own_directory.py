"""Two commands that are given one directory: one works in it, the other is told so, and nothing has to be tidied up by hand."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import ConfigError
from harness.results.own_directory import alone_in

HOLDS = """
import sys
from pathlib import Path
from harness.results.own_directory import alone_in
with alone_in(Path(sys.argv[1])):
    print("holds", flush=True)
    sys.stdin.read()
"""


def test_who_comes_second_is_told_and_may_when_the_first_has_ended(tmp_path: Path) -> None:
    out = tmp_path / "a" / "b"
    with (
        alone_in(out),
        pytest.raises(ConfigError, match=f"another command is at work in {out}: wait until it has ended"),
        alone_in(out),
    ):
        pytest.fail("both are at work")
    with alone_in(out):
        assert list(out.iterdir()) == []


def test_a_killed_command_keeps_nothing(tmp_path: Path, environment: dict[str, str]) -> None:
    words = [sys.executable, "-P", "-c", HOLDS, str(tmp_path)]
    with subprocess.Popen(words, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        try:
            assert first.stdout is not None
            assert first.stdout.readline() == b"holds\n"
            with pytest.raises(ConfigError, match="another command is at work"), alone_in(tmp_path):
                pytest.fail("both are at work")
        finally:
            first.send_signal(signal.SIGKILL)
    with alone_in(tmp_path):
        assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(ConfigError, match=r"cannot write the run's directory .*file: File exists"),
        alone_in(tmp_path / "file"),
    ):
        pytest.fail("a file was taken for a directory")
