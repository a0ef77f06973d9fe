"""SingleStream and MultiStream without LoadGen: each query is completed once, whatever happens to it."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from typing import cast

import pytest

from harness.machine.control import Control
from harness.results.queries.query_times import of_memory
from harness.serving.dispatch import inline
from harness.serving.dispatch.guard import Guard
from harness.serving.dispatch.inline import multi_stream, single_stream
from harness.serving.dispatch.query_times import QueryTimes
from harness.serving.sut import SystemUnderTest
from native import timed_path

Completed = list[tuple[int, bytes]]
Answer = Callable[[int], bytes]


class Sut:
    """A system under test that answers so, and keeps nothing unless it is told how that is put back."""

    def __init__(self, answer: Answer, renew: Callable[[], None] | None = None) -> None:
        self.answer, self.renew = answer, renew

    def answer_all(self, indices: Sequence[int]) -> list[bytes]:
        return [self.answer(index) for index in indices]


def sut(answer: Answer, renew: Callable[[], None] | None = None) -> SystemUnderTest:
    return cast("SystemUnderTest", Sut(answer, renew))


@pytest.fixture(params=["c", "python"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """SingleStream's callback in C and in Python."""
    if request.param == "python":
        monkeypatch.setattr(inline, "timed_path", None)
    elif timed_path is None:
        pytest.skip("the timed path was not compiled here")
    return str(request.param)


def test_every_query_of_single_stream_gets_its_own_answer_and_is_counted(
    way: str, control: Control, completed: Completed
) -> None:
    issue = single_stream(sut(lambda index: b"x" * index), Guard(control, print), control)
    for query, index in ((70, 3), (71, 0), (72, 5), (73, 5)):
        issue([query], [index])
    assert completed == [(70, b"xxx"), (71, b""), (72, b"xxxxx"), (73, b"xxxxx")]
    assert control.done == 4


@pytest.mark.parametrize("error", [RuntimeError("broken"), SystemExit(0), KeyboardInterrupt()])
def test_a_query_of_single_stream_that_fails_is_let_go_and_so_are_all_after_it(
    error: BaseException, way: str, control: Control, completed: Completed
) -> None:
    asked: list[int] = []

    def answer(index: int) -> bytes:
        asked.append(index)
        if index == 1:
            raise error
        return b"right"

    heard: list[BaseException] = []
    issue = single_stream(sut(answer), Guard(control, heard.append), control)
    for number in range(4):
        issue([number], [number])
    assert completed == [(0, b"right"), (1, b""), (2, b""), (3, b"")]
    assert asked == [0, 1]
    assert heard == [error]


def test_who_stops_the_run_gets_no_more_answers_of_single_stream(
    way: str, control: Control, completed: Completed
) -> None:
    guard = Guard(control, print)
    issue = single_stream(sut(lambda _: b"right"), guard, control)
    control.stop = signal.SIGTERM
    issue([7], [0])
    assert completed == [(7, b"")]
    assert guard.failure is None


def test_a_query_of_multi_stream_is_completed_as_a_whole(control: Control, completed: Completed) -> None:
    issue = multi_stream(sut(lambda index: bytes([index]) * index), Guard(control, print), control, 3)
    issue([5, 6, 7], [2, 1, 3])
    assert completed == [(5, b"\2\2"), (6, b"\1"), (7, b"\3\3\3")]
    assert control.done == 1


def test_a_query_of_multi_stream_that_fails_is_let_go_as_a_whole(control: Control, completed: Completed) -> None:
    def answer(index: int) -> bytes:
        if index == 2:
            raise RuntimeError("broken")
        return b"right"

    guard = Guard(control, lambda _: None)
    issue = multi_stream(sut(answer), guard, control, 3)
    issue([5, 6, 7], [0, 1, 2])
    issue([8, 9, 10], [0, 0, 0])
    assert completed == [(number, b"") for number in range(5, 11)]
    assert str(guard.failure) == "broken"


def test_what_a_model_keeps_is_put_back_when_loadgen_has_the_answer_and_before_the_first_query(
    control: Control, completed: Completed
) -> None:
    seen: list[int] = []

    def renew() -> None:
        seen.append(len(completed))

    issue = single_stream(sut(lambda index: b"x" * index, renew), Guard(control, print), control)
    for query in (70, 71):
        issue([query], [1])
    assert completed == [(70, b"x"), (71, b"x")]
    assert seen == [0, 1, 2]
    issue = multi_stream(sut(lambda index: b"x" * index, renew), Guard(control, print), control, 2)
    issue([72, 73], [1, 2])
    assert seen == [0, 1, 2, 2, 4]


def test_a_model_that_cannot_be_put_back_loses_the_run(control: Control, completed: Completed) -> None:
    heard: list[BaseException] = []
    broken = RuntimeError("no interpreter")

    def renew() -> None:
        if completed:
            raise broken

    issue = single_stream(sut(lambda index: b"x" * index, renew), Guard(control, heard.append), control)
    issue([70], [1])
    assert heard == [broken]
    issue([71], [1])
    assert completed == [(70, b"x"), (71, b"")]


def test_the_times_of_queries_are_kept_while_there_is_room_and_counted_beyond_it(
    way: str, control: Control, completed: Completed
) -> None:
    times = QueryTimes(3, expected_latency_ns=1000)
    spent: list[int] = []

    def answer(index: int) -> bytes:
        began = time.monotonic_ns()
        time.sleep(index / 1000)
        spent.append(time.monotonic_ns() - began)
        return b"x"

    issue = single_stream(sut(answer), Guard(control, print), control, times)
    before = time.monotonic_ns()
    for query, index in enumerate((0, 20, 0, 0, 0)):
        issue([query], [index])
    took = time.monotonic_ns() - before
    kept = of_memory(times.words)
    assert len(completed) == kept.seen == 5
    assert not kept.all
    # In steps of 1024 ns.
    assert all(latency > least - 1024 for latency, least in zip(kept.latency_ns, spent[:3], strict=True))
    assert spent[1] >= 20_000_000
    assert 0 < kept.ended_ns[0] < kept.ended_ns[1] < kept.ended_ns[2] < took
    assert kept.latency_ns.sum() <= kept.ended_ns[-1]


def test_a_stream_of_several_samples_keeps_a_time_for_each_query(control: Control, completed: Completed) -> None:
    times = QueryTimes(3, expected_latency_ns=1000)
    issue = multi_stream(sut(lambda index: b"x"), Guard(control, print), control, 2, times)
    issue([1, 2], [0, 1])
    issue([3, 4], [0, 1])
    assert (len(completed), of_memory(times.words).seen, len(of_memory(times.words).latency_ns)) == (4, 2, 2)
