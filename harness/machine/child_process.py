"""Python processes of our own: how one is started, how it lives and dies with the one that started it, and how it ended."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG, _PR_SET_TIMERSLACK, _PR_GET_TIMERSLACK = 1, 29, 30

Child = subprocess.Popen[bytes]


def start(
    module: str,
    descriptors: Sequence[int],
    *,
    folder: Path | None = None,
    log: IO[bytes] | None = None,
    own_session: bool = False,
) -> Child:
    """Starts `python -P -m MODULE DESCRIPTOR... PARENT_PID` with nothing on its standard input.

    Args:
        module: Its `main` calls `live_and_die_with` its last word.
        descriptors: Open files that it gets, under the same numbers; those of this process stay open.
        folder: Its current directory; None for this process's own.
        log: Where its output goes; None for where this process's goes.
        own_session: Ctrl-C on the terminal does not reach it: for a child whose parent has to end it in order.
    """
    words = [sys.executable, "-P", "-m", module, *map(str, descriptors), str(os.getpid())]
    return subprocess.Popen(
        words,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        pass_fds=tuple(descriptors),
        start_new_session=own_session,
    )


def how_it_ended(status: int) -> str:
    """How a process ended, as the rest of a sentence: `was killed by SIGSEGV`, `ended with exit status 1`.

    Args:
        status: As `subprocess` gives it: minus the signal's number where one killed it.
    """
    return f"was killed by {_signal_name(-status)}" if status < 0 else f"ended with exit status {status}"


def last_lines(log: Path, count: int) -> list[str]:
    """The end of what a process wrote; nothing where that cannot be read."""
    try:
        return log.read_text(errors="replace").strip().splitlines()[-count:]
    except OSError:
        return []


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
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit("the parent was gone before its death could be heard of")


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
