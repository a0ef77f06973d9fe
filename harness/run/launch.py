"""The parent's side of one LoadGen run: starts the worker, shows progress, passes signals on, survives a crash."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from harness.errors import EXIT_USER, ConfigError, Interrupted, RunFailed
from harness.machine.control import Control, Phase, control_file
from harness.machine.memory import Watch, read_look
from harness.statistics.drift import Pace

RUN_LOG = "run.log"
_TICK_S = 0.5
_GRACE_S = 3.0
_LAST_LINES = 5


class Progress(Protocol):
    """Where progress is shown."""

    def progress(self, phase: Phase, done: int, total: int, elapsed_s: float) -> None:
        """Called twice a second; must take microseconds, since a query may be timed on the core it runs on."""

    def end_progress(self) -> None:
        """The worker has ended."""


def run_worker(folder: Path, progress: Progress, timeout_s: float, facts: dict[str, Any]) -> dict[str, Any]:
    """Runs what `folder`/spec.yaml says in a child process.

    Args:
        folder: The run's directory.
        progress: Where progress is shown.
        timeout_s: A worker that gets nowhere for so long is ended.
        facts: Gets what the worker says of the backend before anything is timed, also where the run then fails, and what
            memory it was seen to take.

    Returns:
        The worker's last word: what ran, the settings in force; and `latency_drift`, see `Pace.drift`.

    Raises:
        ConfigError: The worker met a mistake the user must fix.
        RunFailed: The worker failed, crashed or was killed.
        Interrupted: SIGINT or SIGTERM came.
    """
    with contextlib.ExitStack() as stack:
        page = stack.enter_context(control_file())
        control = Control(page.fileno())
        read_end, write_end = os.pipe()
        stack.callback(os.close, read_end)
        log = stack.enter_context((folder / RUN_LOG).open("ab"))
        asked = stack.enter_context(_signals(control))
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "harness.worker.main", *map(str, (write_end, page.fileno(), os.getpid()))],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(write_end, page.fileno()),
            # Ctrl-C must reach the parent only, or the worker would die with a query half answered.
            start_new_session=True,
        )
        os.close(write_end)
        pace = Pace()
        try:
            last = _watch(child, read_end, control, progress, timeout_s, facts, pace)
            with contextlib.suppress(subprocess.TimeoutExpired):
                # The pipe closes a moment before the process is gone.
                child.wait(timeout=_GRACE_S)
        finally:
            progress.end_progress()
            child.kill()
            child.wait()
        if asked:
            raise Interrupted(asked[0])
        return _verdict(last, child.returncode, folder, control) | {"latency_drift": pace.drift()}


@contextlib.contextmanager
def _signals(control: Control) -> Iterator[list[int]]:
    """While the worker runs, SIGINT and SIGTERM only leave a word for it."""
    asked: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        asked.append(number)
        control.stop = number

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _watch(
    child: subprocess.Popen[bytes],
    events: int,
    control: Control,
    progress: Progress,
    timeout_s: float,
    facts: dict[str, Any],
    pace: Pace,
) -> dict[str, Any]:
    """Until the worker closes its pipe; a worker that was told to stop gets a few seconds to bring LoadGen to its end."""
    last: dict[str, Any] = {}
    phase_began, phase = time.monotonic(), Phase.STARTING
    stop_seen: float | None = None
    rest = b""
    alive_at, heartbeat = phase_began, control.heartbeat
    watch = Watch()
    with selectors.DefaultSelector() as selector:
        selector.register(events, selectors.EVENT_READ)
        while True:
            if selector.select(_TICK_S):
                piece = os.read(events, 1 << 16)
                if not piece:
                    return last
                *lines, rest = (rest + piece).split(b"\n")
                for event in map(json.loads, lines):
                    if event["event"] == "facts":
                        facts |= event["facts"]
                    if event["event"] == "look":
                        watch.look(read_look(event))
                        control.looked()
                        facts["memory"] = watch.figures()
                    # The first failure is the cause; what follows it is not.
                    if event["event"] in {"failed", "done"} and last.get("event") != "failed":
                        last = event
                continue
            if child.poll() is not None:
                # Something that the backend started still holds the pipe.
                return last
            now = time.monotonic()
            if control.phase != phase:
                phase_began, phase = now, control.phase
            if phase is Phase.RUNNING:
                pace.note(now, control.done)
            progress.progress(phase, control.done, control.total, now - phase_began)
            if control.heartbeat != heartbeat:
                alive_at, heartbeat = now, control.heartbeat
            if now - alive_at > timeout_s + control.pause_s:
                raise _hangs(phase, control.done, timeout_s)
            if control.stop:
                stop_seen = stop_seen or now
                if now - stop_seen > _GRACE_S:
                    child.kill()
                    return last


def _hangs(phase: Phase, done: int, timeout_s: float) -> RunFailed:
    return RunFailed(
        f"the worker made no progress for {timeout_s:g} s while {phase.name.lower()}, after {done} queries, and was ended: "
        "something in the backend or its driver hangs. If it only is that slow, allow more with --set backend.timeout_s=..."
    )


def _verdict(last: dict[str, Any], returncode: int, folder: Path, control: Control) -> dict[str, Any]:
    if last.get("event") == "done" and returncode == 0:
        return last
    if last.get("event") == "failed":
        if last["status"] == EXIT_USER:
            raise ConfigError(last["message"])
        raise RunFailed(f"{last['type']}: {last['message']} (the traceback is in {folder / RUN_LOG})")
    killed_by = signal.Signals(-returncode).name if returncode < 0 else None
    how = f"was killed by {killed_by}" if killed_by else f"ended with exit status {returncode}"
    raise RunFailed(
        f"the worker {how} while {control.phase.name.lower()}, after {control.done} queries; "
        f"the end of {folder / RUN_LOG}:\n{_tail(folder / RUN_LOG)}"
    )


def _tail(path: Path) -> str:
    with contextlib.suppress(OSError):
        return "\n".join(f"  {line}" for line in path.read_text(errors="replace").splitlines()[-_LAST_LINES:])
    return ""
