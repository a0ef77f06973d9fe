"""What an Android device says of itself: what it is, and how warm and how full it is."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.devices.adb import Said

Shell = Callable[[Sequence[str]], Said]
_PROPERTY = re.compile(r"^\[([^\]]+)\]: \[(.*)\]$", re.MULTILINE)
_THERMAL = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")
"""Android's own words for the statuses 0 to 6."""
THROTTLED = 2
"""From `moderate` on the system slows the device down so that a person would notice."""


@dataclass(frozen=True, slots=True)
class AndroidDevice:
    """What it is. None for what it does not say."""

    manufacturer: str | None
    model: str | None
    soc: str | None
    """Its maker and name, as `QTI SM8550`; the platform's name on systems before Android 12."""
    abi: str | None
    """`arm64-v8a`."""
    android: str | None
    """`14`."""
    api_level: int | None
    fingerprint: str | None
    """Of the system's build."""


@dataclass(frozen=True, slots=True)
class DeviceState:
    """How it is at one moment. None for what it does not say."""

    thermal_status: int | None
    """Android's: 0 none, 1 light, 2 moderate, 3 severe, 4 critical, 5 emergency, 6 shutdown."""
    battery_percent: int | None
    battery_celsius: float | None
    plugged_in: bool | None

    def text(self) -> str:
        """For people."""
        thermal = self.thermal_status
        words = []
        if thermal is not None:
            words.append(f"thermal status {_thermal(thermal)}")
        if self.battery_percent is not None:
            words.append(f"battery {self.battery_percent} %")
        if self.battery_celsius is not None:
            words.append(f"{self.battery_celsius:.1f} C")
        if self.plugged_in is not None:
            words.append("plugged in" if self.plugged_in else "on battery")
        return ", ".join(words) or "not told"


def describe_device(shell: Shell) -> AndroidDevice:
    """By its properties."""
    said = shell(["getprop"])
    found = dict(_PROPERTY.findall(said.text)) if said.status == 0 else {}

    def one(*names: str) -> str | None:
        return next((found[name] for name in names if found.get(name)), None)

    soc = one("ro.soc.model")
    maker = one("ro.soc.manufacturer")
    return AndroidDevice(
        one("ro.product.manufacturer"),
        one("ro.product.model"),
        f"{maker} {soc}" if maker and soc else soc or one("ro.board.platform", "ro.hardware"),
        one("ro.product.cpu.abi"),
        one("ro.build.version.release"),
        _whole(one("ro.build.version.sdk")),
        one("ro.build.fingerprint"),
    )


def state_of(shell: Shell) -> DeviceState:
    """By its thermal and its battery service."""
    thermal, battery = shell(["dumpsys", "thermalservice"]), shell(["dumpsys", "battery"])
    heat = (
        re.search(r"^\s*Thermal Status: ([0-9]{1,9})\s*$", thermal.text, re.MULTILINE) if thermal.status == 0 else None
    )
    said = dict(re.findall(r"^\s*([A-Za-z ]+): (\S+)\s*$", battery.text, re.MULTILINE)) if battery.status == 0 else {}
    tenths = _whole(said.get("temperature"))
    powered = [value for name, value in said.items() if name.endswith(" powered")]
    return DeviceState(
        int(heat[1]) if heat else None,
        _whole(said.get("level")),
        None if tenths is None else tenths / 10,
        "true" in powered if powered else None,
    )


def cool(shell: Shell, most_s: float | None, say: Callable[[str], None], *, every_s: float = 5.0) -> float | None:
    """Waits until the device's thermal service says `none`.

    Args:
        shell: Of the device.
        most_s: How long at most; None for no waiting at all.
        say: Hears that it waits.
        every_s: How often it is asked.

    Returns:
        How long that took, in seconds; None where it was not to wait, or the device does not tell.
    """
    if most_s is None:
        return None
    began, last = time.monotonic(), None
    while True:
        status, waited_s = state_of(shell).thermal_status, time.monotonic() - began
        if status is None:
            return None
        if status == 0 or waited_s >= most_s:
            return waited_s
        if status != last:
            say(f"thermal status {_thermal(status)}: waiting for the device to cool")
        last = status
        time.sleep(min(every_s, most_s - waited_s))


def _thermal(status: int) -> str:
    return _THERMAL[status] if status < len(_THERMAL) else str(status)


def _whole(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"-?[0-9]{1,9}", text) else None
