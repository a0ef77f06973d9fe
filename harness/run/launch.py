"""The parent's side of one LoadGen run: starts the worker, shows progress, passes signals on, survives a crash."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from backends.litert.file.opened_file import OpenedFile
from harness.errors import HarnessError, Interrupted, RunFailed
from harness.machine import child_process, stop_signals
from harness.machine.control import Control, control_file, letter_file
from harness.machine.json_line import encode
from harness.machine.offspring import end_group, none_left
from harness.messages.worker import ToOpen
from harness.run.hearing import RUN_LOG, Hearing, Progress, WorkerReport

_GONE_S = 60.0
"""A worker that has closed its pipe and lives on for so long hangs."""
StartWorker = Callable[[Sequence[int], Path, IO[bytes]], child_process.Child]
"""From the worker's descriptors, its directory and its log to the worker, started."""


def start_worker(descriptors: Sequence[int], folder: Path, log: IO[bytes]) -> child_process.Child:
    """As `StartWorker`, in a process of its own."""
    # Ctrl-C must reach the parent only, or the worker would die with a query half answered.
    return child_process.start("harness.worker.main", descriptors, folder=folder, log=log, own_session=True)


def run_worker(
    folder: Path,
    progress: Progress,
    timeout_s: float,
    start: StartWorker = start_worker,
    hashed: Sequence[OpenedFile] = (),
    *,
    timed: bool = False,
    traced: bool = False,
) -> WorkerReport:
    """Runs what `folder`/spec.yaml says in a child process.

    Args:
        folder: The run's directory.
        progress: Where progress is shown.
        timeout_s: A worker that gets nowhere for so long is ended.
        start: How it is started.
        hashed: The files that it may open under their paths; others it opens as they are.
        timed: It measures, so that the clock must not be set meanwhile.
        traced: What the machine does while queries are timed is sampled.
    """
    with contextlib.ExitStack() as stack:
        page = stack.enter_context(control_file())
        control = Control(page.fileno())
        read_end, write_end = os.pipe()
        stack.callback(os.close, read_end)
        log = stack.enter_context((folder / RUN_LOG).open("ab"))
        stack.enter_context(none_left())
        asked = stack.enter_context(stop_signals.noted(lambda number: _ask_to_stop(control, number)))
        letter = stack.enter_context(letter_file(encode(ToOpen(tuple(hashed)))))
        child = start((write_end, page.fileno(), letter.fileno()), folder, log)
        os.close(write_end)
        hearing = Hearing(child, read_end, control, progress, timeout_s, log.fileno(), timed=timed, traced=traced)
        failure: HarnessError | None = None
        try:
            hearing.until_the_end()
            with contextlib.suppress(subprocess.TimeoutExpired):
                # The pipe closes a moment before the process is gone.
                child.wait(timeout=_GONE_S)
        except RunFailed as error:
            failure = error
        finally:
            hearing.close()
            progress.end_progress()
            child.kill()
            child.wait()
            end_group(child.pid)
        end = Interrupted(asked[0]) if asked else failure or hearing.verdict(folder / RUN_LOG)
        return hearing.report(end)


def _ask_to_stop(control: Control, number: int) -> None:
    """A word for the worker, which brings LoadGen to its end."""
    control.stop = number
