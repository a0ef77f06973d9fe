"""How a child process lives and dies with the one that started it."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import os
import signal
import sys
from collections.abc import Iterator

_PR_SET_PDEATHSIG, _PR_SET_TIMERSLACK, _PR_GET_TIMERSLACK = 1, 29, 30


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
