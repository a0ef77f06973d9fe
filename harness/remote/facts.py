"""What a device's own Python says of it, and whether the harness can run there at all."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from harness.errors import ConfigError, shortened
from harness.json_records import NotThisRecord, from_json
from harness.remote.target import SshTarget

_PYTHON = re.compile(r"3\.[0-9]{1,2}\.[0-9]{1,3}")
_GLIBC = re.compile(r"2\.[0-9]{1,3}(\.[0-9]{1,3})?")
_WORD = re.compile(r"[A-Za-z0-9_.+-]{1,100}")


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """As `harness.remote.far_end.machine` tells them."""

    folder: str
    """In which all of ours lies, absolute."""
    python: str
    """`3.11.2`."""
    implementation: str
    """`cpython`."""
    abi_flags: str
    """Empty, or `t` where it has no GIL."""
    system: str
    """`linux`."""
    android: bool
    host: str
    """Its own name."""
    machine: str
    """The kernel's word for the processor: `aarch64`."""
    release: str
    """The kernel's."""
    bits: int
    """Of Python: 32 or 64."""
    glibc: str | None
    """`2.36`; None where the C library is another."""
    free_bytes: int
    """Where the folder is."""
    no_programs: bool = False
    """The file system of the folder is mounted so that no program runs from it (noexec)."""
    clock_s: float | None = None
    """Seconds since 1970, by its own clock."""

    @property
    def python_minor(self) -> str:
        """`3.11`."""
        return ".".join(self.python.split(".")[:2])

    @property
    def abi(self) -> str:
        """`cp311`."""
        return f"cp{self.python_minor.replace('.', '')}{self.abi_flags}"

    @property
    def architecture(self) -> str:
        """Of Python, which may be a 32-bit one under a 64-bit kernel."""
        narrow = {"aarch64": "armv7l", "x86_64": "i686"}
        return narrow.get(self.machine, self.machine) if self.bits == 32 else self.machine

    @property
    def glibc_minor(self) -> int:
        """36 of 2.36."""
        return int((self.glibc or "2.0").split(".")[1])

    @property
    def compiled_suffix(self) -> str:
        """Of modules in C that its Python loads, as `.cpython-311-aarch64-linux-gnu.so`."""
        return f".cpython-{self.python_minor.replace('.', '')}{self.abi_flags}-{self.architecture}-linux-gnu.so"

    def place(self, *parts: str) -> str:
        """A path there."""
        return str(PurePosixPath(self.folder, *parts))


def usable_facts(target: SshTarget, told: Mapping[str, object]) -> DeviceFacts:
    """The facts of a device on which the harness can run.

    Raises:
        ConfigError: It cannot, and why.
    """
    facts = _facts(target, told)
    if facts.android:
        raise ConfigError(
            f"{target} runs Android's own Python (Termux): no wheels of the runtime are made for its C library. Use a Debian "
            "within it (proot-distro), with an sshd and a Python of its own (docs/targets.md)"
        )
    if facts.system != "linux":
        raise ConfigError(f"{target} runs {facts.system}: runs on a device need Linux")
    if facts.implementation != "cpython" or facts.abi_flags:
        raise ConfigError(
            f"{target} has {facts.implementation} {facts.python}{facts.abi_flags}: LoadGen's wheels are of CPython's"
        )
    if facts.glibc is None:
        raise ConfigError(
            f"{target} has another C library than glibc (musl, as Alpine has): no wheels of the runtime are made for it. Use a "
            "system with glibc (Debian, Ubuntu, Raspberry Pi OS, Fedora)"
        )
    if facts.no_programs:
        raise ConfigError(
            f"{target}: no program runs from {facts.folder}, whose file system is mounted noexec: name a folder on another "
            "one: ssh://HOST/FOLDER"
        )
    return facts


def _facts(target: SshTarget, told: Mapping[str, object]) -> DeviceFacts:
    try:
        facts = from_json(DeviceFacts, told)
    except (NotThisRecord, RecursionError) as error:
        raise ConfigError(f"{target} says of itself what nobody understands: {error}") from None
    odd = [
        text
        for text, form in (
            (facts.python, _PYTHON),
            (facts.glibc or "2.0", _GLIBC),
            (facts.machine, _WORD),
            (facts.abi_flags or "none", _WORD),
        )
        if not form.fullmatch(text)
    ]
    if odd or not facts.folder.startswith("/") or "\0" in facts.folder:
        raise ConfigError(f"{target} says of itself what no machine is: {shortened(ascii([*odd, facts.folder]))}")
    return facts
