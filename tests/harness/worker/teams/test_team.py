"""Who answers, by name: a class for every name that a config may give."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from harness.config import workers
from harness.machine.memory import Owner
from harness.machine.placement import Placement
from harness.worker.teams.pools import POOLS
from harness.worker.teams.team import Dispatch, Team, Window

NOBODY: Any = SimpleNamespace()
"""Opens instances; is not asked to."""


def instance(device: str | None) -> Any:
    """An instance on a device."""
    found = SimpleNamespace(batch=4, closed=0)
    found.backend = SimpleNamespace(info=lambda: SimpleNamespace(device={"device": device} if device else {}))

    def close() -> None:
        found.closed += 1

    found.close = close
    return found


class Cluster(Team):
    """Another way to answer, with a process beside this one."""

    kind = workers.INLINE

    @contextmanager
    def dispatch(self, guard: Any, times: Sequence[Any] = (), kept: Any = None) -> Iterator[Dispatch]:
        raise NotImplementedError
        yield

    def rate(self, indices: Sequence[int]) -> float:
        raise NotImplementedError

    @contextmanager
    def window(self, indices: Sequence[int]) -> Iterator[Window]:
        raise NotImplementedError
        yield

    def _elsewhere(self) -> Sequence[Owner]:
        return [Owner(7, 100)]


def test_every_pool_that_a_config_may_name_has_a_class_of_that_name() -> None:
    assert list(POOLS) == list(workers.POOLS)


def test_a_team_tells_its_processes_and_each_device_once() -> None:
    team = Cluster(NOBODY, instance("A"), placement=Placement(), count=3, others=[instance("A"), instance(None)])
    assert team.owners(50) == [Owner(os.getpid(), 50), Owner(7, 100)]
    assert team.pids() == [os.getpid(), 7]
    assert team.devices() == ["A"]
    assert (team.count, team.batch, team.loadgen_cpus) == (3, 4, ())


def test_a_team_that_is_dismissed_leaves_its_first_instance_to_others() -> None:
    first, other = instance(None), instance(None)
    team = Cluster(NOBODY, first, placement=Placement(), count=2, others=[other])
    team.dismiss()
    assert (first.closed, other.closed) == (0, 1)
    team.close()
    assert first.closed == 1
