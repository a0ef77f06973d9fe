"""Who answers Server and Offline, by the names that a config gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from harness.serving.instances import Instances
from harness.serving.sut import SystemUnderTest
from harness.worker.teams.processes import Processes
from harness.worker.teams.team import PoolTeam
from harness.worker.teams.threads import Threads


class OpensPool(Protocol):
    """Opens a pool."""

    def __call__(
        self, instances: Instances, first: SystemUnderTest, threads: int, count: int, alone_ns: int
    ) -> PoolTeam:
        """Opens the instances.

        Args:
            instances: Opens them.
            first: One that is open in this process.
            threads: Of an instance.
            count: How many are to work at once.
            alone_ns: What the first takes for one sample.
        """


POOLS: Mapping[str, OpensPool] = {kind.kind.name: kind for kind in (Threads, Processes)}
"""For each of `harness.config.workers.POOLS`."""
