"""A question to a process of its own, and the ways in which no answer comes."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import ConfigError, RunFailed
from harness.machine.json_line import encode
from harness.messages.conversation import Progressed, ask
from harness.messages.failure import Failed
from harness.model.comparison import Tolerance

ANSWER = Tolerance(max_steps=3.0)
Module = Callable[[str], str]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Module:
    """module(code) -> the name of a module that a child can run."""

    def make(code: str) -> str:
        begin = "import os, sys, time\nsay = lambda line: os.write(int(sys.argv[1]), line.encode() + b'\\n')\n"
        (tmp_path / "asked_by_a_test.py").write_text(begin + code, encoding="utf-8")
        return "asked_by_a_test"

    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return make


def asked(module: str, timeout_s: float = 60.0) -> tuple[Tolerance, list[Progressed]]:
    heard: list[Progressed] = []
    return ask(module, ANSWER, Tolerance, timeout_s=timeout_s, hear=heard.append), heard


def test_progress_is_heard_before_the_answer(module: Module) -> None:
    lines = [encode(Progressed("runs", done, 2)) for done in range(2)] + [encode(ANSWER)]
    found, heard = asked(module("".join(f"say({line!r})\n" for line in lines)))
    assert found == ANSWER
    assert [each.done for each in heard] == [0, 1]


@pytest.mark.parametrize(("status", "error"), [(2, ConfigError), (3, RunFailed), (None, RunFailed)])
def test_what_went_wrong_there_is_raised_here(status: int | None, error: type[Exception], module: Module) -> None:
    line = encode(Failed(status, "it has no such input", "ConfigError"))
    with pytest.raises(error, match="it has no such input"):
        asked(module(f"say({line!r})\n"))


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (f"os.kill(os.getpid(), {signal.SIGSEGV.value})\n", "the process that ran the model was killed by SIGSEGV"),
        ("raise ValueError('of no use')\n", "ended with exit status 1: ValueError: of no use"),
        ("os._exit(0)\n", "the process that ran the model ended without an answer"),
        ("os.write(int(sys.argv[1]), b'{')\n", "ended with exit status 0"),
        ("say('{}')\n", "do not understand each other"),
    ],
)
def test_a_process_that_ends_without_an_answer_is_said_to_have(code: str, said: str, module: Module) -> None:
    with pytest.raises(RunFailed, match=said):
        asked(module(code))


def test_a_process_that_says_nothing_is_ended(module: Module, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    code = f"open({str(pid)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)\n"
    with pytest.raises(RunFailed, match="said nothing for 2 s and was ended"):
        asked(module(code), timeout_s=2.0)
    # It may not have come so far, or not as far as its number.
    if pid.exists() and (number := pid.read_text(encoding="utf-8")):
        with pytest.raises(ProcessLookupError):
            os.kill(int(number), 0)
