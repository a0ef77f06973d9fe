"""What `--target` names."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.errors import ConfigError, shortened

_SERIAL = re.compile(r"[^\s\-][^\s]*")
_MASK = re.compile(r"[0-9a-fA-F]{1,64}")


@dataclass(frozen=True, slots=True)
class AdbTarget:
    """An Android device that an adb server knows."""

    serial: str
    """As `adb devices` lists it: `R58M123ABC`, `192.168.1.7:5555`."""

    def __str__(self) -> str:
        """As it was asked for."""
        return f"adb:{self.serial}"


def adb_target(text: str) -> AdbTarget:
    """`adb:SERIAL`.

    Raises:
        ConfigError: Not of that form.
    """
    kind, colon, serial = text.partition(":")
    if kind != "adb" or not colon:
        raise ConfigError(
            f"--target {shortened(text)}: this verb measures on adb:SERIAL, a device that `adb devices` lists"
        )
    if not _SERIAL.fullmatch(serial):
        raise ConfigError(f"--target {shortened(text)}: {serial!r} is no serial number; `adb devices` lists them")
    return AdbTarget(serial)


def core_mask(text: str) -> str:
    """The cores of `--taskset`, as taskset takes them: `f0` for the fifth to the eighth.

    Raises:
        ConfigError: No hexadecimal number, or one without any core.
    """
    digits = text.removeprefix("0x")
    if not _MASK.fullmatch(digits) or not int(digits, 16):
        raise ConfigError(f"--taskset is a mask of cores in hexadecimal, as f0 for the cores 4 to 7, not {text!r}")
    return digits
