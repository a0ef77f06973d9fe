"""What keeps exceptions out of LoadGen's callbacks."""

from __future__ import annotations

import signal

import pytest

from harness.errors import RunFailed
from harness.machine.control import FAILED, Control
from harness.serving.dispatch import guard as guard_module
from harness.serving.dispatch.guard import Guard


@pytest.fixture
def heard() -> list[BaseException]:
    return []


@pytest.fixture
def guard(control: Control, heard: list[BaseException]) -> Guard:
    return Guard(control, heard.append)


def test_the_first_failure_is_kept_and_told_at_once_and_everybody_stops(
    guard: Guard, control: Control, heard: list[BaseException]
) -> None:
    assert not guard.stopped
    first = RuntimeError("the driver lost its device")
    guard.fail(first)
    guard.fail(ValueError("what came of it"))
    assert guard.failure is first
    assert heard == [first]
    assert guard.stopped
    assert control.stop == FAILED


def test_a_failure_does_not_hide_that_somebody_stopped_the_run(guard: Guard, control: Control) -> None:
    control.stop = signal.SIGINT
    assert guard.stopped
    guard.fail(RuntimeError("late"))
    assert control.stop == signal.SIGINT


@pytest.mark.parametrize("error", [RuntimeError("broken"), SystemExit(0), KeyboardInterrupt()])
def test_nothing_leaves_a_callback_that_is_wrapped_and_a_lost_run_s_callbacks_do_nothing(
    guard: Guard, error: BaseException
) -> None:
    called: list[list[int]] = []

    def callback(indices: list[int]) -> None:
        called.append(indices)
        if len(called) == 2:
            raise error

    wrapped = guard.wrap(callback)  # type: ignore[arg-type]
    for number in range(4):
        wrapped([number])
    assert called == [[0], [1]]
    assert guard.failure is error


def test_a_query_that_failed_is_completed_without_an_answer(guard: Guard, completed: list[tuple[int, bytes]]) -> None:
    error = RuntimeError("broken")
    guard.give_up([3, 4], error)
    assert completed == [(3, b""), (4, b"")]
    assert guard.failure is error
    # One of a run that is lost already.
    guard.give_up([5], None)
    assert completed[2:] == [(5, b"")]
    assert guard.failure is error


def test_a_run_whose_queries_wait_by_the_million_is_given_up_with_a_word_on_what_to_do(
    guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard_module, "MOST_WAITING", 10)
    guard.judge_backlog(10)
    assert not guard.stopped
    guard.judge_backlog(11)
    assert isinstance(guard.failure, RunFailed)
    assert str(guard.failure) == "10 queries wait for an answer: ask for less with --set load.target_qps=..."
