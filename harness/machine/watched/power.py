"""What a machine draws while something runs, where the kernel tells: RAPL's counters, or a battery that is being emptied.

RAPL's count is of the CPU's packages, the battery's gauge of the whole machine.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from harness.machine.state import Energy, read_energy

_EVERY_S = 0.5
"""Between two looks at a battery's gauge."""
_NOT_HERE = "no RAPL counter that can be read (root may), and no battery that is being emptied"


@dataclass(frozen=True, slots=True)
class Power:
    """What was drawn, the mean."""

    watts: float | None
    """None where nobody tells."""
    source: str
    """What told it, or why nothing did."""


class PowerMeter:
    """Measures between its entry and its exit, from outside: nothing happens in the process that is measured."""

    def __init__(self, root: Path = Path("/")) -> None:
        """Nothing is read yet; below `root` lies `sys`."""
        self._supplies, self._zones = root / "sys/class/power_supply", root / "sys/class/powercap"
        self._before: Sequence[Energy] = ()
        self._began = self._took_s = 0.0
        self._joules: float | None = None
        self._seen: list[float] = []
        self._over = threading.Event()
        self._looking = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> PowerMeter:
        """Begins."""
        self._before, self._began = read_energy(self._zones), time.monotonic()
        if not self._before and self._drawn() is not None:
            self._looking.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends."""
        self._took_s = time.monotonic() - self._began
        self._joules = joules(self._before, read_energy(self._zones))
        self._over.set()
        if self._looking.is_alive():
            self._looking.join()

    def power(self) -> Power:
        """Of the time in between."""
        if self._joules is not None and self._took_s > 0:
            return Power(self._joules / self._took_s, "RAPL, the CPU's packages")
        if self._seen:
            return Power(sum(self._seen) / len(self._seen), "the battery's gauge, the whole machine")
        return Power(None, _NOT_HERE)

    def _look(self) -> None:
        while True:
            watts = self._drawn()
            if watts is not None:
                self._seen.append(watts)
            if self._over.wait(_EVERY_S):
                return

    def _drawn(self) -> float | None:
        """What batteries that are being emptied give, in watts."""
        found = []
        for supply in sorted(self._supplies.glob("*")):
            if _text(supply / "type") != "Battery" or _text(supply / "status") != "Discharging":
                continue
            power = _micro(supply / "power_now")
            current, voltage = _micro(supply / "current_now"), _micro(supply / "voltage_now")
            if power is None and current is not None and voltage is not None:
                power = current * voltage
            if power:
                found.append(abs(power))
        return sum(found) or None


def joules(before: Sequence[Energy] | None, after: Sequence[Energy] | None) -> float | None:
    """What packages used between two readings; None where one of them does not tell. A counter may have begun anew."""
    if not before or not after or [one.name for one in before] != [one.name for one in after]:
        return None
    total = 0
    for first, last in zip(before, after, strict=True):
        used = last.microjoules - first.microjoules
        if used < 0:
            if not first.wraps_at:
                return None
            used += first.wraps_at
        total += used
    return total / 1e6


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _micro(path: Path) -> float | None:
    """A number of millionths."""
    try:
        return int(_text(path)) / 1e6
    except ValueError:
        return None
