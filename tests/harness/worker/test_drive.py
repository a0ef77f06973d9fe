"""What is set while LoadGen drives, and is as before afterwards."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys

import pytest

from harness.worker.drive import undisturbed

PR_GET_TIMERSLACK = 30


def timer_slack_ns() -> int:
    return int(ctypes.CDLL(None).prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0))


def state() -> tuple[bool, int, int]:
    return gc.isenabled(), round(sys.getswitchinterval() * 1e6), timer_slack_ns()


@pytest.mark.skipif(sys.platform != "linux", reason="timer slack is Linux's")
def test_collector_switch_interval_and_timer_slack_are_set_for_the_run_and_restored_even_where_it_breaks() -> None:
    interval_s = sys.getswitchinterval()
    try:
        sys.setswitchinterval(0.02)
        before = state()
        meanwhile = None
        with contextlib.suppress(RuntimeError), undisturbed():
            meanwhile = state()
            raise RuntimeError("broken")
        assert meanwhile == (False, 5000, 1)
        assert state() == (True, 20_000, before[2])
        assert before[2] > 1
    finally:
        sys.setswitchinterval(interval_s)
