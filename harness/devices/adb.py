"""An Android device by the user's own `adb`: commands, files sent by hash.

Everything goes through argument lists. adb hands a device one line for its shell, so every word of it is quoted.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.devices.target import AdbTarget
from harness.errors import ConfigError, RunFailed, shortened

FOLDER = "/data/local/tmp/tflite-loadgen"
"""Ours on the device: a folder a file, named by its SHA-256."""
_LOST = re.compile(r"(?:adb|error): (?:closed|device\b|no devices|protocol fault|failed to|connection|cannot connect)")
"""How adb's own complaints begin, which a program on the device has no reason to write."""
_NOT_ADBS = 127
_AUTHORISE = "unlock its screen and allow this computer to debug it over USB, then run again"
_WHAT_TO_DO = {
    "unauthorized": _AUTHORISE,
    "authorizing": _AUTHORISE,
    "offline": "plug it in again, or `adb reconnect`; one on the network: `adb disconnect` and `adb connect` it",
    "no permissions": "this user may not open its USB port: add the udev rules of Android's devices",
    "recovery": "start its system: `adb reboot`",
    "sideload": "start its system: `adb reboot`",
    "bootloader": "start its system: `fastboot reboot`",
}


@dataclass(frozen=True, slots=True)
class Said:
    """What a command on the device came to."""

    status: int
    text: str
    """Standard output, then standard error."""


class Adb:
    """One device."""

    def __init__(self, target: AdbTarget, timeout_s: float) -> None:
        """Looks for adb; asks nothing yet.

        Args:
            target: The device.
            timeout_s: How long anything that is no measurement may take.

        Raises:
            ConfigError: No adb here.
        """
        found = shutil.which("adb")
        if found is None:
            raise ConfigError(
                f"--target {target} needs adb, which is not in PATH: install Android's platform tools (Debian and Ubuntu: "
                "apt install adb)"
            )
        self._adb, self._target, self._timeout_s = found, target, timeout_s

    def ready(self) -> None:
        """Sees that the device answers and tells how its commands end.

        Raises:
            ConfigError: It does not, and why.
        """
        # A server that this starts keeps what of ours is open: a pipe would never end.
        silent = subprocess.DEVNULL
        try:
            subprocess.run([self._adb, "start-server"], stdin=silent, stdout=silent, stderr=silent, check=False)
        except OSError as error:
            raise ConfigError(
                f"--target {self._target} needs adb, and {self._adb} cannot be started: {error.strerror}"
            ) from None
        state = self._ask("get-state")
        word = state.stdout.strip()
        if state.returncode or word != "device":
            raise ConfigError(self._why_not(word or state.stderr.strip()))
        if "shell_v2" not in self._ask("features").stdout.split():
            raise ConfigError(
                f"{self._target} does not tell how a command ended (no shell_v2): Android 7 or later is needed"
            )

    def shell(self, words: Sequence[str], *, timeout_s: float | None = None) -> Said:
        """Runs a command there.

        Args:
            words: The program and its arguments, none of which the device's shell sees unquoted.
            timeout_s: How long it may take, where that is longer than usual.

        Raises:
            RunFailed: The device was lost, or the command did not end.
        """
        done = self._ask("shell", shlex.join(words), timeout_s=timeout_s)
        if done.returncode and done.returncode != _NOT_ADBS and not done.stdout and _LOST.match(done.stderr):
            raise RunFailed(f"{self._target} was lost: {shortened(done.stderr.strip(), 300)}")
        return Said(done.returncode, done.stdout + done.stderr)

    def must(self, *words: str) -> str:
        """The same, of a command that has to succeed.

        Raises:
            RunFailed: It did not; the message has what it said, such as a full disk.
        """
        said = self.shell(words)
        if said.status:
            raise RunFailed(
                f"{self._target}: {shlex.join(words)} ended with status {said.status}: {shortened(said.text.strip(), 300)}"
            )
        return said.text

    def have(self, file: Path, sha256: str, name: str) -> str:
        """Sends a file unless the device has it, and returns its path there.

        Args:
            file: Here.
            sha256: Of it; the device reckons it, too.
            name: Of ours, for the file there.

        Raises:
            RunFailed: It did not arrive whole.
        """
        place = f"{FOLDER}/{sha256}"
        path = f"{place}/{name}"
        if self._sha256(path) == sha256:
            return path
        self.must("mkdir", "-p", place)
        sent = self._ask("push", str(file.absolute()), f"{path}.part")
        if sent.returncode:
            raise RunFailed(f"{self._target}: {file} could not be sent: {shortened(_last(sent), 300)}")
        arrived = self._sha256(f"{path}.part")
        if arrived != sha256:
            raise RunFailed(
                f"{self._target}: {file} did not arrive as it is here (SHA-256 {arrived or 'unknown: no sha256sum there'} "
                f"instead of {sha256}): is its storage full?"
            )
        self.must("chmod", "755", f"{path}.part")
        self.must("mv", "-f", f"{path}.part", path)
        return path

    def _sha256(self, path: str) -> str | None:
        said = self.shell(["sha256sum", path])
        words = said.text.split()
        return words[0] if said.status == 0 and words else None

    def _ask(self, *words: str, timeout_s: float | None = None) -> subprocess.CompletedProcess[str]:
        limit_s = timeout_s or self._timeout_s
        try:
            return subprocess.run(
                [self._adb, "-s", self._target.serial, *words],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=limit_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise RunFailed(
                f"{self._target}: adb {words[0]} did not end in {limit_s:g} s (backend.timeout_s allows more)"
            ) from None

    def _why_not(self, said: str) -> str:
        for state, what_to_do in _WHAT_TO_DO.items():
            if state in said:
                return f"{self._target} is {state}: {what_to_do}"
        listed = self._ask("devices").stdout.splitlines()[1:]
        known = ", ".join(" ".join(line.split()) for line in listed if line.strip())
        return f"{self._target} is not there ({said or 'adb says nothing'}); adb knows {known or 'no device'}"


def _last(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stderr.strip() or done.stdout.strip()).rpartition("\n")[2]
