"""The page of memory between the parent and the worker."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.machine import control
from harness.machine.control import MAX_SLOTS, Control, Phase, control_file


def test_what_one_side_writes_the_other_reads() -> None:
    with control_file() as page:
        parent, worker = Control(page.fileno()), Control(page.fileno())
        assert (parent.stop, parent.phase, parent.total, parent.done) == (0, Phase.STARTING, 0, 0)
        worker.enter(Phase.RUNNING, 100)
        for number in range(3):
            words, slot = worker.slot(number)
            words[slot] += 5 + number
        assert (parent.phase, parent.total, parent.done) == (Phase.RUNNING, 100, 18)
        parent.stop = 15
        assert worker.stop == 15
        worker.enter(Phase.WRITING)
        assert (parent.phase, parent.total, parent.done, parent.stop) == (Phase.WRITING, 0, 0, 15)


def test_more_workers_than_there_are_words_share_them() -> None:
    with control_file() as page:
        page_of_all = Control(page.fileno())
        for number in range(MAX_SLOTS + 10):
            words, slot = page_of_all.slot(number)
            words[slot] += 1
        assert page_of_all.done == MAX_SLOTS + 10


def test_the_page_takes_no_place_on_a_disk_that_may_be_full() -> None:
    with control_file() as page:
        assert Path(f"/proc/self/fd/{page.fileno()}").readlink().name.startswith("memfd:")


def test_phases_are_numbered_in_the_order_of_a_run() -> None:
    assert [phase.name for phase in sorted(Phase)] == (
        ["STARTING", "LOADING", "PROVING", "CALIBRATING", "WARMING_UP", "PREPARING", "RUNNING", "WRITING"]
    )
    assert [phase.value for phase in sorted(Phase)] == list(range(8))


def test_the_worker_holds_still_until_the_parent_has_measured_it() -> None:
    with control_file() as page:
        parent, worker = Control(page.fileno()), Control(page.fileno())
        asked: list[int] = []

        def ask() -> None:
            asked.append(parent.stop)
            parent.measured()

        worker.hold_still(ask)
        worker.hold_still(ask)
        assert asked == [0, 0]


def test_a_worker_whose_parent_never_measures_goes_on_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "_LONGEST_MEASURE_S", 0.001)
    with control_file() as page:
        Control(page.fileno()).hold_still(lambda: None)
