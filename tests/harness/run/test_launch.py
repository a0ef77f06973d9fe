"""The parent's side of a worker: what it makes of what the worker says, and of a worker that says nothing more."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass
from pathlib import Path
from types import NoneType
from typing import IO, Any, get_args, get_origin, get_type_hints, is_typeddict

import pytest

from harness.errors import ConfigError, RunFailed
from harness.machine import child_process
from harness.machine.control import Phase
from harness.machine.json_line import encode
from harness.machine.memory import Owner, Residents
from harness.messages.failure import Failed
from harness.messages.worker import Done, Opened, Proven
from harness.run.hearing import RUN_LOG, WorkerReport
from harness.run.launch import StartWorker, run_worker, start_worker

Run = Callable[..., WorkerReport]

WORKER = """
import os, signal, sys, time
from pathlib import Path
tell = lambda: os.write(int(sys.argv[1]), Path("lines").read_bytes())
"""


class Unseen:
    """Progress that nobody looks at."""

    def __init__(self) -> None:
        self.ended = 0

    def progress(self, phase: Phase, done: int, total: int, elapsed_s: float) -> None:
        assert phase is Phase.STARTING

    def end_progress(self) -> None:
        self.ended += 1


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """run(code, message...) -> what is reported of a worker of this code, whose `tell()` sends these messages."""
    start, root = child_process.start, Path(__file__).resolve().parents[3]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (tmp_path, root))))

    def instead(module: str, descriptors: Sequence[int], **more: Any) -> child_process.Child:
        assert module == "harness.worker.main"
        return start("worker_of_a_test", descriptors, **more)

    def run(code: str, *messages: Any, timeout_s: float = 600.0, begin: StartWorker = start_worker) -> WorkerReport:
        (tmp_path / "worker_of_a_test.py").write_text(WORKER + code, encoding="utf-8")
        folder = tmp_path / "run"
        folder.mkdir()
        lines = [each if isinstance(each, bytes) else encode(each).encode() for each in messages]
        (folder / "lines").write_bytes(b"".join(line + b"\n" for line in lines))
        progress = Unseen()
        monkeypatch.setattr(child_process, "start", instead)
        report = run_worker(folder, progress, timeout_s, begin)
        assert progress.ended == 1
        return report

    return run


def some(kind: Any) -> Any:
    """A value of a declared type."""
    origin, inner = get_origin(kind), get_args(kind)
    if NoneType in inner:
        return None
    if is_dataclass(kind) or is_typeddict(kind):
        return kind(**{name: some(each) for name, each in get_type_hints(kind).items()})
    if origin in (tuple, list, Sequence):
        return tuple(some(each) for each in inner if each is not Ellipsis) if origin is tuple else []
    if origin in (dict, Mapping):
        return {}
    return inner[0] if inner else {str: "x", int: 3, float: 0.5, bool: True}[kind]


def test_what_a_worker_said_comes_back_as_records(run: Run) -> None:
    opened, proven, done = some(Opened), some(Proven), some(Done)
    residents = Residents("loaded", (Owner(os.getpid(), 0),))
    report = run("tell()", opened, proven, residents, done)
    assert (report.opened, report.proven, report.end) == (opened, proven, done)
    assert report.memory is not None
    assert report.memory.processes == 1


@pytest.mark.parametrize(
    ("failed", "kind", "said"),
    [
        (Failed(2, "no such file", "DataMissing"), ConfigError, "no such file"),
        (Failed(3, "it broke", "RunFailed"), RunFailed, "RunFailed: it broke (the traceback is in "),
        (Failed(None, "'x'", "KeyError"), RunFailed, "KeyError: 'x' (the traceback is in "),
    ],
)
def test_a_worker_that_failed_says_why_and_what_it_knew_is_kept(
    failed: Failed, kind: type[Exception], said: str, run: Run
) -> None:
    opened = some(Opened)
    report = run("tell(); sys.exit(1)", opened, failed, Failed(3, "what came of it", "RuntimeError"))
    assert type(report.end) is kind
    assert str(report.end).startswith(said)
    assert report.opened == opened
    assert report.proven is None


def test_a_worker_that_is_killed_is_told_by_the_signal_its_phase_and_the_end_of_its_log(
    run: Run, tmp_path: Path
) -> None:
    code = "[print(line) for line in range(9)]; sys.stdout.flush(); os.kill(os.getpid(), signal.SIGKILL)"
    report = run(code)
    assert str(report.end) == (
        f"the worker was killed by SIGKILL while starting, after 0 queries; the end of {tmp_path / 'run' / RUN_LOG}:\n"
        "  4\n  5\n  6\n  7\n  8"
    )


def test_a_worker_that_says_it_is_done_and_ends_otherwise_has_failed(run: Run) -> None:
    report = run("tell(); sys.exit(7)", some(Done))
    assert isinstance(report.end, RunFailed)
    assert str(report.end).startswith("the worker ended with exit status 7 while starting")


@pytest.mark.parametrize("line", [b"a driver's small talk", b'{"Done": {}}', b'{"Ready": {"device": null}}', b"\xff"])
def test_a_line_that_nobody_understands_is_a_failed_run_and_ends_the_worker(line: bytes, run: Run) -> None:
    opened = some(Opened)
    report = run("tell(); signal.pause()", opened, line)
    assert isinstance(report.end, RunFailed)
    assert "do not understand each other" in str(report.end)
    assert report.opened == opened


TICKS = "from harness.machine.control import Control; Control(int(sys.argv[2])).tick()\n"


def test_a_worker_that_gets_nowhere_is_ended_and_the_user_is_told_how_to_allow_more(run: Run) -> None:
    report = run(f"{TICKS}signal.pause()", timeout_s=0.0)
    assert isinstance(report.end, RunFailed)
    assert "made no progress for 0 s while starting, after 0 queries" in str(report.end)
    assert "--set backend.timeout_s=" in str(report.end)


def test_a_worker_that_said_its_last_before_the_parent_listened_hangs_all_the_same(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_process, "LONGEST_START_S", 5.0)

    def begin(descriptors: Sequence[int], folder: Path, log: IO[bytes]) -> child_process.Child:
        child = start_worker(descriptors, folder, log)
        while not (folder / "ticked").exists() and child.poll() is None:
            time.sleep(0.01)
        return child

    report = run(f'{TICKS}Path("ticked").touch(); signal.pause()', timeout_s=0.0, begin=begin)
    assert "made no progress for 0 s while starting" in str(report.end)


def test_half_a_line_of_a_worker_that_was_killed_is_nothing(run: Run) -> None:
    report = run("os.write(int(sys.argv[1]), b'{\"Done'); os.abort()")
    assert "was killed by SIGABRT" in str(report.end)


def test_a_worker_that_takes_longer_to_start_than_a_backend_may_is_none_that_hangs(run: Run) -> None:
    done = some(Done)
    assert run(f"time.sleep(1.2)\n{TICKS}tell()", done, timeout_s=0.0).end == done


def test_a_worker_that_never_starts_is_ended_all_the_same(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_process, "LONGEST_START_S", 1.0)
    report = run("signal.pause()", timeout_s=0.0)
    assert "made no progress for 1 s while starting" in str(report.end)
