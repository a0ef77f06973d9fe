"""How a child process lives and dies with the one that started it."""

from __future__ import annotations

import ctypes
import faulthandler
import os
import signal
import sys

_PR_SET_PDEATHSIG, _PR_SET_TIMERSLACK = 1, 29


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


def wake_on_time() -> None:
    """This thread's sleeps end when they should: the default slack of 50 us would be part of every latency."""
    _prctl(_PR_SET_TIMERSLACK, 1)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
