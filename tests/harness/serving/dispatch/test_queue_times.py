"""How long Server's queries waited and were worked on."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.messages.server_times import TimesAtShares
from harness.serving.dispatch import queue_times
from harness.serving.dispatch.queue_times import QueueTimes, summary

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
    assert found.waiting_ns == TimesAtShares(50, 90, 99)
    assert found.working_ns == TimesAtShares(126, 230, 248)
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
    assert found.waiting_ns.p50 == pytest.approx(50 * factor, abs=factor)
    # Beyond what was expected, the last ones replace the first.
    for _ in range(100 * factor):
        times.add(0, 7, 7)
    assert summary([times]) == replace(found, waiting_ns=TimesAtShares(7, 7, 7))


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
    assert read_result(tmp_path / "run")["performance"]["server"] is None
