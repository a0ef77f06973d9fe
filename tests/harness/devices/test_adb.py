"""What is said of devices that are not ready, by an adb that says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.devices.adb import Adb, Said
from harness.devices.target import AdbTarget
from harness.errors import ConfigError, RunFailed
from tests.harness.devices.conftest import program


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("error: device offline", "adb:d is offline: plug it in again"),
        ("error: device unauthorized.", "adb:d is unauthorized: unlock its screen"),
        ("error: insufficient permissions, no permissions (user in plugdev)", "udev rules"),
        ("error: device 'd' not found", "not there .* adb knows e device"),
    ],
)
def test_a_device_that_is_not_ready_says_what_to_do(
    said: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = r"printf 'List of devices attached\ne\tdevice\n\n'"
    program(tmp_path / "adb", f'#!/bin/sh\ncase "$3" in devices) {listed} ;; *) echo "{said}" >&2; exit 1 ;; esac\n')
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(ConfigError, match=message):
        Adb(AdbTarget("d"), 600).ready()


def test_an_adb_that_is_no_program_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "adb", "\0 no program")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="adb cannot be started: Exec format error"):
        Adb(AdbTarget("d"), 600).ready()


def test_a_device_whose_shell_tells_no_status_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "adb", '#!/bin/sh\n[ "$3" = get-state ] && echo device || echo cmd\n')
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(ConfigError, match="Android 7 or later"):
        Adb(AdbTarget("d"), 600).ready()


def test_a_device_that_is_lost_is_no_answer_of_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "adb", "#!/bin/sh\necho 'error: closed' >&2\nexit 1\n")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(RunFailed, match="was lost: error: closed"):
        Adb(AdbTarget("d"), 600).shell(["true"])


def test_a_commands_own_error_is_its_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "adb", "#!/bin/sh\necho 'error: no such op' >&2\nexit 1\n")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert Adb(AdbTarget("d"), 600).shell(["tool"]) == Said(1, "error: no such op\n")


def test_without_adb_it_says_where_it_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="apt install adb"):
        Adb(AdbTarget("d"), 600)
