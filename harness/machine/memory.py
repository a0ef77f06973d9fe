"""The memory of a run: measured from outside, by the parent, of the worker and the processes that answer for it.

The kernel's figures are read when the samples are loaded and when LoadGen has ended, never while a query is timed: to read
`smaps` holds up whatever the process wants of its address space. `VmHWM`, the high-water mark, is set back in between, so that
what the calibration opened and closed again is told apart.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from backends.litert.weight_cache import SHARED_WEIGHTS

_PROC = Path("/proc")
_RESET_PEAK = "5"
"""What `clear_refs` takes to set VmHWM back (proc(5))."""
_FIRST_OF_ADDRESS = frozenset("0123456789abcdef")
"""How the line of a mapping begins in `smaps`; what is said of it begins with a capital."""
SHARED_SAMPLES = "tflite-loadgen-samples"
"""The name of the memory in which samples are shared between processes."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A process of the run, as it tells of itself."""

    pid: int
    own_bytes: int
    """Its own memory before it opened the model: see `own_bytes`."""


@dataclass(frozen=True, slots=True)
class Residents:
    """What the worker tells of the run's processes at a moment when nothing is timed, so that the parent can measure them."""

    moment: Literal["loaded", "ended"]
    """`loaded`: the samples are in memory, LoadGen has not asked yet. `ended`: it asks no more."""
    owners: tuple[Owner, ...]
    """The worker first, then its peers."""
    model: str = ""
    """The file that was opened."""
    sample_folder: str = ""
    """Where the samples' files lie, which may be mapped."""
    weight_folder: str = ""
    """Where files of packed weights lie, or the one that was named."""
    sample_bytes: int = 0
    """Samples in the worker's own memory, those that are mapped apart."""


@dataclass(frozen=True, slots=True)
class MemoryParts:
    """Proportional sizes in bytes: of what several processes share, each has its part. None for what is not known."""

    model_bytes: int | None = None
    """Pages of the model's file that were mapped."""
    tensors_bytes: int | None = None
    """Tensors and packed weights: what the processes' own memory grew by since before the model was opened, samples apart."""
    samples_bytes: int | None = None
    """Prepared samples."""
    weight_cache_bytes: int | None = None
    """Packed weights that instances share."""
    loadgen_bytes: int | None = None
    """What was taken while LoadGen asked."""
    rest_bytes: int | None = None
    """Python, libraries, the task with its ground truth."""


@dataclass(frozen=True, slots=True)
class MemoryFigures:
    """For the result: see docs/measuring.md, "Memory". None stands for what is not known."""

    peak_rss_bytes: int | None
    """High-water marks of the processes over their whole lives, added up."""
    processes: int
    running_peak_rss_bytes: int | None
    """The same while LoadGen asked."""
    running_pss_bytes: int | None
    """The parts, added up."""
    parts: MemoryParts


def own_bytes() -> int:
    """This process's own memory: what is resident and no file's. 0 where the system does not say."""
    return sizes_of(_PROC / "self").get("RssAnon", 0)


def peak_rss_bytes(pids: Iterable[int]) -> int | None:
    """The high-water marks of processes' own memory, added up; None where the system does not say.

    Pages that they share (samples, the model's file) count in each. `ru_maxrss` would count a parent's from before the exec.
    """
    peaks = [sizes_of(_PROC / str(pid)).get("VmHWM") for pid in pids]
    return None if None in peaks else sum(filter(None, peaks)) or None


def resident_bytes(*, peak: bool = False) -> int | None:
    """What this process has in memory, or had at most since `reset_peak`; None where the system does not say."""
    return sizes_of(_PROC / "self").get("VmHWM" if peak else "VmRSS")


def reset_peak() -> None:
    """Sets this process's high-water mark back to what it has now, where the system lets it."""
    with contextlib.suppress(OSError):
        (_PROC / "self/clear_refs").write_text(_RESET_PEAK, encoding="ascii")


class MemoryMeter:
    """The parent's side: measures the run's processes when the worker holds still for it."""

    def __init__(self) -> None:
        self._peaks: dict[int, int] = {}
        """Of each process, over its whole life."""
        self._parts: dict[str, int] = {}
        self._rss: dict[int, int] = {}
        self._running: dict[int, int] = {}

    def measure(self, residents: Residents) -> None:
        """Reads what the kernel says of the run's processes; what cannot be read is left out."""
        for owner in residents.owners:
            status = sizes_of(_PROC / str(owner.pid))
            if "VmHWM" not in status:
                continue
            self._peaks[owner.pid] = max(status["VmHWM"], self._peaks.get(owner.pid, 0))
            if residents.moment == "ended":
                self._running[owner.pid] = status["VmHWM"]
                continue
            with contextlib.suppress(OSError):
                self._rss[owner.pid] = status["VmRSS"]
                (_PROC / str(owner.pid) / "clear_refs").write_text(_RESET_PEAK, encoding="ascii")
        if residents.moment == "loaded":
            self._parts = _parts(residents)

    def figures(self) -> MemoryFigures:
        """What is known so far."""
        known = self._running.keys() == self._rss.keys() == self._peaks.keys() and self._running
        parts, running, pss = MemoryParts(), None, None
        if known and self._parts:
            running = sum(self._running.values())
            grown = sum(max(0, self._running[pid] - self._rss[pid]) for pid in self._running)
            parts = MemoryParts(**self._parts, loadgen_bytes=grown)
            pss = sum(self._parts.values()) + grown
        return MemoryFigures(sum(self._peaks.values()) or None, len(self._peaks), running, pss, parts)


def _parts(residents: Residents) -> dict[str, int]:
    """Proportional sizes: of what several processes share, each has its part, and together they are the whole.

    Empty where a process cannot be read.
    """
    places = {
        "model_bytes": [residents.model],
        "samples_bytes": [residents.sample_folder, f"/memfd:{SHARED_SAMPLES}"],
        "weight_cache_bytes": [residents.weight_folder, f"/memfd:{SHARED_WEIGHTS}"],
    }
    found, whole, grown = dict.fromkeys(places, 0), 0, -residents.sample_bytes
    for owner in residents.owners:
        try:
            for path, size in _mappings(owner.pid):
                whole += size
                for name, prefixes in places.items():
                    found[name] += size if any(each and path.startswith(each) for each in prefixes) else 0
        except OSError:
            return {}
        grown += sizes_of(_PROC / str(owner.pid)).get("RssAnon", 0) - owner.own_bytes
    found["samples_bytes"] += residents.sample_bytes
    # More cannot be the tensors' than is left.
    found["tensors_bytes"] = max(0, min(grown, whole - sum(found.values())))
    return found | {"rest_bytes": max(0, whole - sum(found.values()))}


def _mappings(pid: int) -> Iterable[tuple[str, int]]:
    """(path, proportional size in bytes) of each mapping; the path is empty where there is none.

    Raises:
        OSError: The process is gone, or not ours.
    """
    path = ""
    with (_PROC / str(pid) / "smaps").open(encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("Pss:"):
                yield path, int(line.split()[1]) * 1024
            elif line[0] in _FIRST_OF_ADDRESS:
                # Addresses, permissions, offset, device, inode, and the path where there is one.
                words = line.split(maxsplit=5)
                path = words[5].rstrip() if len(words) > 5 else ""


def sizes_of(place: Path) -> dict[str, int]:
    """The sizes in the status of a process, whose folder in /proc this is, in bytes; empty where it cannot be read."""
    try:
        lines = (place / "status").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    return {line.partition(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.endswith(" kB")}
