"""The machine's cores as the system files tell them: which CPUs share one, which are quick and which are slow.

Everything is read below a root, so that a tree of files stands for a machine. Where the system tells nothing, as in some
containers, each CPU counts as a core, and `known` is False.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.machine.facts import allowed_cpus, cgroup_cpu_quota, read_line

_CPUS = "sys/devices/system/cpu"
_SAME_KIND = 0.75
"""Cores that are nearly as quick as the quickest of a kind belong to it: a favoured core has a higher clock than its like, a
big one 90 % of the prime one's capacity, a little one less than half."""


@dataclass(frozen=True, slots=True)
class Core:
    """A physical core."""

    cpus: tuple[int, ...]
    """Those of its hardware threads that may be used."""
    kind: str = ""
    """As the kernel names it where it does: `intel_core`, `intel_atom`."""
    speed: float = 0.0
    """Capacity or highest clock, comparable within a machine; 0 where nobody knows."""


@dataclass(frozen=True, slots=True)
class Topology:
    """Cores that this process may use."""

    kinds: tuple[tuple[Core, ...], ...]
    """The quickest kind first."""
    known: bool
    """Whether the system tells which CPUs share a core."""
    quota: float | None = None
    """CPUs' worth of time that the control groups allow; None without a limit."""

    @property
    def cores(self) -> tuple[Core, ...]:
        """All of them, the quickest kind first."""
        return tuple(core for kind in self.kinds for core in kind)

    @property
    def cpus(self) -> frozenset[int]:
        """All CPUs."""
        return frozenset(cpu for core in self.cores for cpu in core.cpus)

    @property
    def counts(self) -> tuple[int, ...]:
        """Cores of each kind that may work all the time: a quota is spent on the quickest ones, and leaves one at least."""
        left = max(1, math.floor(self.quota)) if self.quota is not None else len(self.cores)
        counts = []
        for kind in self.kinds:
            counts.append(min(len(kind), left))
            left -= counts[-1]
        return tuple(count for count in counts if count)

    def facts(self) -> TopologyFacts:
        """For people and JSON."""
        kinds = (
            KindOfCore(
                kind[0].kind or None,
                max(core.speed for core in kind) or None,
                tuple(core.cpus for core in kind),
            )
            for kind in self.kinds
        )
        return TopologyFacts(self.known, len(self.cores), len(self.cpus), tuple(kinds), self.quota)


@dataclass(frozen=True, slots=True)
class KindOfCore:
    """Cores that are alike."""

    name: str | None
    """As the kernel has it; None where it has none."""
    speed: float | None
    """Of the quickest, comparable within a machine; None where nobody knows."""
    cores: tuple[tuple[int, ...], ...]
    """The CPUs of each."""


@dataclass(frozen=True, slots=True)
class TopologyFacts:
    """A topology as it is told."""

    known: bool
    """Whether the system tells which CPUs share a core."""
    cores: int
    cpus: int
    kinds: tuple[KindOfCore, ...]
    """The quickest first."""
    quota: float | None
    """CPUs' worth of time; None without a limit."""


def this_machine() -> Topology:
    """What this thread may use of the machine."""
    return read_topology(Path("/"), allowed_cpus(), cgroup_cpu_quota())


def read_topology(root: Path, mask: Iterable[int], quota: float | None = None) -> Topology:
    """Reads the system's files.

    Args:
        root: What stands for `/`.
        mask: CPUs that the process may use.
        quota: CPUs' worth of time that it may use.
    """
    folder = root / _CPUS
    online = _cpu_list(read_line(folder / "online"))
    usable = sorted(set(mask) & set(online)) or sorted(mask)
    shared = {cpu: _siblings(folder / f"cpu{cpu}", cpu, usable) for cpu in usable}
    known = all(siblings is not None for siblings in shared.values())
    kinds = _named_kinds(root)
    speeds = _speeds(folder, usable)
    cores: dict[tuple[int, ...], Core] = {}
    for cpu in usable:
        cpus = shared[cpu] if known else None
        of_core = cpus or (cpu,)
        cores.setdefault(of_core, Core(of_core, kinds.get(cpu, ""), speeds.get(cpu, 0.0)))
    return Topology(_in_kinds(list(cores.values())), known, quota)


def _siblings(folder: Path, cpu: int, usable: Sequence[int]) -> tuple[int, ...] | None:
    """The usable CPUs of this one's core, itself among them; None where the system does not say."""
    for name in ("core_cpus_list", "thread_siblings_list"):
        siblings = _cpu_list(read_line(folder / "topology" / name))
        if cpu in siblings:
            return tuple(one for one in usable if one in siblings)
    place = _place(folder)
    if place is None:
        return None
    return tuple(one for one in usable if one == cpu or _place(folder.with_name(f"cpu{one}")) == place)


def _place(folder: Path) -> tuple[str, ...] | None:
    """Package, die and core by their numbers; a core's number is its own within its die only."""
    package, die, core = (
        read_line(folder / "topology" / name) for name in ("physical_package_id", "die_id", "core_id")
    )
    return (package or "", die or "", core) if core is not None and core.isdecimal() else None


def _named_kinds(root: Path) -> dict[int, str]:
    """Each CPU's kind on a hybrid machine."""
    places = {f"intel_{name}": root / "sys/devices" / f"cpu_{name}/cpus" for name in ("core", "atom", "lowpower")}
    places |= {folder.parent.name: folder for folder in sorted((root / _CPUS / "types").glob("*/cpulist"))}
    return {cpu: name for name, place in places.items() for cpu in _cpu_list(read_line(place))}


def _speeds(folder: Path, usable: Sequence[int]) -> dict[int, float]:
    """By capacity where the kernel knows it of all, else by the highest clock."""
    for name in ("cpu_capacity", "cpufreq/cpuinfo_max_freq"):
        found = {cpu: _number(read_line(folder / f"cpu{cpu}" / name)) for cpu in usable}
        if all(found.values()):
            return found
    return {}


def _in_kinds(cores: Sequence[Core]) -> tuple[tuple[Core, ...], ...]:
    """Sorted apart: by the kernel's names, and within one by how quick they are."""
    named: dict[str, list[Core]] = {}
    for core in cores:
        named.setdefault(core.kind, []).append(core)
    kinds: list[list[Core]] = []
    for alike in named.values():
        quickest = 0.0
        for number, core in enumerate(sorted(alike, key=lambda core: -core.speed)):
            if number == 0 or core.speed < _SAME_KIND * quickest:
                kinds.append([])
                quickest = core.speed
            kinds[-1].append(core)
    kinds.sort(key=lambda kind: (-kind[0].speed, kind[0].kind != "intel_core"))
    return tuple(tuple(sorted(kind, key=lambda core: core.cpus)) for kind in kinds)


def _cpu_list(text: str | None) -> list[int]:
    """The kernel's form: `0-3,8,10-11`; nothing where it is none."""
    found: list[int] = []
    for piece in (text or "").split(","):
        first, dash, last = piece.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            return []
        found += range(int(first), int(last or first) + 1)
    return found


def _number(text: str | None) -> float:
    return float(text) if text is not None and text.isdecimal() else 0.0
