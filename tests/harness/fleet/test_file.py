"""devices.yaml, and what is wrong with one."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ConfigError
from harness.fleet.file import FleetDevice, read_fleet


def test_a_device_is_a_target_or_a_target_with_more(tmp_path: Path) -> None:
    file = tmp_path / "devices.yaml"
    file.write_text('devices:\n  here: local\n  pi: {target: "ssh://pi@board", set: {backend.threads: 2}}\n')
    devices = read_fleet(file).devices
    assert devices == {
        "here": FleetDevice(target="local"),
        "pi": FleetDevice(target="ssh://pi@board", set={"backend.threads": 2}),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no devices"),
        ("devices: [local]", "names no devices"),
        ("devices: {}", "devices"),
        ("devices: {a: telnet}", "device a of .*--target telnet: write it as ssh://"),
        ("devices: {a: 'ssh://-x'}", "device a of .*no host's name"),
        ("devices: {a: {}}", "a.target"),
        ("devices: {a: {target: local, tols: x}}", "tols"),
        ("devices: {fleet: local}", "the fleet's own files have such names"),
        ("devices: {a: local, a.json: local}", "the fleet's own files have such names"),
        ("devices: {a: local, b.result: local}", "the fleet's own files have such names"),
        ("devices: {pi: local, PI: local}", "pi and PI of .* are one name"),
        ("devices: {a: local, a: local}", "the key 'a' stands twice"),
        ("devices: {1: local}", "must be a text"),
        ("devices: {../a: local}", "a name becomes a folder's"),
        ("devices: {a: 'adb:X'}", "tool: FILE"),
        ("devices: {a: {target: local, taskset: f0}}", "taskset is of adb:"),
        ("devices: {a: {target: 'adb:X', tool: x, taskset: xyz}}", "mask of cores"),
        ("devices: {a: {target: 'adb:X', tool: x, cooldown: soon}}", "device a of .*soon"),
        ("devices: {a: !!python/object:os.system x}", "is not YAML"),
    ],
)
def test_a_file_that_is_none_says_where(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "devices.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_fleet(file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*none"):
        read_fleet(tmp_path / "none.yaml")
