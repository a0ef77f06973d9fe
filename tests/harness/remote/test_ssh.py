"""What is said of devices that cannot be reached, by the real ssh against the board, and by one that says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ConfigError
from harness.remote.ssh import Connection, remote_command, why_not
from harness.remote.target import ssh_target
from tests.harness.remote.conftest import Board, program, ssh_wrapper
from tests.reserved_port import reserved_port


def _said(target: str) -> str:
    with pytest.raises(ConfigError) as refused:
        Connection(ssh_target(target))
    return str(refused.value)


@pytest.mark.ssh
def test_a_key_that_the_device_does_not_know_is_not_asked_for(
    board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = f"IdentityFile {board.folder}/stranger\nIdentitiesOnly yes\nUserKnownHostsFile {board.folder}/known\n"
    monkeypatch.setenv("PATH", str(ssh_wrapper(tmp_path / "bin", own)), prepend=":")
    said = _said(board.target())
    assert "does not let this user in without a question" in said
    assert "ssh-copy-id" in said


@pytest.mark.ssh
@pytest.mark.parametrize("known", ["", "changed"])
def test_a_host_key_that_is_unknown_or_has_changed_is_never_taken_on_trust(
    known: str, board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = tmp_path / "known"
    stranger = (board.folder / "stranger.pub").read_text()
    hosts.write_text(f"[127.0.0.1]:{board.port} {stranger}" if known else "")
    # Not even where the user's own config would.
    own = (
        f"IdentityFile {board.folder}/user\nIdentitiesOnly yes\nUserKnownHostsFile {hosts}\nStrictHostKeyChecking no\n"
    )
    monkeypatch.setenv("PATH", str(ssh_wrapper(tmp_path / "bin", own)), prepend=":")
    before = hosts.read_text()
    said = _said(board.target())
    wanted = f"ssh-keygen -R '[127.0.0.1]:{board.port}'" if known else "connect once by hand"
    assert wanted in said
    assert hosts.read_text() == before


@pytest.mark.ssh
def test_a_port_where_nobody_listens_is_a_device_that_does_not_answer(reached: Board) -> None:
    assert "does not answer: is it on" in _said(f"ssh://127.0.0.1:{reserved_port()}")


@pytest.mark.ssh
def test_a_device_without_a_python_that_fits_says_which_it_has(
    reached: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shadows = [reached.folder / "bin" / f"python3.{minor}" for minor in (11, 12, 13)]
    for shadow in shadows:
        program(shadow, "#!/bin/sh\nexit 1\n")
    try:
        with reached.other_python('#!/bin/sh\n[ "$1" = -V ] && echo "Python 3.9.2" && exit\nexit 1\n'):
            assert "no Python 3.11 to 3.13 in the PATH of its ssh sessions (Python 3.9.2)" in _said(reached.target())
    finally:
        for shadow in shadows:
            shadow.unlink()


@pytest.mark.parametrize("noise", ["Welcome to board", "one line\n\nand a half", "\\033[1mtext\\n"])
def test_what_a_login_shell_writes_before_it_is_no_answer_whether_or_not_its_line_ends(
    noise: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "ssh", f'#!/bin/sh\nprintf "{noise}"\nfor last; do :; done\nexec sh -c "$last"\n')
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with Connection(ssh_target("ssh://board/tmp/none")) as connection:
        assert connection.facts["folder"] == "/tmp/none"


def test_without_ssh_it_says_where_it_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "install OpenSSH's client" in _said("ssh://board")


def test_an_ssh_that_is_no_program_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "ssh", "\0 no program")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert f"{tmp_path}/ssh cannot be started: Exec format error" in _said("ssh://board")


def test_what_a_login_shell_is_handed_holds_no_word_of_the_users() -> None:
    assert "\n" not in remote_command()
    assert remote_command() == remote_command()
    assert "board" not in remote_command()


def test_a_name_that_nobody_knows_is_said(tmp_path: Path) -> None:
    said = "ssh: Could not resolve hostname board: Name or service not known"
    assert "has a name that nobody knows" in why_not(ssh_target("ssh://board"), said, 255)


def test_what_ssh_says_besides_is_passed_on() -> None:
    assert "ssh: a novelty; it ended with status 255" in why_not(ssh_target("ssh://pi@board"), "a novelty", 255)
