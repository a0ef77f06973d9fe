"""Processes with an instance each, opened from what the worker tells them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.serving.dispatch.guard import Guard
from harness.serving.instances import Instances
from harness.spec.schema import write_spec
from harness.worker.teams.processes import Processes


def test_processes_get_the_samples_answer_each_once_and_end_with_the_team(
    instances: Callable[..., Instances],
    completed: list[tuple[int, bytes]],
    warm: None,
    eventually: Callable[..., None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # They read the task in the current directory, which is the run's.
    monkeypatch.chdir(tmp_path)
    opened = instances(("load.scenario", "Offline"))
    write_spec(opened.spec, tmp_path)
    opened.samples.load([0])
    team = Processes(opened, opened.sut(1), threads=1, count=2, alone_ns=1000)
    own, *others = team.owners(7)
    assert (own.pid, own.own_bytes) == (os.getpid(), 7)
    assert len({owner.pid for owner in others} - {os.getpid()}) == 2
    assert all(owner.own_bytes > 0 for owner in others)
    with team.dispatch(Guard(opened.control, print)) as dispatch:
        dispatch.load(range(16))
        assert not any(opened.samples.rows[:16]), "they lie in memory once"
        dispatch.issue(list(range(100, 116)), list(range(16)))
        eventually(lambda: len(completed) == 16, "all are answered")
        dispatch.unload(range(16))
    opened.samples.load(range(16))
    assert dict(completed) == {100 + index: opened.sut(1).answer(index) for index in range(16)}
    team.close()
    eventually(lambda: not any(Path(f"/proc/{owner.pid}").exists() for owner in others), "the processes are gone")
