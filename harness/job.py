"""`python -I -m harness.job FOLDER`: a whole run on a device, started by the far end of a connection that it outlives.

It is the parent of a run as a command is, only that it was planned elsewhere: job.json in its folder has the plan. The run's
directory is made beside that; ended.json, which comes last, says how it ended.
"""

from __future__ import annotations

import contextlib
import json
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import EXIT_BROKEN, exit_status, message_of
from harness.machine import stop_signals

if TYPE_CHECKING:
    from harness.remote.record import Ended, Job


def main(folder: Path) -> int:
    """Does the job of a folder.

    Returns:
        The exit status, which ended.json has as well.
    """
    # Before all else is imported, which takes a while.
    stop_signals.interrupt_on_any()
    try:
        ended = _done(folder)
    except BaseException as error:
        stop_signals.ignore()
        from harness.remote.record import Ended

        status = exit_status(error)
        if status is None:
            traceback.print_exc()
        ended = Ended(EXIT_BROKEN if status is None else status, message_of(error) or type(error).__name__)
    from harness.json_records import to_json
    from harness.remote.record import ENDED_FILE
    from harness.whole_file import write_json

    write_json(folder / ENDED_FILE, to_json(ended))
    return ended.status


def _done(folder: Path) -> Ended:
    from harness.json_records import from_json
    from harness.remote.record import JOB_FILE, RUN_FOLDER, Ended, Job
    from harness.report.screen import Screen
    from harness.series.perform import perform_planned
    from harness.series.plan_file import plan_from_json

    job = from_json(Job, json.loads((folder / JOB_FILE).read_bytes()), JOB_FILE)
    if job.words:
        return _commanded(job, folder / RUN_FOLDER)
    # The result names the command that a person gave.
    sys.argv[:] = job.argv
    done = perform_planned(plan_from_json(job.plan), folder / RUN_FOLDER, Screen())
    return Ended(done.status, done.complaint)


def _commanded(job: Job, folder: Path) -> Ended:
    """Another command than a run: what it prints is kept."""
    from harness.cli import main as command
    from harness.remote.record import PRINTED_FILE, Ended
    from harness.spec.any_model import found_elsewhere
    from harness.spec.schema import ModelRef

    folder.mkdir()
    models = {
        name: ModelRef(name=each.name, source=each.source, path=each.path, sha256=each.sha256)
        for name, each in job.models.items()
    }
    with (
        (folder / PRINTED_FILE).open("w", encoding="utf-8") as printed,
        contextlib.redirect_stdout(printed),
        found_elsewhere(models),
    ):
        return Ended(command(job.words), "")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
