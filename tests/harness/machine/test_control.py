"""The page of memory between the parent and the worker."""

from __future__ import annotations

from pathlib import Path

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
        control = Control(page.fileno())
        for number in range(MAX_SLOTS + 10):
            words, slot = control.slot(number)
            words[slot] += 1
        assert control.done == MAX_SLOTS + 10


def test_the_page_takes_no_place_on_a_disk_that_may_be_full() -> None:
    with control_file() as page:
        assert Path(f"/proc/self/fd/{page.fileno()}").readlink().name.startswith("memfd:")
