"""What is asked of the workers of a run, whatever they are: LoadGen's own thread, threads, processes."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import ClassVar

from harness.config.workers import Workers
from harness.machine.memory import Owner
from harness.machine.placement import Placement
from harness.messages.cluster import ClusterRun
from harness.serving.dispatch.guard import Guard
from harness.serving.dispatch.query_times import QueryTimes
from harness.serving.dispatch.queue_times import QueueTimes
from harness.serving.instances import Instances
from harness.serving.loadgen import Issue
from harness.serving.sut import SystemUnderTest

_ROUND_TRIPS, _ROUND_TRIPS_NS = 100, 200_000_000
OFFLINE_CHUNK_NS = 2_000_000
"""Samples of Offline go to a worker together, as many as it answers in so long."""

Window = Callable[[int, int], int]
"""From how long to ask, in ns, and how many samples a worker at least: how long a sample occupies its worker, in ns."""


@dataclass(frozen=True, slots=True)
class Dispatch:
    """What LoadGen calls. `load` and `unload` are given samples' indices."""

    issue: Issue
    load: Callable[[Sequence[int]], None]
    unload: Callable[[Sequence[int]], None]


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast a pool answers, as far as can be told without LoadGen."""

    samples_per_second: float
    """Of all workers together."""
    busy_ns: int
    """How long a sample occupies its worker."""
    answer_ns: int
    """From a query to its completion where none waits."""


class Team(ABC):
    """Workers that are open, each with an instance of the model."""

    kind: ClassVar[Workers]
    """What the config and the result call them."""
    copies_samples: ClassVar[bool] = False
    """Samples lie in memory twice for a moment, while they are handed over."""

    def __init__(
        self,
        instances: Instances,
        first: SystemUnderTest,
        placement: Placement,
        count: int = 1,
        others: Sequence[SystemUnderTest] = (),
    ) -> None:
        """Takes what is open.

        Args:
            instances: What opened it.
            first: An instance in this process.
            placement: Where each worker works.
            count: How many work at once.
            others: The further instances in this process.
        """
        self.instances, self.first, self.placement, self.count = instances, first, placement, count
        self._others = others

    @abstractmethod
    def dispatch(
        self, guard: Guard, times: Sequence[QueueTimes] = (), kept: QueryTimes | None = None
    ) -> AbstractContextManager[Dispatch]:
        """Puts them to work for LoadGen.

        Args:
            guard: Hears of what goes wrong.
            times: One for each worker, in Server: where is written how long queries waited.
            kept: Of LoadGen's own thread, which alone takes it: where is written how long each query took.
        """

    @abstractmethod
    def rate(self, indices: Sequence[int]) -> float:
        """Measures their samples per second, on samples that are loaded."""

    @abstractmethod
    def window(self, indices: Sequence[int]) -> AbstractContextManager[Window]:
        """Lets them be measured again and again for a short while, on samples that are loaded."""

    @property
    def batch(self) -> int:
        """Samples of one invoke."""
        return self.first.batch

    @property
    def loadgen_cpus(self) -> tuple[int, ...]:
        """Where LoadGen's thread has to be while it asks; empty for wherever it is."""
        return ()

    def cluster_run(self) -> ClusterRun | None:
        """What is known of the cluster that answered; None where none did."""
        return None

    def warnings(self) -> list[str]:
        """What a reader of the result must know of who answered, a sentence each."""
        return []

    def owners(self, own_bytes: int) -> list[Owner]:
        """All processes that hold the model, this one first, which took `own_bytes` before it opened the model."""
        return [Owner(os.getpid(), own_bytes), *self._elsewhere()]

    def pids(self) -> list[int]:
        """The same, by their process ids."""
        return [os.getpid(), *(owner.pid for owner in self._elsewhere())]

    def devices(self) -> list[str]:
        """The devices that the instances run on, each once; those of them that tell."""
        told = [sut.backend.info().device.get("device") for sut in (self.first, *self._others)]
        return list(dict.fromkeys(filter(None, [*told, *self._devices_elsewhere()])))

    def dismiss(self) -> None:
        """Lets all instances go but the first, which others may use."""
        for sut in self._others:
            sut.close()

    def leave_nothing(self) -> None:  # noqa: B027 - most leave nothing
        """Where the run has failed: ends what would outlive this process, which closes nothing else."""

    def close(self) -> None:
        """Lets all instances go."""
        self.dismiss()
        self.first.close()

    def _elsewhere(self) -> Sequence[Owner]:
        """Processes beside this one."""
        return ()

    def _devices_elsewhere(self) -> Sequence[str | None]:
        return ()


class PoolTeam(Team):
    """Workers for Server and Offline."""

    def __init__(
        self,
        instances: Instances,
        first: SystemUnderTest,
        placement: Placement,
        count: int,
        alone_ns: int,
        others: Sequence[SystemUnderTest] = (),
    ) -> None:
        """As `Team`; `alone_ns` is what the first instance takes for one sample."""
        super().__init__(instances, first, placement, count, others)
        self.alone_ns = alone_ns

    @abstractmethod
    def measure(self, indices: Sequence[int]) -> Speed:
        """How fast they are, on samples that are loaded."""

    def whole_batches(self, most: int) -> int:
        """So many samples, or a few less, as whole batches; one batch at least."""
        return max(1, most // self.batch) * self.batch

    @property
    def serves(self) -> bool:
        """Whether queries come one by one, as Server's mostly do."""
        return self.instances.spec.load.scenario == "Server"

    @property
    def round_trips(self) -> int:
        """How often the way to a waiting worker and back is measured: so often that it takes 0.2 s together."""
        return max(3, min(_ROUND_TRIPS, _ROUND_TRIPS_NS // max(1, self.alone_ns)))
