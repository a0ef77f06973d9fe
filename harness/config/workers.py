"""Who can answer queries, as far as those must know who answer none: what they are called, and when they are tried unasked.

What each of them does stands in `harness.worker.teams`, which opens models and speaks to LoadGen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

PoolName = Literal["threads", "processes"]
"""Whom a config may ask for (`backend.workers`) to answer Server and Offline."""

QUICK_NS = 200_000
"""A sample that takes less is quick: calls and the GIL count beside it. Above, threads meet at the GIL so rarely that a process
of its own gains nothing."""


@dataclass(frozen=True, slots=True)
class Workers:
    """One kind of them."""

    name: Literal["inline", "ray", PoolName]
    """As a config and a result say it."""
    label: str = ""
    """What a report calls them behind their number (`4 processes x 1 thread`); empty where that goes without saying."""
    label_of_one: str = ""
    """Likewise of a single one."""
    backends: frozenset[str] | None = None
    """Backends that they open unasked; None for all of them."""
    below_ns: int | None = None
    """They are tried unasked only where a sample takes less; None for any."""

    def opens_unasked(self, backend: str) -> bool:
        """Whether this backend may be opened so though nobody asked for it."""
        return self.backends is None or backend in self.backends

    def why_not_unasked(self, backend: str, sample_ns: int) -> str:
        """Why they are not tried unasked where a sample takes so long; empty where they are."""
        if not self.opens_unasked(backend):
            return f"backend {backend}"
        if self.below_ns is not None and sample_ns >= self.below_ns:
            return f"a sample takes more than {self.below_ns // 1000} us"
        return ""


INLINE = Workers("inline")
"""LoadGen's own thread: SingleStream and MultiStream, with one query in flight."""
THREADS = Workers("threads")
"""Threads of the worker, an instance each."""
PROCESSES = Workers("processes", "processes", "process", frozenset({"cpu", "null"}), QUICK_NS)
"""Processes with an instance each. Unasked only for these backends: a device has one owner, and a plug-in its own mind."""

RAY = Workers("ray", "Ray actors", "Ray actor")
"""Actors on the nodes of a Ray cluster, an instance each: only where `dispatch.use` asks for it."""

POOLS: Mapping[str, Workers] = {pool.name: pool for pool in (THREADS, PROCESSES)}
"""Who answers Server and Offline: whoever comes first, unless a later one is clearly quicker."""
WORKERS: Mapping[str, Workers] = {INLINE.name: INLINE, **POOLS, RAY.name: RAY}
