"""How long Server's queries waited and were worked on."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.machine.control import Control, control_file
from harness.serving.dispatch import guard as guard_module
from harness.serving.dispatch import queue_times
from harness.serving.dispatch.guard import Guard
from harness.serving.dispatch.pool import Pool
from harness.serving.dispatch.queue_times import QueueTimes, summary
from harness.serving.responder import Responder

Cli = Callable[..., subprocess.CompletedProcess[str]]
Read = Callable[[Path], dict[str, Any]]


def test_the_times_of_all_workers_come_together_as_percentiles() -> None:
    one, other, idle = QueueTimes(100), QueueTimes(100), QueueTimes(100)
    for number in range(1, 51):
        one.add(1000, 1000 + number, 1000 + 3 * number)
        other.add(0, 50 + number, 200 + 3 * number)
    found = summary([one, other, idle])
    assert found is not None
    # Waiting 1 to 100 ns; working 2, 4, ... 100 and 152, 154, ... 250.
    assert found.waiting_ns == {"p50": 50, "p90": 90, "p99": 99}
    assert found.working_ns == {"p50": 126, "p90": 230, "p99": 248}
    assert found.queries_seen == 100
    assert summary([idle]) is None


@pytest.mark.parametrize("factor", [1, 3])
def test_a_long_run_is_seen_as_a_whole_in_the_same_room(factor: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_times, "_ROOM", 100)
    times = QueueTimes(100 * factor)
    for number in range(100 * factor):
        times.add(0, number, number)
    found = summary([times])
    assert found is not None
    assert found.queries_seen == 100
    assert found.waiting_ns["p50"] == pytest.approx(50 * factor, abs=factor)
    # Beyond what was expected, the last ones replace the first.
    for _ in range(100 * factor):
        times.add(0, 7, 7)
    assert summary([times]) == replace(found, waiting_ns=dict.fromkeys(("p50", "p90", "p99"), 7))


@pytest.mark.parametrize("workers", ["threads", "processes"])
def test_a_server_run_says_how_long_its_queries_waited_and_were_worked_on(
    workers: str, call: Cli, keywords: list[str], tmp_path: Path, read_result: Read
) -> None:
    words = [*keywords, "--scenario", "Server", "--instances", "2", "--set", f"backend.workers={workers}"]
    done = call(*words, "--set", "load.server_target_latency_ms=10000", "--out", tmp_path / "run")
    assert done.returncode in (0, 1), done.stderr
    found = read_result(tmp_path / "run")["performance"]
    split, whole = found["server"], found["latency_ns"]
    assert split["queries_seen"] == found["query_count"]
    assert "not LoadGen's log" in split["clock"]
    for part in ("waiting_ns", "working_ns"):
        assert 0 <= split[part]["p50"] <= split[part]["p90"] <= split[part]["p99"]
        # A part is no longer than the whole, which LoadGen starts before it asks and ends a little before we note it.
        assert split[part]["p50"] <= whole["p50"] + 1_000_000
    assert "waiting p50" in done.stdout
    assert "of it, by our clock" in call("show", tmp_path / "run").stdout


def test_offline_is_not_asked_how_long_its_samples_waited(
    call: Cli, keywords: list[str], tmp_path: Path, read_result: Read
) -> None:
    done = call(*keywords, "--scenario", "Offline", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert "server" not in read_result(tmp_path / "run")["performance"]


class Stuck:
    """A system under test that answers nothing until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()

    batch = 1

    def answer_all(self, indices: Sequence[int]) -> list[bytes]:
        self.go.wait()
        return [bytes([index]) for index in indices]


@pytest.fixture
def control() -> Iterator[Control]:
    with control_file() as page:
        yield Control(page.fileno())


def test_threads_that_are_far_behind_give_the_run_up_and_let_every_query_go(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard_module, "MOST_WAITING", 100)
    completed: list[int] = []
    monkeypatch.setattr(guard_module, "abandon", completed.extend)
    heard: list[BaseException] = []
    guard, sut = Guard(control, heard.append), Stuck()
    monkeypatch.setattr(Responder, "complete", lambda _, ids, answers: completed.extend(ids))
    pool = Pool([sut], guard, control, chunk=1, times=[QueueTimes(1)])  # type: ignore[list-item]
    for number in range(150):
        # Never waits for the worker.
        pool.issue([number], [0])
    assert guard.stopped
    assert "100 queries wait for an answer" in str(heard[0])
    sut.go.set()
    pool.close()
    assert sorted(completed) == list(range(150))
