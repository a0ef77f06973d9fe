"""What a child has started and left behind: a backend's library may fork, and its process outlive the run, still at work."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

_PR_SET_CHILD_SUBREAPER, _PR_GET_CHILD_SUBREAPER = 36, 37
_MOST_ROUNDS = 20
"""One that is ended leaves its own children to us, and so on."""


@contextlib.contextmanager
def none_left() -> Iterator[None]:
    """Whatever is started within by a child, or by a child of its, ends with it: daemons come to this process when they detach.

    A child has a session of its own here, so whatever is in this process's session is not its: what another thread starts
    meanwhile lives on.
    """
    if sys.platform != "linux":
        yield
        return
    before, known = _subreaper(), set(_children_elsewhere())
    _set_subreaper(1)
    try:
        yield
    finally:
        for _ in range(_MOST_ROUNDS):
            if not (left := set(_children_elsewhere()) - known):
                break
            for pid in left:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, 0)
        _set_subreaper(before)


def end_group(leader: int) -> None:
    """Ends what is left of the process group of a child that led one.

    Args:
        leader: The child's process id, which is the group's number.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if leader != os.getpgrp():
            os.killpg(leader, signal.SIGKILL)


def end_session(leader: int) -> None:
    """Ends all processes of a session that is not this one's, whoever has started them.

    Args:
        leader: The process id of who began it, which is its number; it may be gone.
    """
    if sys.platform != "linux" or leader == os.getsid(0):
        return
    for _ in range(_MOST_ROUNDS):
        found = [pid for pid in (int(path.name) for path in Path("/proc").glob("[0-9]*")) if _session_of(pid) == leader]
        end(found)
        if not found:
            return


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except (ProcessLookupError, PermissionError):
        return None


def end(pids: Iterable[int]) -> None:
    """Ends processes at once, those that are gone apart."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def children() -> set[int]:
    """What all threads of this process have started."""
    found: set[int] = set()
    if sys.platform != "linux":
        return found
    for thread in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):
            found |= set(map(int, (thread / "children").read_text(encoding="ascii").split()))
    return found


def _children_elsewhere() -> list[int]:
    """Those in other sessions than ours."""
    ours, found = os.getsid(0), []
    for pid in children():
        with contextlib.suppress(ProcessLookupError):
            if os.getsid(pid) != ours:
                found.append(pid)
    return found


def _subreaper() -> int:
    answer = ctypes.c_int(0)
    ctypes.CDLL(None).prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(answer), 0, 0, 0)
    return answer.value


def _set_subreaper(value: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, value, 0, 0, 0)
