"""What `--target ssh://...` may be."""

from __future__ import annotations

import pytest

from harness.errors import ConfigError
from harness.remote.target import SshTarget, ssh_target


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("ssh://pi@board", SshTarget("board", "pi")),
        ("ssh://board:2222", SshTarget("board", None, 2222)),
        ("ssh://pi@[fe80::1%25]:22".replace("%25", "%eth0"), SshTarget("fe80::1%eth0", "pi", 22)),
        ("ssh://pi@192.168.1.7:22/mnt/big%20disk", SshTarget("192.168.1.7", "pi", 22, "/mnt/big disk")),
        ("ssh://board/", SshTarget("board")),
    ],
)
def test_a_user_a_host_a_port_and_a_folder_are_told_apart(text: str, target: SshTarget) -> None:
    assert ssh_target(text) == target
    assert ssh_target(str(target)) == target


@pytest.mark.parametrize(
    "text",
    [
        "ssh://",
        "ssh:board",
        "board",
        "ssh://-oProxyCommand=x",
        "ssh://pi@-oProxyCommand=x",
        "ssh://$(x)@board",
        "ssh://pi:secret@board",
        "ssh://a b",
        "ssh://board:0",
        "ssh://board:70000",
        "ssh://board:22x",
        "ssh://board;x",
        "ssh://`x`",
        "ssh://board/a%0Ab",
        "ssh://board/a%00b",
        "ssh://[::1",
    ],
)
def test_what_could_be_taken_for_more_than_a_name_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--target"):
        ssh_target(text)
