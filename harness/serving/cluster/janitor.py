"""Outlives a worker that was killed with its parent by a moment: ends what its Ray cluster has left, and takes the folder away.

`python -P -m harness.serving.cluster.janitor PIPE_FD WORKER_PID FOLDER`. Ray's agents would notice within a minute that they
are alone. A worker that ends in order says so on the pipe, and nothing is done.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys

from harness.machine.offspring import end_session


def main() -> int:
    """Waits for the worker's end."""
    pipe, worker, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if not os.read(pipe, 1):
        end_session(worker)
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
