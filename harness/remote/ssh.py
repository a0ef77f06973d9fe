"""A connection to a device by the system's own OpenSSH client, with the program at the far end behind it.

`ssh` gets an argument list, never asks anything, and never takes a host's key on trust. What the device's login shell sees is
one constant line: all else goes through the pipe.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from types import TracebackType
from typing import IO, Self

from harness.errors import ConfigError, RunFailed, shortened
from harness.remote.answers import Answer, Greeting, NotAnAnswer, answer_of
from harness.remote.far_end.wire import Endless, Incoming
from harness.remote.target import SshTarget

_OPTIONS = {
    "BatchMode": "yes",
    "StrictHostKeyChecking": "yes",
    "ConnectTimeout": "20",
    "ServerAliveInterval": "15",
    "ServerAliveCountMax": "4",
    # What a user's ~/.ssh/config may ask of a session at a terminal has no place here.
    "RemoteCommand": "none",
    "RequestTTY": "no",
    "PermitLocalCommand": "no",
    "ClearAllForwardings": "yes",
    "ForwardAgent": "no",
    "ForwardX11": "no",
    "LogLevel": "ERROR",
}
_NO_PYTHON = 43
_FAR_END = ("wire", "machine", "store", "installed", "jobs", "serve")
"""Modules of `harness.remote.far_end`, each after those that it imports."""
_FIRST = """\
import json, os, sys, types
def line():
    found = b''
    while not found.endswith(b'\\n'):
        found += os.read(0, 1) or exit()
    return found
def some():
    size, found = int(line()), b''
    while len(found) < size:
        found += os.read(0, size - len(found)) or exit()
    return found.decode()
for name, text in json.loads(some()):
    module = sys.modules[name] = types.ModuleType(name)
    exec(compile(text, name, 'exec'), module.__dict__)
module.main(some())
"""
"""Reads by `os.read` alone: nothing of what comes behind the program may end in a buffer."""
_REMOTE = (
    "exec /bin/sh -c 'for p in python3 python3.13 python3.12 python3.11; do "
    'if "$p" -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))" >/dev/null 2>&1; '
    'then exec "$p" -I -u -X utf8 -c "import sys; exec(bytes.fromhex(sys.argv[1]))" {first}; fi; done; '
    'v=$(python3 -V 2>&1) && echo "tflite-loadgen: $v" >&2; exit {no_python}\''
)
_MARK = '{"tflite_loadgen":'
_NOISE_LINES = 1000
"""Lines that a login shell may write before ours."""
_GRACE_S = 5.0
_LONGEST_WORDS = 800


class ConnectionLost(RunFailed):
    """The connection broke; whoever calls tries again."""


class Connection:
    """One `ssh` process."""

    def __init__(self, target: SshTarget) -> None:
        """Connects, and waits until the far end answers.

        Raises:
            ConfigError: It cannot be reached, does not let this user in, is not the host that is known, or has no Python.
        """
        self._target = target
        ssh = shutil.which("ssh")
        if ssh is None:
            raise ConfigError(
                f"--target {target} needs ssh, which is not in PATH: install OpenSSH's client (openssh-client)"
            )
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the connection
        words = [ssh, "-T", *(f"-o{name}={value}" for name, value in _OPTIONS.items())]
        words += ["-l", target.user] if target.user else []
        words += ["-p", str(target.port)] if target.port else []
        try:
            self._process = subprocess.Popen(
                [*words, "--", target.host, remote_command()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                bufsize=0,
                # Ctrl-C is for the run, which this connection has to bring back.
                start_new_session=True,
            )
        except OSError as error:
            self._said.close()
            raise ConfigError(f"--target {target} needs ssh, and {ssh} cannot be started: {error.strerror}") from None
        self._incoming = Incoming(self._out.fileno())
        try:
            self.facts = self._begin()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> Mapping[str, object]:
        try:
            for text in (_program(), self._target.folder or ""):
                self.send(b"%d\n%s" % (len(text.encode()), text.encode()))
            for _ in range(_NOISE_LINES):
                line = self._line()
                if line.startswith(_MARK.encode()):
                    return answer_of(Greeting, line).tflite_loadgen
        except (ConnectionLost, NotAnAnswer, RunFailed):
            pass
        raise ConfigError(self._why_not())

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes it."""
        self.close()

    def close(self) -> None:
        """Ends the connection; what was started at the far end goes on."""
        with contextlib.suppress(OSError):
            self._in.close()
        try:
            self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._out.close()
        self._said.close()

    def ask(self, kind: type[Answer], what: str, **words: object) -> Answer:
        """One request and its answer: see `answer`."""
        self.request(what, **words)
        return self.answer(kind)

    def request(self, what: str, **words: object) -> None:
        """A request alone."""
        self.send(json.dumps({"do": what, **words}).encode() + b"\n")

    def answer(self, kind: type[Answer]) -> Answer:
        """The next answer.

        Args:
            kind: Its record.

        Raises:
            ConnectionLost: It broke.
            Refused: The far end cannot do that.
            RunFailed: Something else came.
        """
        try:
            return answer_of(kind, self._line())
        except NotAnAnswer as error:
            raise self._odd(str(error)) from None

    def waits(self, seconds: float) -> bool:
        """Whether an answer, or a part of one, comes within so many seconds."""
        return self._incoming.waits(seconds)

    def send(self, data: bytes) -> None:
        """Bytes behind a request."""
        view = memoryview(data)
        try:
            while view:
                view = view[self._in.write(view) :]
        except OSError:
            raise self._lost() from None

    def receive(self, size: int) -> Iterator[bytes]:
        """So many bytes behind an answer, in pieces."""
        try:
            yield from self._incoming.pieces(size)
        except EOFError:
            raise self._lost() from None

    def _line(self) -> bytes:
        try:
            return self._incoming.line()
        except EOFError:
            raise self._lost() from None
        except Endless:
            raise self._odd("a line without an end") from None

    @property
    def _in(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def _out(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    def _odd(self, why: str) -> RunFailed:
        return RunFailed(
            f"{self._target} answers what nobody here understands: {why}. Its program came from here with this connection, so "
            f"something else writes into it, or its folder is damaged: ./run.sh --target {self._target} --clean takes that away"
        )

    def _lost(self) -> ConnectionLost:
        return ConnectionLost(f"the connection to {self._target} was lost: {self._last_words() or 'it was closed'}")

    def _last_words(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE_S)
        self._said.seek(0)
        return shortened(" ".join(self._said.read().decode(errors="replace").split()), _LONGEST_WORDS)

    def _why_not(self) -> str:
        said, status = self._last_words(), self._process.poll()
        return why_not(self._target, said, status)


def _program() -> str:
    package = resources.files("harness.remote.far_end")
    names = [(f"harness.remote.far_end.{name}", (package / f"{name}.py").read_text("utf-8")) for name in _FAR_END]
    return json.dumps(names)


def remote_command() -> str:
    """What the device's login shell is handed: constant, whatever the user wrote."""
    return _REMOTE.format(first=_FIRST.encode().hex(), no_python=_NO_PYTHON)


def why_not(target: SshTarget, said: str, status: int | None) -> str:
    """What to do where no far end answered.

    Args:
        target: The device.
        said: What ssh wrote on its standard error, in one line.
        status: How ssh ended; None where it has not.
    """
    by_hand = " ".join(_by_hand(target))
    if status == _NO_PYTHON:
        found = said.rpartition("tflite-loadgen: ")[2] if "tflite-loadgen: " in said else "none at all"
        return f"{target} has no Python 3.11 to 3.13 in the PATH of its ssh sessions ({found}): install python3 there"
    for words, text in _REASONS:
        if any(word in said for word in words):
            return f"{target} {text.format(by_hand=by_hand, host=_known_as(target))} (ssh: {shortened(said, 300)})"
    return (
        f"{target} does not answer as a device with a shell and Python does (ssh: {shortened(said, 300) or 'nothing'}; it "
        f"ended with status {status}). Try by hand: {by_hand} python3 -V"
    )


_REASONS: Sequence[tuple[Sequence[str], str]] = (
    (
        ("IDENTIFICATION HAS CHANGED",),
        "is not the machine that it was: its host key has changed. Where it was set up anew, make sure of it, then forget "
        "the old key: ssh-keygen -R {host}; else somebody stands between",
    ),
    (
        ("Host key verification failed", "host key is known for"),
        "is not known here yet: connect once by hand and compare its key's fingerprint: {by_hand}",
    ),
    (
        ("Permission denied", "Too many authentication failures"),
        "does not let this user in without a question, and a run asks none: have your key there (ssh-copy-id), and in "
        "ssh-agent where it has a passphrase; it must go by itself: {by_hand} -o BatchMode=yes true",
    ),
    (("Could not resolve", "not known"), "has a name that nobody knows: is it written right, and is the device on?"),
    (
        ("refused", "timed out", "No route", "unreachable", "Connection closed", "Connection reset", "banner exchange"),
        "does not answer: is it on, on this network, and does its sshd listen on this port? By hand: {by_hand}",
    ),
)


def _by_hand(target: SshTarget) -> list[str]:
    port = ["-p", str(target.port)] if target.port else []
    return ["ssh", *port, f"{target.user}@{target.host}" if target.user else target.host]


def _known_as(target: SshTarget) -> str:
    return f"'[{target.host}]:{target.port}'" if target.port and target.port != 22 else target.host
