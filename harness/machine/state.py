"""The machine's state at one moment, as the kernel tells it. Read just before and just after LoadGen drives, never meanwhile.

What cannot be read is None, never guessed. Everything is read below a root, so that a test can lay out a machine of its own.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

_CPU_SENSORS = frozenset({"coretemp", "k10temp", "zenpower", "cpu_thermal"})
"""Chips of hwmon that measure the CPU; AMD's has no thermal zone."""
_SLOWS_DOWN = frozenset({"passive", "hot", "critical"})
"""Kinds of trip points at which the kernel does more than turn a fan."""
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class CpuTime:
    """Seconds since the machine started, of several CPUs together."""

    busy: float
    """They worked."""
    steal: float
    """A hypervisor gave them to another machine."""
    total: float
    """All of them."""


@dataclass(frozen=True, slots=True)
class Temperature:
    """One sensor."""

    name: str
    """As the kernel has it."""
    celsius: float
    """Degrees Celsius."""
    limit_celsius: float | None
    """From here on the machine slows down."""


@dataclass(frozen=True, slots=True)
class Battery:
    """The machine's own; not a mouse's."""

    status: str
    """The kernel's word: Charging, Discharging, Full, Not charging, Unknown."""
    percent: int | None
    """How full it is."""


@dataclass(frozen=True, slots=True)
class Energy:
    """A counter of one CPU package."""

    name: str
    """The package's."""
    microjoules: int
    """Used since some moment."""
    wraps_at: int | None
    """The count, in microjoules, after which it begins at 0 again."""


@dataclass(frozen=True, slots=True)
class MachineState:
    """A machine at one moment. CPUs are those that the process may use. Null: not known."""

    at_s: float
    """A clock that only goes on, in s."""
    load_average: tuple[float, ...] | None
    """The load over 1, 5 and 15 minutes."""
    cpu_mhz: tuple[float, ...] | None
    """The frequency of each CPU, in MHz."""
    temperatures: tuple[Temperature, ...] | None
    """Every sensor of the CPU."""
    throttle_count: int | None
    """How often the CPUs were slowed down for heat or power since the machine started."""
    cpu_s: CpuTime | None
    """What the CPUs have done, in seconds."""
    own_cpu_s: float | None
    """CPU time of the processes of this run, in seconds."""
    memory_stall_s: float | None
    """How long something has waited for memory since the machine started."""
    swapped_pages: int | None
    """In and out since the machine started."""
    on_battery: bool | None
    """Whether the machine runs on battery."""
    batteries: tuple[Battery, ...] | None
    """The machine's own."""
    energy: tuple[Energy, ...] | None
    """What the CPU packages have used."""


def read_state(cpus: Collection[int], pids: Sequence[int], root: Path = Path("/")) -> MachineState:
    """Reads all there is; some hundred microseconds, more with many CPUs.

    Args:
        cpus: Those that the run may use.
        pids: Its processes.
        root: Where `proc` and `sys` lie.
    """
    proc, cpu_folders = root / "proc", [root / f"sys/devices/system/cpu/cpu{number}" for number in sorted(cpus)]
    ticks = os.sysconf("SC_CLK_TCK")
    batteries = _batteries(root / "sys/class/power_supply")
    own = [process_seconds(_text(proc / str(pid) / "stat"), ticks) for pid in pids]
    return MachineState(
        at_s=time.monotonic(),
        load_average=_some(load_average(_text(proc / "loadavg"))),
        cpu_mhz=_some(_frequencies(cpu_folders) or cpuinfo_mhz(_text(proc / "cpuinfo"), cpus)),
        temperatures=_some([*_zones(root / "sys/class/thermal"), *_sensors(root / "sys/class/hwmon")]),
        throttle_count=_throttle_count(cpu_folders),
        cpu_s=cpu_seconds(_text(proc / "stat"), cpus, ticks),
        own_cpu_s=None if not own or None in own else round(sum(filter(None, own)), 2),
        memory_stall_s=stall_seconds(_text(proc / "pressure/memory")),
        swapped_pages=swapped_pages(_text(proc / "vmstat")),
        on_battery=_on_battery(root / "sys/class/power_supply", batteries),
        batteries=_some(batteries),
        energy=_some(read_energy(root / "sys/class/powercap")),
    )


def _some(found: Sequence[_Item] | None) -> tuple[_Item, ...] | None:
    return tuple(found) if found else None


def load_average(text: str) -> list[float] | None:
    """/proc/loadavg: over 1, 5 and 15 minutes."""
    found = [_float(word) for word in text.split()[:3]]
    return None if len(found) < 3 or None in found else [value for value in found if value is not None]


def cpuinfo_mhz(text: str, cpus: Collection[int]) -> list[float] | None:
    """/proc/cpuinfo: the frequency of each of these CPUs. ARM kernels give none."""
    found: dict[int, float] = {}
    number: int | None = None
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "processor":
            number = _int(value)
        elif name.strip() == "cpu MHz" and number is not None and (mhz := _float(value)) is not None:
            found[number] = mhz
    return [found[cpu] for cpu in sorted(cpus) if cpu in found] or None


def cpu_seconds(text: str, cpus: Collection[int], ticks_per_s: int) -> CpuTime | None:
    """/proc/stat: what these CPUs have done so far."""
    busy = steal = total = 0
    wanted = {f"cpu{number}" for number in cpus}
    for line in text.splitlines():
        name, *words = line.split()[:9] or [""]
        counts = [_int(word) for word in words]
        if name not in wanted or len(counts) < 8 or None in counts:
            continue
        # Guests' time is part of user and nice.
        user, nice, system, idle, iowait, irq, softirq, stolen = (count or 0 for count in counts)
        busy += user + nice + system + irq + softirq
        steal += stolen
        total += user + nice + system + idle + iowait + irq + softirq + stolen
    if not total:
        return None
    return CpuTime(busy=busy / ticks_per_s, steal=steal / ticks_per_s, total=total / ticks_per_s)


def process_seconds(text: str, ticks_per_s: int) -> float | None:
    """/proc/PID/stat: CPU time of all threads of a process, gone ones included, children's not."""
    # The second field is the program's name in brackets, which may hold anything.
    words = text.rpartition(")")[2].split()
    user, system = (_int(word) for word in words[11:13]) if len(words) > 12 else (None, None)
    return None if user is None or system is None else (user + system) / ticks_per_s


def stall_seconds(text: str) -> float | None:
    """/proc/pressure/memory: how long at least one task has waited for memory."""
    for line in text.splitlines():
        kind, *words = line.split() or [""]
        for word in words if kind == "some" else ():
            name, _, value = word.partition("=")
            if name == "total" and (total := _int(value)) is not None:
                return total / 1e6
    return None


def swapped_pages(text: str) -> int | None:
    """/proc/vmstat: pages in and out of swap."""
    counts = dict(line.split()[:2] for line in text.splitlines() if len(line.split()) >= 2)
    found = [_int(counts.get(name, "")) for name in ("pswpin", "pswpout")]
    return None if None in found else sum(filter(None, found))


def _frequencies(cpus: Iterable[Path]) -> list[float] | None:
    found = [_read_int(cpu / "cpufreq/scaling_cur_freq") for cpu in cpus]
    return [khz / 1000 for khz in found if khz] or None


def _throttle_count(cpus: Iterable[Path]) -> int | None:
    files = (cpu / "thermal_throttle" / f"{part}_throttle_count" for cpu in cpus for part in ("core", "package"))
    found = [count for file in files if (count := _read_int(file)) is not None]
    return sum(found) if found else None


def _zones(folder: Path) -> list[Temperature]:
    found = []
    for zone in _folders(folder, "thermal_zone*"):
        millidegrees = _read_int(zone / "temp")
        if millidegrees is None:
            continue
        trips = [_read_int(_sibling(kind, "_type", "_temp")) for kind in _kinds(zone)]
        limits = [trip / 1000 for trip in trips if trip is not None and trip > 0]
        name = _text(zone / "type").strip() or zone.name
        found.append(Temperature(name=name, celsius=millidegrees / 1000, limit_celsius=min(limits, default=None)))
    return found


def _kinds(zone: Path) -> list[Path]:
    return [file for file in _folders(zone, "trip_point_*_type") if _text(file).strip() in _SLOWS_DOWN]


def _sensors(folder: Path) -> list[Temperature]:
    found = []
    for chip in _folders(folder, "hwmon*"):
        name = _text(chip / "name").strip()
        for file in _folders(chip, "temp*_input") if name in _CPU_SENSORS else ():
            millidegrees, limit = _read_int(file), _read_int(_sibling(file, "_input", "_crit"))
            if millidegrees is not None:
                label = _text(_sibling(file, "_input", "_label")).strip() or file.name.removesuffix("_input")
                limit_celsius = limit / 1000 if limit and limit > 0 else None
                found.append(
                    Temperature(name=f"{name} {label}", celsius=millidegrees / 1000, limit_celsius=limit_celsius)
                )
    return found


def _batteries(folder: Path) -> list[Battery]:
    found = []
    for supply in _folders(folder, "*"):
        own = _text(supply / "scope").strip() != "Device"
        if own and _text(supply / "type").strip() == "Battery" and (status := _text(supply / "status").strip()):
            found.append(Battery(status=status, percent=_read_int(supply / "capacity")))
    return found


def _on_battery(folder: Path, batteries: Sequence[Battery]) -> bool | None:
    if batteries:
        return any(battery.status == "Discharging" for battery in batteries)
    plugged = [_read_int(supply / "online") for supply in _folders(folder, "*") if _text(supply / "type") == "Mains\n"]
    return False if 1 in plugged else None


def read_energy(folder: Path) -> list[Energy]:
    """RAPL's packages; their parts would count twice. Kernels let root alone read them."""
    found = []
    for zone in _folders(folder, "intel-rapl:*"):
        name, counter = _text(zone / "name").strip(), _read_int(zone / "energy_uj")
        if name.startswith("package") and counter is not None:
            wraps_at = _read_int(zone / "max_energy_range_uj")
            found.append(Energy(name=name, microjoules=counter, wraps_at=wraps_at))
    return found


def _folders(folder: Path, pattern: str) -> list[Path]:
    return sorted(folder.glob(pattern))


def _sibling(file: Path, ending: str, other: str) -> Path:
    return file.with_name(file.name.removesuffix(ending) + other)


def _text(path: Path) -> str:
    """Empty where there is none. Sensors that are asleep answer with an error."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _read_int(path: Path) -> int | None:
    return _int(_text(path))


def _int(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def _float(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
