"""What `--target ssh://...` names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from harness.errors import ConfigError, shortened

_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}|\[[0-9A-Fa-f:.]{2,45}(?:%[A-Za-z0-9._-]{1,15})?\]")
"""A name of DNS or of ~/.ssh/config, an IPv4 address, or an IPv6 one in brackets. Nothing that a shell could take for more:
ssh hands it to a ProxyCommand of the user's."""
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
_FORM = "write it as ssh://USER@HOST, ssh://HOST:PORT or ssh://USER@HOST:PORT/FOLDER"


@dataclass(frozen=True, slots=True)
class SshTarget:
    """A machine that OpenSSH's client reaches."""

    host: str
    """As ssh takes it: a name, or an address without brackets."""
    user: str | None = None
    """None for the one that ~/.ssh/config or the system says."""
    port: int | None = None
    """Likewise."""
    folder: str | None = None
    """An absolute path there, in which all of ours lies; None for `~/.tflite-loadgen`."""

    def __str__(self) -> str:
        """As it was asked for."""
        user = f"{self.user}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port else ""
        return f"ssh://{user}{host}{port}{quote(self.folder or '')}"


def ssh_target(text: str) -> SshTarget:
    """`ssh://[USER@]HOST[:PORT][/FOLDER]`.

    Raises:
        ConfigError: Not of that form.
    """
    kind, _, rest = text.partition("://")
    if kind != "ssh" or not rest:
        raise ConfigError(f"--target {shortened(text)}: {_FORM}")
    place, slash, folder = rest.partition("/")
    user, at, address = place.rpartition("@")
    host, port = _split(address)
    if at and not _USER.fullmatch(user):
        raise ConfigError(
            f"--target {shortened(text)}: {user!r} is no user's name (a password has no place here); {_FORM}"
        )
    if not _HOST.fullmatch(host):
        raise ConfigError(f"--target {shortened(text)}: {host!r} is no host's name; {_FORM}")
    if port is not None and not (port.isascii() and port.isdecimal() and 0 < int(port) < 1 << 16):
        raise ConfigError(f"--target {shortened(text)}: {port!r} is no port: 1 to 65535")
    where = unquote(slash + folder).rstrip("/")
    if "\n" in where or "\0" in where:
        raise ConfigError(f"--target {shortened(text)}: a folder's name may hold no line break")
    return SshTarget(host.strip("[]"), user or None, int(port) if port is not None else None, where or None)


def _split(address: str) -> tuple[str, str | None]:
    """Host and port; the colons of an IPv6 address are within brackets."""
    if address.startswith("["):
        host, closed, rest = address.partition("]")
        return host + closed, rest.removeprefix(":") if rest else None
    host, colon, port = address.partition(":")
    return host, port if colon else None
