"""A board of the tests: this machine once more, reached by a real ssh through Debian's real sshd on loopback.

Its home is a folder of the tests, its Python this one's; what the harness needs is there already, as if installed, but for the
test that installs it.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import ai_edge_litert
import pytest

from harness.remote.facts import usable_facts
from harness.remote.luggage.wheels import key_of, pins_for
from harness.remote.ssh import Connection
from harness.remote.target import ssh_target
from tests.reserved_port import reserved_port

SSHD_UNPACKED = "TFLITE_LOADGEN_SSHD"
"""An environment variable: the folder into which .ci/run has unpacked Debian's openssh-server."""
NAME = "the board's own; $(folder)"
"""Of the device's folder: nothing that a shell may see unquoted."""
START = """\
set -e
mount --bind "$1" /etc/passwd
mount -t tmpfs none /run
mkdir -m 755 /run/sshd
shift
exec "$@"
"""
"""sshd wants a user of its own and a folder, which are there for it alone in its own mount name space."""


LAUNCHER = f'#!/bin/sh\nexec "{Path(sys.executable).resolve()}" "$@"\n'
"""The board's python3."""


@dataclass(frozen=True)
class Board:
    """Where it is reached."""

    folder: Path
    """In which a test's targets lie."""
    port: int
    bin: Path
    """With the ssh that knows the board's keys."""
    sshd: subprocess.Popen[bytes]

    def target(self, name: str = NAME) -> str:
        """As `--target` takes it."""
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}{quote(str(self.folder / name))}"

    @contextlib.contextmanager
    def other_python(self, launcher: str) -> Iterator[None]:
        """Another program in the place of its python3."""
        place = self.folder / "bin" / "python3"
        program(place, launcher)
        try:
            yield
        finally:
            program(place, LAUNCHER)

    def cut(self) -> None:
        """Kills what sshd has started for connections: they break, sshd itself lives."""
        for pid in _children(self.sshd.pid):
            for each in (*_children(pid), pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(each, signal.SIGKILL)


def _children(pid: int) -> list[int]:
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        # A connection that ends by itself: before the file is opened, or before it is read.
        return []
    return [int(each) for each in found]


def _keys(folder: Path) -> None:
    for name in ("host", "user", "stranger"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    folder.chmod(0o700)


def ssh_wrapper(folder: Path, config: str) -> Path:
    """A folder for PATH whose ssh is the system's, with another config than the user's."""
    folder.mkdir(parents=True)
    (folder / "config").write_text(config)
    script = folder / "ssh"
    script.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F "{folder}/config" "$@"\n')
    script.chmod(0o755)
    return folder


def program(path: Path, text: str) -> None:
    """A script that can be run."""
    path.write_text(text)
    path.chmod(0o755)


def _sshd(unpacked: str | None) -> tuple[str, dict[str, str]]:
    if unpacked is None:
        found = shutil.which("sshd") or shutil.which("/usr/sbin/sshd")
        if found is None or shutil.which("ssh-keygen") is None:
            pytest.skip("no OpenSSH server here: apt install openssh-server, or .ci/run, which unpacks it")
        return found, {}
    libraries = ":".join(sorted({str(file.parent) for file in Path(unpacked).rglob("*.so*")}))
    return f"{unpacked}/usr/sbin/sshd", {"LD_LIBRARY_PATH": libraries}


@pytest.fixture(scope="session")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    """One sshd for all tests of a process."""
    folder = tmp_path_factory.mktemp("board")
    sshd, environment = _sshd(os.environ.get(SSHD_UNPACKED))
    _keys(folder)
    port = reserved_port()
    (folder / "bin").mkdir()
    # A launcher of its own: what sys.executable is there, is Python's real path.
    program(folder / "bin" / "python3", LAUNCHER)
    settings = {
        "Port": port,
        "ListenAddress": "127.0.0.1",
        "HostKey": folder / "host",
        "AuthorizedKeysFile": folder / "user.pub",
        "PasswordAuthentication": "no",
        "PermitRootLogin": "yes",
        "UsePAM": "no",
        "StrictModes": "no",
        "PidFile": "none",
        "SetEnv": f"PATH={folder}/bin:/usr/bin:/bin",
    }
    (folder / "sshd_config").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    words = [sshd, "-D", "-e", "-f", str(folder / "sshd_config")]
    if _may_mount(os.environ.get(SSHD_UNPACKED)):
        lines = [
            line for line in Path("/etc/passwd").read_text().splitlines() if not line.startswith(("root:", "sshd:"))
        ]
        own = [f"root:x:0:0:root:{folder}:/bin/sh", "sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin"]
        (folder / "passwd").write_text("\n".join([*own, *lines]) + "\n")
        alone = ["unshare", "--mount", "--propagation", "private", "sh", "-c", START, "sh", str(folder / "passwd")]
        words = [*alone, *words]
    with (folder / "sshd.log").open("wb") as log:
        process = subprocess.Popen(
            words, env=os.environ | environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        _listens(port, process, folder / "sshd.log")
        host = (folder / "host.pub").read_text()
        (folder / "known").write_text(f"[127.0.0.1]:{port} {host}")
        config = f"IdentityFile {folder}/user\nIdentitiesOnly yes\nUserKnownHostsFile {folder}/known\n"
        made = Board(folder, port, ssh_wrapper(folder / "client", config), process)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PATH", str(made.bin), prepend=":")
            has_what_is_needed(made.target())
        yield made
        made.cut()
    finally:
        process.terminate()
        process.wait()


def has_what_is_needed(target: str) -> None:
    """Lets this process's packages count as installed on the device."""
    with Connection(ssh_target(target)) as connection:
        facts = usable_facts(ssh_target(target), connection.facts)
    place = Path(facts.folder) / "deps" / key_of(facts, pins_for(facts))
    place.mkdir(parents=True)
    (place / "site").symlink_to(Path(ai_edge_litert.__path__[0]).parent)
    (place / "ready").touch()


def _may_mount(named: str | None) -> bool:
    """As root sshd wants its user, which a mount name space gives it; without one, the package's own must be there."""
    if os.geteuid() != 0:
        return False
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode == 0:
        return True
    if "\nsshd:" not in Path("/etc/passwd").read_text():
        why = "sshd runs as root where there is a user sshd (apt install openssh-server), or a mount name space can be made"
        (pytest.fail if named else pytest.skip)(why)
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    return False


def _listens(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        if process.poll() is not None:
            pytest.fail(f"sshd did not start:\n{log.read_text()}")
        time.sleep(0.02)


@pytest.fixture
def reached(board: Board, monkeypatch: pytest.MonkeyPatch) -> Board:
    """The board, with the ssh that knows it first in PATH."""
    monkeypatch.setenv("PATH", str(board.bin), prepend=":")
    return board
