"""Which CPUs each instance of the model works on, and what is left for the threads around it.

The runtime makes an instance's threads when the model is opened and when it is first asked, and a thread inherits its CPUs
from the one that makes it. So whoever opens, asks or answers does it `on` the instance's CPUs.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.machine.topology import Core, Topology

Wanted = Literal["auto", "none", "cores"]


@dataclass(frozen=True, slots=True)
class Placement:
    """A plan. Empty tuples stand for wherever the system puts a thread."""

    instances: tuple[tuple[int, ...], ...] = ()
    """The CPUs of each instance; empty as a whole where nothing is pinned."""
    harness: tuple[int, ...] = ()
    """The CPUs of LoadGen's and our own threads."""
    why: str = ""

    def of(self, number: int) -> tuple[int, ...]:
        """The CPUs of an instance."""
        return self.instances[number] if self.instances else ()


def most_instances(counts: Sequence[int], threads: int) -> int:
    """Instances of so many threads that have cores of their own, all of one kind; one at least.

    Args:
        counts: Cores of each kind.
        threads: Of an instance.
    """
    return max(1, sum(count // threads for count in counts))


def thread_counts(most: int) -> list[int]:
    """Numbers of threads to try: the powers of two, and the most there can be."""
    counts = [2**power for power in range(most.bit_length())]
    return counts if counts[-1] == most else [*counts, most]


def most_threads(counts: Sequence[int], instances: int) -> int:
    """Threads with which so many instances still have cores of their own, all of one kind; one at least."""
    fitting = (threads for threads in range(max(counts), 1, -1) if most_instances(counts, threads) >= instances)
    return next(fitting, 1)


def place(topology: Topology, wanted: Wanted, *, threads: int, instances: int, apart: bool = False) -> Placement:
    """Gives each instance cores of its own, the quickest first, and what is left to the harness.

    Args:
        topology: The machine's.
        wanted: `cores` pins wherever the cores are known, `auto` where it is known to help: see `_why_not`.
        threads: Of each instance.
        instances: How many there are.
        apart: Each works in a process of its own, away from the harness's threads.
    """
    fill = threads * instances == len(topology.cores)
    why_not = _why_not(topology, wanted, gain=apart and fill)
    if why_not:
        return Placement(why=why_not)
    free = [list(kind) for kind in topology.kinds]
    given: list[tuple[int, ...]] = []
    for _ in range(instances):
        kind = next((cores for cores in free if len(cores) >= threads), None)
        if kind is None:
            return Placement(why=f"{instances} x {threads} threads do not fit {_cores(topology)}")
        # A lone one may have all of its kind, so that the system can move it away from other work.
        count = len(kind) if wanted == "auto" and instances == 1 else threads
        # From the end: the first CPU serves most of the system's interrupts.
        given.append(_cpus([kind.pop() for _ in range(count)]))
    left = _cpus([core for cores in free for core in cores])
    return Placement(tuple(given), left, f"{instances} x {threads} threads on {_cores(topology)}")


def _why_not(topology: Topology, wanted: Wanted, *, gain: bool) -> str:
    """Why nothing is pinned; nothing where it is.

    On cores that are alike, processes which fill them gain by it: else the threads that feed them, awake every few
    microseconds, push them about. Threads and streams gain nothing (`benchmarks.placement`) and could not make way for others.
    """
    if wanted == "none":
        return "config"
    if not topology.known:
        return "the system does not tell which CPUs share a core"
    if wanted == "cores":
        return ""
    if topology.quota is not None:
        return "a quota is left to the system, which knows what else runs here"
    return "" if gain or len(topology.kinds) > 1 else "the cores are alike"


def may_pin() -> bool:
    """Whether a thread may choose its CPUs: not every system lets it, and a sandbox may forbid it."""
    try:
        os.sched_setaffinity(0, os.sched_getaffinity(0))
    except (AttributeError, OSError):
        return False
    return True


def pin(cpus: Sequence[int]) -> None:
    """Binds this thread, and those that it makes from now on; does nothing for no CPUs."""
    if cpus:
        os.sched_setaffinity(0, cpus)


@contextlib.contextmanager
def on(cpus: Sequence[int]) -> Iterator[None]:
    """Binds this thread for a while."""
    if not cpus:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _cpus(cores: Sequence[Core]) -> tuple[int, ...]:
    return tuple(sorted(cpu for core in cores for cpu in core.cpus))


def _cores(topology: Topology) -> str:
    return " and ".join(
        f"{len(kind)} cores" + (f" ({kind[0].kind})" if kind[0].kind else "") for kind in topology.kinds
    )
