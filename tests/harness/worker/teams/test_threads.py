"""Threads of this process, an instance each."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.serving.dispatch.guard import Guard
from harness.serving.instances import Instances
from harness.worker import timing
from harness.worker.teams.threads import Threads


@pytest.mark.parametrize("scenario", ["Offline", "Server"])
def test_every_sample_is_answered_once_by_as_many_instances_as_were_wanted(
    scenario: str, instances: Callable[..., Instances], completed: list[tuple[int, bytes]]
) -> None:
    opened = instances(("load.scenario", scenario))
    opened.samples.load([0])
    first = opened.sut(1)
    team = Threads(opened, first, threads=1, count=3, alone_ns=1000)
    assert (team.count, len({id(sut) for sut in team._suts}), team._suts[0]) == (3, 3, first)
    with team.dispatch(Guard(opened.control, print)) as dispatch:
        dispatch.load(range(16))
        for number in range(16):
            dispatch.issue([100 + number], [number])
    assert sorted(number for number, _ in completed) == list(range(100, 116))
    assert all(answer for _, answer in completed)
    team.dismiss()
    assert first.answer(0), "it is for others now"
    team.close()


def test_what_is_measured_is_the_rate_of_all_and_the_time_of_one(instances: Callable[..., Instances]) -> None:
    opened = instances(("load.scenario", "Offline"), ("backend.name", "null"))
    opened.samples.load([0])
    opened.samples.load(range(4))
    team = Threads(opened, opened.sut(1), threads=1, count=2, alone_ns=1000)
    speed = team.measure(range(4))
    assert speed.busy_ns == speed.answer_ns > 0
    assert speed.samples_per_second > 0
    with team.window(range(4)) as window:
        assert window(1, 1) > 0
    team.close()


def test_servers_slow_answers_are_each_heard_of_while_they_are_measured(
    instances: Callable[..., Instances], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "_SLOW_NS", 0)
    opened = instances(("load.scenario", "Server"), ("backend.name", "null"))
    opened.samples.load([0])
    opened.samples.load(range(4))
    team = Threads(opened, opened.sut(1), threads=1, count=2, alone_ns=1_000_000_000)
    heard, ticks = opened.control.heartbeat, []
    monkeypatch.setattr(opened.control, "tick", lambda: ticks.append(1))
    monkeypatch.setattr("harness.worker.pool_timing.throughput", lambda *_, **__: (1.0, 1_000_000_000))
    team.measure(range(4))
    # Four of each instance through the queue, and three to and fro.
    assert (len(ticks), opened.control.heartbeat) == (4 * 2 + 3, heard)
    team.close()
