"""LoadGen's own thread, which answers one query after the other."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.serving.dispatch.guard import Guard
from harness.serving.instances import Instances
from harness.worker.teams.inline import Inline


@pytest.mark.parametrize(("scenario", "ids"), [("SingleStream", [4]), ("MultiStream", [4, 5, 6, 7, 8, 9, 10, 11])])
def test_a_query_is_answered_before_issue_returns(
    scenario: str, ids: list[int], instances: Callable[..., Instances], completed: list[tuple[int, bytes]]
) -> None:
    opened = instances(("load.scenario", scenario), ("backend.threads", 1))
    opened.samples.load([0])
    team = Inline(opened, opened.sut(1), opened.place(1, 1))
    with team.dispatch(Guard(opened.control, print)) as dispatch:
        dispatch.load(range(8))
        dispatch.issue(ids, list(range(len(ids))))
        assert [number for number, _ in completed] == ids
        assert all(answer for _, answer in completed)
        dispatch.unload(range(8))
    assert team.loadgen_cpus == team.placement.of(0)
    team.close()
