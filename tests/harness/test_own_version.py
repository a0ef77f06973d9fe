"""Git asked for the commit, and what comes of one that does not answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import own_version

COMMIT = "0123456789abcdef0123456789abcdef01234567-dirty"


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout, and a program that is found for git, yet to be written."""
    (tmp_path / ".git").mkdir()
    monkeypatch.setattr(own_version, "_ROOT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path / "git"


def _write(git: Path, script: str) -> None:
    git.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    git.chmod(0o755)


def test_git_is_asked_at_once_and_its_answer_waited_for(git: Path) -> None:
    _write(git, f"echo {COMMIT}")
    asked = own_version.CommitAsked()
    (git.parent / ".git").rmdir()
    assert asked.answer() == COMMIT
    assert own_version.commit() is None


@pytest.mark.parametrize("script", ["echo so far; echo fatal >&2; exit 128", "exit 0"])
def test_a_git_that_refuses_or_says_nothing_knows_no_commit(
    script: str, git: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    _write(git, script)
    assert own_version.commit() is None
    assert capfd.readouterr().err == ""


def test_a_git_that_hangs_is_ended(git: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_version, "_LONGEST_S", 0.1)
    _write(git, "exec /bin/sleep 600")
    assert own_version.commit() is None
