"""Python processes of our own: how one is started, how it lives and dies with the one that started it, and how it ended."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn

from harness.machine.import_path import safe_environment

_PR_SET_PDEATHSIG, _PR_SET_TIMERSLACK, _PR_GET_TIMERSLACK = 1, 29, 30
LONGEST_START_S = 600.0
"""A process of ours that has said nothing for so long does not start: Python and its modules, before any backend, take a tenth
of that on the slowest machine."""
_LEAVE_S = 3.0
_END_BYTES = 1 << 20
"""So much of a process's output is looked at."""
_FAULTS = frozenset((signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV))
_DUMP = "Fatal Python error: "
"""How `faulthandler` begins what it tells of the threads of a process that crashes."""

Child = subprocess.Popen[bytes]


def python_words(module: str, *words: str) -> list[str]:
    """The words that run one of our modules in this Python, as isolated as this process."""
    return [sys.executable, "-I" if sys.flags.isolated else "-P", "-m", module, *words]


def start(
    module: str,
    descriptors: Sequence[int],
    *words: str,
    folder: Path | None = None,
    log: IO[bytes] | None = None,
    own_session: bool = False,
) -> Child:
    """Starts `python -P -m MODULE DESCRIPTOR... PARENT_PID WORD...` with nothing on its standard input.

    Args:
        module: Its `main` calls `live_and_die_with(PARENT_PID)`.
        descriptors: Open files that it gets, under the same numbers; those of this process stay open.
        words: What else it is told.
        folder: Its current directory; None for this process's own.
        log: Where its output goes; None for where this process's goes.
        own_session: Ctrl-C on the terminal does not reach it: for a child whose parent has to end it in order.
    """
    return subprocess.Popen(
        python_words(module, *map(str, descriptors), str(os.getpid()), *words),
        cwd=folder,
        env=safe_environment(os.environ),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        pass_fds=tuple(descriptors),
        start_new_session=own_session,
    )


@dataclass(frozen=True, slots=True)
class ChildAnswer:
    """What a child was started for."""

    line: bytes | None
    """Without its end; None where none came."""
    hangs: bool = False
    """It had not ended when the time was up."""
    how: str = ""
    """How it ended where it said nothing: see `how_it_ended`."""
    said: str = ""
    """The last line of its output, where it said nothing else; of one that crashed, the last before its threads' frames."""
    crashed: bool = False
    """Whether a fault in native code ended it: see `crashed`."""


def answer_of(module: str, *words: str, timeout_s: float) -> ChildAnswer:
    """Starts a child for one line on a pipe: for what can take a process down, or hang.

    Args:
        module: Its `main` writes the line to the descriptor that it is given first.
        words: What it is told.
        timeout_s: It is ended where it has said nothing for so long.
    """
    with _heard(module, words) as (child, pipe, log):
        try:
            line, closed = _first_line(pipe, timeout_s)
            # The pipe closes a moment before the process is gone; one that has answered may take leave of its driver.
            status = child.wait(timeout_s if closed and b"\n" not in line else _LEAVE_S)
        except subprocess.TimeoutExpired:
            status = None
            child.kill()
            child.wait()
        said = _end_of(log)
    if b"\n" in line:
        return ChildAnswer(line.partition(b"\n")[0])
    last = _last_word(said)
    if status is None:
        return ChildAnswer(None, hangs=True, said=last)
    return ChildAnswer(None, how=how_it_ended(status), said=last, crashed=crashed(status))


class Ended(Exception):  # noqa: N818 - it is what happened
    """A child's pipe closed, or it said nothing for too long: how that came about, as the rest of a sentence."""

    def __init__(self, how: str, *, by_a_fault: bool = False) -> None:
        super().__init__(how)
        self.by_a_fault = by_a_fault
        """Whether it crashed: see `crashed`."""


def lines_of(module: str, *words: str, timeout_s: float, start_s: float = 0.0) -> Generator[bytes]:
    """Starts a child and gives the lines that it writes on a pipe, without their ends. It is ended with the iteration.

    Args:
        module: Its `main` writes to the descriptor that it is given first.
        words: What it is told.
        timeout_s: It is ended where it has said nothing for so long.
        start_s: How long it may take until its first word, where that is longer.

    Raises:
        Ended: It crashed, said nothing for so long, or left in the middle of a line.
    """
    with _heard(module, words) as (child, pipe, log):
        rest, limit_s = b"", max(timeout_s, start_s)
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while True:
                if not selector.select(limit_s):
                    raise Ended(f"said nothing for {limit_s:g} s and was ended")
                limit_s = timeout_s
                piece = pipe.read(1 << 20)
                if not piece:
                    break
                *lines, rest = (rest + piece).split(b"\n")
                yield from lines
        status = child.wait()
        if status or rest:
            said = _last_word(_end_of(log))
            raise Ended(how_it_ended(status) + (f": {said}" if said else ""), by_a_fault=crashed(status))


@contextlib.contextmanager
def _heard(module: str, words: Sequence[str]) -> Iterator[tuple[Child, IO[bytes], IO[bytes]]]:
    """A child with the pipe that it speaks on and the file of what it prints; it is ended with the block."""
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb", buffering=0) as pipe, tempfile.TemporaryFile() as log:
        try:
            child = start(module, [write_end], *words, log=log)
        finally:
            os.close(write_end)
        try:
            yield child, pipe, log
        finally:
            child.kill()
            child.wait()


def _first_line(pipe: IO[bytes], timeout_s: float) -> tuple[bytes, bool]:
    """What comes until the end of a line, of the pipe or of the time; and whether it was that of the pipe."""
    end, line = time.monotonic() + timeout_s, b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while b"\n" not in line and selector.select(max(0.0, end - time.monotonic())):
            piece = pipe.read(1 << 16)
            if not piece:
                return line, True
            line += piece
    return line, False


def how_it_ended(status: int) -> str:
    """How a process ended, as the rest of a sentence: `was killed by SIGSEGV`, `ended with exit status 1`.

    Args:
        status: As `subprocess` gives it: minus the signal's number where one killed it.
    """
    return f"was killed by {_signal_name(-status)}" if status < 0 else f"ended with exit status {status}"


def crashed(status: int) -> bool:
    """Whether a fault in native code ended a process, not someone who wanted it ended.

    Args:
        status: As `subprocess` gives it.
    """
    return -status in _FAULTS


def last_lines(log: Path, count: int) -> list[str]:
    """The end of what a process wrote; nothing where that cannot be read.

    Of one that crashed it is what came before its threads' frames, among which the reason would be lost.
    """
    try:
        with log.open("rb") as file:
            lines = _end_of(file)
    except OSError:
        return []
    dump = _dump_in(lines)
    return lines[: None if dump is None else dump + 1][-count:]


def _dump_in(lines: Sequence[str]) -> int | None:
    """Where the last dump of a crash's threads begins."""
    return max((place for place, line in enumerate(lines) if line.startswith(_DUMP)), default=None)


def _last_word(lines: Sequence[str]) -> str:
    """The last line, which of a crash is the one before its dump: the reason, where something gave one."""
    dump = _dump_in(lines)
    said = lines if dump is None else lines[:dump] or lines[dump : dump + 1]
    return said[-1] if said else ""


def _end_of(log: IO[bytes]) -> list[str]:
    """The last lines of what a process wrote, which may be more than memory holds."""
    size = log.seek(0, os.SEEK_END)
    log.seek(max(0, size - _END_BYTES))
    return log.read().decode(errors="replace").strip().splitlines()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        # Real-time signals between the first and the last have no name.
        return f"signal {number}"


def live_and_die_with(parent: int) -> None:
    """The parent hears signals and passes on what must be known; if it is killed, this process goes too.

    Args:
        parent: The process that started this one.
    """
    # Before anything else that takes time.
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    faulthandler.enable()
    if os.getppid() != parent:
        raise SystemExit("the parent was gone before its death could be heard of")


def leave(status: int) -> NoReturn:
    """Ends this process at once: what was written is flushed, and nothing is taken apart that goes with the process."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


@contextlib.contextmanager
def awake_on_time() -> Iterator[None]:
    """This thread's sleeps end when they should: the default slack of 50 us would be part of every latency."""
    before = _prctl(_PR_GET_TIMERSLACK)
    _prctl(_PR_SET_TIMERSLACK, 1)
    try:
        yield
    finally:
        if before > 0:
            _prctl(_PR_SET_TIMERSLACK, before)


def _prctl(option: int, value: int = 0) -> int:
    """The answer; -1 where there is no such thing."""
    if sys.platform != "linux":
        return -1
    prctl = ctypes.CDLL(None).prctl
    return int(prctl(option, *map(ctypes.c_ulong, (value, 0, 0, 0))))
