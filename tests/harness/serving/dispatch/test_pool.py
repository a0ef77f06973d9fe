"""Threads that answer Server and Offline, without LoadGen: each query is completed once, whatever happens to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import cast

import pytest

from harness.machine.control import Control
from harness.serving.dispatch import guard as guard_module
from harness.serving.dispatch.guard import Guard
from harness.serving.dispatch.pool import Pool
from harness.serving.dispatch.queue_times import QueueTimes
from harness.serving.responder import Responder
from harness.serving.sut import SystemUnderTest

Completed = list[tuple[int, bytes]]


class Sut:
    """Answers a sample's index; notes what it is asked together; breaks at `breaks_at`. It keeps nothing."""

    renew: Callable[[], None] | None = None

    def __init__(self, batch: int = 1, breaks_at: int = -1) -> None:
        self.batch, self.breaks_at = batch, breaks_at
        self.asked: list[list[int]] = []

    def answer_all(self, indices: Sequence[int]) -> list[bytes]:
        self.asked.append(list(indices))
        if self.breaks_at in indices:
            raise RuntimeError("broken")
        return [bytes([index]) for index in indices]


def pool_of(suts: Sequence[object], guard: Guard, control: Control, chunk: int, times: int = 0) -> Pool:
    kept = [QueueTimes(100) for _ in range(times)]
    return Pool(cast("Sequence[SystemUnderTest]", suts), guard, control, chunk=chunk, times=kept)


def test_offline_s_one_query_is_cut_into_chunks_of_which_each_sample_is_answered_once(
    control: Control, completed: Completed
) -> None:
    suts = [Sut(), Sut()]
    pool = pool_of(suts, Guard(control, print), control, chunk=4)
    pool.issue(list(range(100, 210)), list(range(110)))
    pool.close()
    assert sorted(completed) == [(100 + number, bytes([number])) for number in range(110)]
    assert sorted(index for sut in suts for chunk in sut.asked for index in chunk) == list(range(110))
    assert {len(chunk) for sut in suts for chunk in sut.asked} == {4, 2}
    assert control.done == 110


def test_server_s_queries_are_answered_one_by_one_and_their_times_kept(control: Control, completed: Completed) -> None:
    sut, times = Sut(), QueueTimes(100)
    pool = Pool([cast("SystemUnderTest", sut)], Guard(control, print), control, chunk=1, times=[times])
    for number in range(5):
        pool.issue([number], [number])
    pool.close()
    assert completed == [(number, bytes([number])) for number in range(5)]
    waiting, working = times.kept()
    assert len(waiting) == len(working) == 5
    assert min(*waiting, *working) >= 0


def test_a_chunk_that_fails_is_let_go_with_all_after_it_and_the_threads_end(
    control: Control, completed: Completed
) -> None:
    heard: list[BaseException] = []
    sut = Sut(breaks_at=5)
    pool = pool_of([sut], Guard(control, heard.append), control, chunk=2)
    pool.issue(list(range(10)), list(range(10)))
    pool.close()
    answered = [(number, bytes([number])) for number in range(4)]
    assert completed == answered + [(number, b"") for number in range(4, 10)]
    assert sut.asked == [[0, 1], [2, 3], [4, 5]]
    assert [str(error) for error in heard] == ["broken"]


def test_server_s_threads_take_queries_together_that_wait_already(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[tuple[list[int], list[bytes]]] = []
    monkeypatch.setattr(Responder, "complete", lambda _, ids, answers: taken.append((list(ids), list(answers))))
    times = QueueTimes(100)
    pool = Pool([], Guard(control, print), control, chunk=4, times=[times])
    for number in range(11):
        pool.issue([100 + number], [number])
    pool._queue.put(None)
    pool._work(0, cast("SystemUnderTest", Sut(batch=4)), times)
    assert [len(ids) for ids, _ in taken] == [4, 4, 3]
    assert [one for ids, _ in taken for one in ids] == list(range(100, 111))
    assert [one for _, answers in taken for one in answers] == [bytes([number]) for number in range(11)]
    assert len(times.kept()[0]) == 11


class Stuck(Sut):
    """Answers nothing until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def answer_all(self, indices: Sequence[int]) -> list[bytes]:
        self.go.wait()
        return super().answer_all(indices)


def test_threads_that_are_far_behind_give_the_run_up_and_let_every_query_go(
    control: Control, completed: Completed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard_module, "MOST_WAITING", 100)
    heard: list[BaseException] = []
    guard, sut = Guard(control, heard.append), Stuck()
    pool = pool_of([sut], guard, control, chunk=1, times=1)
    for number in range(150):
        # Never waits for the worker.
        pool.issue([number], [0])
    assert guard.stopped
    assert "100 queries wait for an answer" in str(heard[0])
    sut.go.set()
    pool.close()
    assert sorted(number for number, _ in completed) == list(range(150))
