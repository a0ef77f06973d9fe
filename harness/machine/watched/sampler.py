"""What happens to a process and its machine while it works, sampled by another process a few times a second.

Whoever samples runs elsewhere and touches nothing of the process but files of /proc, opened before: a sample is some dozen
short reads. What cannot be read is `UNKNOWN`, never guessed.
"""

from __future__ import annotations

import contextlib
import os
import time
from array import array
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final

COLUMNS: Final = (
    "at_ns",
    "waited_ns",
    "preempted",
    "migrations",
    "minor_faults",
    "major_faults",
    "steal_ms",
    "others_ms",
    "khz",
    "millicelsius",
    "throttled",
)
"""Of a sample. All but `at_ns` (the monotonic clock), `khz` (the slowest CPU that the process may use) and `millicelsius` (the
hottest sensor of the CPU) are counts that only grow."""
UNKNOWN = -1
MOST_SAMPLES = 60_000
"""5 MB. Those after them are not taken."""
_QUICK_S, _SLOW_S = 0.1, 0.5
_COST = 0.005
"""Of one CPU: a machine whose files are slow to read is sampled more rarely."""
_MOST_THREADS, _MOST_SENSORS = 16, 8
_AT_WORK = 0.1
"""Of the busiest thread's CPU time: a thread with more takes part in the work."""
_TEMPERATURES_EVERY_S = 1.0
"""A sensor may take milliseconds to answer."""
_CPU_SENSORS = ("coretemp", "k10temp", "zenpower", "cpu_thermal")


class Sampler:
    """Samples one process. Its threads are those that it has now."""

    def __init__(self, pid: int, cpus: Collection[int], root: Path = Path("/")) -> None:
        """Opens what is read.

        Args:
            pid: The process.
            cpus: Those that it may use.
            root: Where `proc` and `sys` lie.
        """
        self._files = contextlib.ExitStack()
        proc, sys = root / "proc", root / "sys"
        self._stat, self._own = self._opened(proc / "stat"), self._opened(proc / str(pid) / "stat")
        self._cpus = tuple(f"cpu{cpu} ".encode() for cpu in sorted(cpus))
        self._tick_ms = 1000 // os.sysconf("SC_CLK_TCK")
        threads = _busiest(proc / str(pid) / "task")
        busiest = max((spent for spent, _ in threads), default=0)
        self.workers = sum(spent >= _AT_WORK * busiest for spent, _ in threads)
        """Threads that take part in the work."""
        self._waits = self._all(thread / "schedstat" for _, thread in threads)
        self._schedules = self._all(thread / "sched" for _, thread in threads)
        cpu_folders = [sys / f"devices/system/cpu/cpu{cpu}" for cpu in sorted(cpus)][:_MOST_THREADS]
        self._clocks = self._all(folder / "cpufreq/scaling_cur_freq" for folder in cpu_folders)
        self._throttles = self._all(folder / "thermal_throttle/core_throttle_count" for folder in cpu_folders)
        self._sensors = self._all(_sensors(sys / "class"))
        self._celsius, self._celsius_at = UNKNOWN, 0.0
        self._least_s = _QUICK_S if self.workers < len(cpus) else _SLOW_S
        self._cost_s = float("inf")
        self.every_s = self._least_s
        """How long to wait before the next sample. Where the process has work for all CPUs, a sample takes one from it."""
        self.samples = array("q")
        """`COLUMNS` of each."""

    def sample(self) -> None:
        """One more."""
        if len(self.samples) >= MOST_SAMPLES * len(COLUMNS):
            return
        began = time.monotonic_ns()
        own = _read(self._own).rpartition(b")")[2].split()
        minor, major, own_ms = UNKNOWN, UNKNOWN, UNKNOWN
        if len(own) > 12:
            minor, major, own_ms = int(own[7]), int(own[9]), (int(own[11]) + int(own[12])) * self._tick_ms
        busy_ms, steal_ms = self._cpu_ms()
        preempted, migrations = self._switches()
        others_ms = UNKNOWN if UNKNOWN in (busy_ms, own_ms) else max(0, busy_ms - own_ms)
        self.samples.extend(
            (
                began,
                _total(_read(file).split()[1:2] for file in self._waits),
                preempted,
                migrations,
                minor,
                major,
                steal_ms,
                others_ms,
                _extreme(self._clocks, slowest=True),
                self._temperature(began / 1e9),
                _total(_read(file).split()[:1] for file in self._throttles),
            )
        )
        # The quickest tells what a sample costs: another may have been kept from its CPU.
        self._cost_s = min(self._cost_s, (time.monotonic_ns() - began) / 1e9)
        self.every_s = max(self._least_s, self._cost_s / _COST)

    def close(self) -> None:
        """The samples stay."""
        self._files.close()

    def _cpu_ms(self) -> tuple[int, int]:
        """Worked, and given to other machines by a hypervisor: all CPUs of the process together."""
        busy = steal = 0
        found = False
        for line in _read(self._stat).splitlines():
            if line.startswith(self._cpus) and len(words := line.split()) > 8:
                user, nice, system, _idle, _wait, irq, softirq, stolen = map(int, words[1:9])
                busy += user + nice + system + irq + softirq
                steal += stolen
                found = True
        return (busy * self._tick_ms, steal * self._tick_ms) if found else (UNKNOWN, UNKNOWN)

    def _switches(self) -> tuple[int, int]:
        """How often a thread had to leave its CPU to another, and came to another CPU."""
        found = {b"nr_involuntary_switches": UNKNOWN, b"se.nr_migrations": UNKNOWN}
        for file in self._schedules:
            for line in _read(file).splitlines():
                name, _, value = line.partition(b":")
                if (name := name.strip()) in found:
                    found[name] = max(0, found[name]) + int(value)
        return found[b"nr_involuntary_switches"], found[b"se.nr_migrations"]

    def _temperature(self, now_s: float) -> int:
        if self._sensors and now_s - self._celsius_at >= _TEMPERATURES_EVERY_S:
            self._celsius, self._celsius_at = _extreme(self._sensors, slowest=False), now_s
        return self._celsius

    def _all(self, paths: Iterable[Path]) -> tuple[int, ...]:
        return tuple(file for path in paths if (file := self._opened(path)) != UNKNOWN)

    def _opened(self, path: Path) -> int:
        try:
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return UNKNOWN
        self._files.callback(os.close, file)
        return file


def _busiest(tasks: Path) -> list[tuple[int, Path]]:
    """(CPU time in ns, its folder) of the threads that have worked most."""
    try:
        threads = list(tasks.iterdir())
    except OSError:
        return []
    found = []
    for thread in threads:
        with contextlib.suppress(OSError, ValueError, IndexError):
            found.append((int((thread / "schedstat").read_bytes().split()[0]), thread))
    return sorted(found, reverse=True)[:_MOST_THREADS]


def _sensors(folder: Path) -> list[Path]:
    zones = [zone / "temp" for zone in sorted(folder.glob("thermal/thermal_zone*"))]
    for chip in sorted(folder.glob("hwmon/hwmon*")):
        with contextlib.suppress(OSError):
            if (chip / "name").read_text(encoding="utf-8", errors="replace").strip() in _CPU_SENSORS:
                zones += sorted(chip.glob("temp*_input"))
    return zones[:_MOST_SENSORS]


def _read(file: int) -> bytes:
    """Empty where it cannot be read any more: the thread has ended, the sensor is asleep."""
    if file == UNKNOWN:
        return b""
    try:
        return os.pread(file, 1 << 16, 0)
    except OSError:
        return b""


def _total(found: Iterable[list[bytes]]) -> int:
    numbers = [int(each[0]) for each in found if each and each[0].isdigit()]
    return sum(numbers) if numbers else UNKNOWN


def _extreme(files: Iterable[int], *, slowest: bool) -> int:
    numbers = [int(text) for file in files if (text := _read(file).strip()).isdigit()]
    return (min if slowest else max)(numbers, default=UNKNOWN)
