"""What machine this is, and what of it the process may really use."""

from __future__ import annotations

import math
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.json_records import LEFT_OUT

_CGROUP_ROOT = Path("/sys/fs/cgroup")


def allowed_cpus() -> Collection[int]:
    """The CPUs of this thread's affinity; all where the system has none."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)


def usable_cpus() -> int:
    """CPUs this process may really use: its affinity, cut by the quota of its control groups; at least 1."""
    allowed = len(allowed_cpus())
    quota = cgroup_cpu_quota()
    return max(1, min(allowed, math.floor(quota) if quota is not None else allowed))


def cgroup_cpu_quota(root: Path = _CGROUP_ROOT, membership: Path = Path("/proc/self/cgroup")) -> float | None:
    """CPUs' worth of time that the control groups allow (version 2 or 1), None without a limit.

    Limits hold for everything below them, so the smallest on the way up counts.
    """
    return min(_of_groups(root, membership, "cpu", _read_v2, _read_v1), default=None)


def cgroup_memory_room(root: Path = _CGROUP_ROOT, membership: Path = Path("/proc/self/cgroup")) -> int | None:
    """Bytes that the control groups still allow, their file cache not counted; None without a limit."""
    rooms = _of_groups(root, membership, "memory", _room_v2, _room_v1)
    return max(0, int(min(rooms))) if rooms else None


def _of_groups(root: Path, membership: Path, controller: str, read_v2: Any, read_v1: Any) -> list[float]:
    """What is read of each group that this process is in, all the way up."""
    try:
        lines = membership.read_text(encoding="ascii").splitlines()
    except OSError:
        return []
    found: list[float] = []
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not path:
            continue
        if controllers == "":
            found += _limits(root, path, read_v2)
        elif controller in controllers.split(","):
            found += _limits(root / controller, path, read_v1)
    return found


@dataclass(frozen=True, slots=True)
class System:
    """Enough to tell whether two runs may be compared. Null: not known."""

    machine: str
    """The processor's architecture."""
    platform: str
    """The operating system, with its version."""
    cpu: str | None
    """The CPU's model."""
    cpus: int | None
    """CPUs that the system has."""
    usable_cpus: int
    """CPUs that the process might use: its affinity, cut by the quota of its control groups."""
    governor: str | None
    """The first CPU's frequency governor."""
    load_average: tuple[float, ...] | None
    """The load over 1, 5 and 15 minutes."""
    memory_bytes: int | None
    """The machine's memory."""
    python: str
    """Its version."""
    versions: Mapping[str, str]
    """Those of the packages that answer and ask; `absent` for one that is not installed."""
    argv: tuple[str, ...]
    """The command."""
    host: str | None = None
    """The machine's own name."""
    board: str | None = field(default=None, metadata=LEFT_OUT)
    """What the firmware calls the machine, as `Raspberry Pi 5 Model B Rev 1.0`; not there where it has no device tree."""
    soc: str | None = field(default=None, metadata=LEFT_OUT)
    """Its chip, likewise, as `brcm,bcm2712`."""


def describe() -> System:
    """This machine, as it is now."""
    return System(
        machine=platform.machine(),
        platform=platform.platform(),
        cpu=_cpu_model(),
        cpus=os.cpu_count(),
        usable_cpus=usable_cpus(),
        governor=read_line(Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")),
        load_average=tuple(round(load, 2) for load in os.getloadavg()),
        memory_bytes=_memory("MemTotal"),
        python=platform.python_version(),
        versions=dict(_versions(["ai-edge-litert", "mlcommons-loadgen", "numpy", "pillow", "tokenizers"])),
        argv=tuple(sys.argv),
        host=platform.node() or None,
        board=_device_tree("model")[0],
        soc=_device_tree("compatible")[-1],
    )


def _device_tree(name: str, root: Path = Path("/proc/device-tree")) -> list[str | None]:
    """The texts of a property; one that is None where there are none."""
    try:
        texts = (root / name).read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return [None]
    return [text for text in texts if text] or [None]


def available_memory_bytes() -> int | None:
    """Memory that can be had without swapping and within the control groups' limits, None where the system does not say."""
    known = [room for room in (_memory("MemAvailable"), cgroup_memory_room()) if room is not None]
    return min(known, default=None)


def _limits(mount: Path, path: str, read: Any) -> Iterable[float]:
    place = mount / path.lstrip("/")
    while True:
        quota = read(place)
        if quota is not None:
            yield quota
        if place == mount or mount not in place.parents:
            return
        place = place.parent


def _read_v2(place: Path) -> float | None:
    line = read_line(place / "cpu.max")
    quota, _, period = (line or "").partition(" ")
    return _cpus(quota, period)


def _read_v1(place: Path) -> float | None:
    return _cpus(read_line(place / "cpu.cfs_quota_us"), read_line(place / "cpu.cfs_period_us"))


def _cpus(quota: str | None, period: str | None) -> float | None:
    """`max` and -1 stand for no limit; so does whatever is no number."""
    if not (quota and period and quota.isdecimal() and period.isdecimal() and int(quota) and int(period)):
        return None
    return int(quota) / int(period)


def _room_v2(place: Path) -> int | None:
    return _room(place / "memory.max", place / "memory.current", place / "memory.stat", "inactive_file")


def _room_v1(place: Path) -> int | None:
    return _room(
        place / "memory.limit_in_bytes", place / "memory.usage_in_bytes", place / "memory.stat", "total_inactive_file"
    )


def _room(limit: Path, usage: Path, stat: Path, cache: str) -> int | None:
    """What is left below the limit; files that lie in the cache unused give way."""
    most, used = read_line(limit), read_line(usage)
    if not (most and used and most.isdecimal() and used.isdecimal()):
        return None
    unused = next(
        (line.split()[1] for line in (read_line(stat) or "").splitlines() if line.startswith(f"{cache} ")), "0"
    )
    return int(most) - int(used) + int(unused)


def _cpu_model() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or None
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, None) or _cpu_by_lscpu()


def _cpu_by_lscpu() -> str | None:
    """ARM's kernels tell numbers alone, of each core; util-linux knows their names."""
    if shutil.which("lscpu") is None:
        return None
    done = subprocess.run(
        ["lscpu"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": "C"},
        check=False,
    )
    names = [
        line.partition(":")[2].strip() for line in done.stdout.splitlines() if line.lstrip().startswith("Model name")
    ]
    return ", ".join(dict.fromkeys(names)) or None


def _memory(field: str) -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:")), None)


def read_line(path: Path) -> str | None:
    """A file of the kernel's without the white space around it; None where it cannot be read."""
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None


def _versions(packages: Iterable[str]) -> Iterable[tuple[str, str]]:
    from importlib import metadata

    for package in packages:
        try:
            yield package, metadata.version(package)
        except metadata.PackageNotFoundError:
            yield package, "absent"


_INTEGER_EXTENSIONS = ("avx512_vnni", "avx_vnni", "avx_vnni_int8", "amx_int8", "asimddp", "i8mm")
"""As the kernel names them on x86 and ARM."""


def integer_extensions(cpuinfo: Path = Path("/proc/cpuinfo")) -> tuple[str, ...]:
    """Instructions of the CPU that add up products of bytes, by which int8 models are quick; none where nobody tells."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ()
    flags = next(
        (line.partition(":")[2].split() for line in lines if line.split(":")[0].strip() in ("flags", "Features")), []
    )
    return tuple(name for name in _INTEGER_EXTENSIONS if name in flags)
