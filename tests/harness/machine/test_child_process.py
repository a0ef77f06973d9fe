"""Python children: what they are started with, how they end, and what is said of it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.machine.child_process import Ended, answer_of, how_it_ended, last_lines, lines_of, start

Module = Callable[[str], str]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Module:
    """module(code) -> the name of a module that a child can run; `answer` is its first descriptor, open."""

    def make(code: str) -> str:
        begin = "import os, signal, sys, time\nfrom pathlib import Path\nanswer = int(sys.argv[1])\n"
        (tmp_path / "child_of_a_test.py").write_text(begin + code, encoding="utf-8")
        return "child_of_a_test"

    root = str(Path(__file__).resolve().parents[3])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tmp_path), root)))
    return make


def test_a_child_gets_its_descriptors_its_parent_and_its_words_and_nothing_to_read(
    module: Module, tmp_path: Path
) -> None:
    code = """
rest = [str(Path.cwd()), str(sys.flags.safe_path), repr(sys.stdin.read()), str(os.getsid(0) == os.getpid())]
print("to the log")
print("an error", file=sys.stderr)
os.write(answer, "|".join([*sys.argv[1:], *rest]).encode())
"""
    read_end, write_end = os.pipe()
    folder = tmp_path / "its own"
    folder.mkdir()
    with (tmp_path / "log").open("wb") as log:
        child = start(module(code), [write_end], "one", "two words", folder=folder, log=log, own_session=True)
    os.close(write_end)
    with os.fdopen(read_end, encoding="utf-8") as pipe:
        told = pipe.read().split("|")
    assert child.wait() == 0
    assert told == [str(write_end), str(os.getpid()), "one", "two words", str(folder), "True", "''", "True"]
    assert set((tmp_path / "log").read_text(encoding="utf-8").splitlines()) == {"to the log", "an error"}


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (0, "ended with exit status 0"),
        (7, "ended with exit status 7"),
        (-signal.SIGSEGV, "was killed by SIGSEGV"),
        (-signal.SIGKILL, "was killed by SIGKILL"),
        (-signal.SIGRTMIN - 1, f"was killed by signal {signal.SIGRTMIN + 1}"),
    ],
)
def test_how_a_child_ended_is_one_sentence_with_the_signals_name(status: int, said: str) -> None:
    assert how_it_ended(status) == said


def test_an_answer_is_the_first_line_whatever_the_child_does_after_it(module: Module) -> None:
    answer = answer_of(module("os.write(answer, b'{}\\nmore'); os.abort()"), timeout_s=600)
    assert (answer.line, answer.hangs) == (b"{}", False)


@pytest.mark.parametrize(
    ("code", "how", "said"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "was killed by SIGKILL", ""),
        (
            "os.write(answer, b'half a li'); print('first'); sys.exit('last words')",
            "ended with exit status 1",
            "last words",
        ),
        ("raise OSError('the driver is gone')", "ended with exit status 1", "OSError: the driver is gone"),
        ("os.write(2, b'\\xff\\n')", "ended with exit status 0", "\ufffd"),
    ],
)
def test_a_child_without_an_answer_is_told_by_how_it_ended_and_its_last_line(
    code: str, how: str, said: str, module: Module
) -> None:
    answer = answer_of(module(code), timeout_s=600)
    assert (answer.line, answer.hangs, answer.how, answer.said) == (None, False, how, said)


def test_a_child_that_says_nothing_is_ended_when_the_time_is_up(
    module: Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.machine.child_process._LEAVE_S", 0.01)
    answer = answer_of(module("signal.pause()"), timeout_s=0.01)
    assert (answer.line, answer.hangs, answer.how) == (None, True, "")


def test_the_end_of_a_log_is_its_last_lines_and_none_where_it_cannot_be_read(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert last_lines(log, 3) == []
    log.write_bytes(b"1\n2\n\xff3\n4\n\n")
    assert last_lines(log, 3) == ["2", "\ufffd3", "4"]
    assert last_lines(log, 9) == ["1", "2", "\ufffd3", "4"]


def test_the_reason_of_a_crash_is_not_lost_among_the_frames_of_its_threads(tmp_path: Path) -> None:
    frames = [f'  File "worker.py", line {number} in call' for number in range(9)]
    lines = ["one", "two", "XNNPACK: the reason", "Fatal Python error: Aborted", "", "Current thread:", *frames]
    (tmp_path / "run.log").write_text("\n".join(lines), encoding="utf-8")
    assert last_lines(tmp_path / "run.log", 3) == ["two", "XNNPACK: the reason", "Fatal Python error: Aborted"]


def test_no_module_of_ours_starts_a_child_by_itself() -> None:
    root = Path(__file__).resolve().parents[3]
    starters = [
        str(path.relative_to(root))
        for package in ("accuracy", "backends", "harness", "tasks")
        for path in (root / package).rglob("*.py")
        if "sys.executable" in path.read_text(encoding="utf-8")
    ]
    # The other two start pip, which is no module of ours; one of them runs on a device, where nothing of ours is yet.
    pip = {"harness/remote/luggage/wheels.py", "harness/remote/far_end/installed.py"}
    assert set(starters) - pip == {"harness/machine/child_process.py"}, sys.executable


def test_of_a_log_that_no_memory_holds_only_the_end_is_read(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as file:
        file.truncate(1 << 40)
        file.seek(0, os.SEEK_END)
        file.write(b"\nthe last\n")
    assert last_lines(log, 1) == ["the last"]


def test_a_child_that_has_closed_its_pipe_may_take_its_time_to_end(
    module: Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.machine.child_process._LEAVE_S", 0.01)
    answer = answer_of(module("os.close(answer); time.sleep(0.5); os.kill(os.getpid(), signal.SIGSEGV)"), timeout_s=600)
    assert (answer.hangs, answer.how, answer.crashed) == (False, "was killed by SIGSEGV", True)


def test_the_first_word_of_a_child_may_take_longer_than_those_after_it(module: Module) -> None:
    named = module("time.sleep(0.3); os.write(answer, b'one\\n'); signal.pause()")
    heard: list[bytes] = []
    with pytest.raises(Ended, match=r"said nothing for 0.01 s and was ended"):
        heard.extend(lines_of(named, timeout_s=0.01, start_s=600))
    assert heard == [b"one"]
