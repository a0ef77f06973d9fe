"""A cluster on this machine that begins and ends with the process that leads it: loopback alone, and a token of its own."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import Any

from harness.errors import RunFailed
from harness.machine import child_process
from harness.machine.facts import usable_cpus
from harness.machine.offspring import children, end

_OBJECT_STORE_BYTES = 80_000_000
"""The least that Ray takes: indices and answers are small."""
_STARTS = 3
"""Ray itself waits 30 s for a node to start, which a busy machine may not do."""
_OWN = {
    # By its name for other systems; what it does is to make this machine's address 127.0.0.1, to which all then bind.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_AUTH_MODE": "token",
    # Its processes would else give way to all others.
    "RAY_worker_niceness": "0",
}
_FOLDERS = "ray-"
"""How the folders of such clusters begin, below /tmp; the process's number comes next."""


class OwnCluster:
    """One of them."""

    def __init__(self) -> None:
        """Makes its folder and this process's environment; before Ray is imported, which reads it then."""
        os.environ.update(_OWN)
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
        # A cluster that the user's environment names is not this one.
        os.environ.pop("RAY_ADDRESS", None)
        _forget_stale_folders()
        # The names of sockets below it may have 107 bytes.
        self._folder = Path(tempfile.mkdtemp(prefix=f"{_FOLDERS}{os.getpid()}-", dir="/tmp"))
        self._janitor: int | None = None
        """The pipe to it."""

    def start(self, ray: Any) -> None:
        """Starts it, and joins it.

        Args:
            ray: The module.

        Raises:
            RunFailed: It cannot be started.
        """
        heard, self._janitor = os.pipe()
        child_process.start("harness.serving.cluster.janitor", [heard], str(self._folder), own_session=True)
        os.close(heard)
        before = children()
        for left in reversed(range(_STARTS)):
            try:
                ray.init(
                    address="local",
                    num_cpus=usable_cpus(),
                    include_dashboard=False,
                    object_store_memory=_OBJECT_STORE_BYTES,
                    log_to_driver=False,
                    configure_logging=False,
                    _temp_dir=str(self._folder),
                )
                return
            except Exception as error:
                with contextlib.suppress(Exception):
                    ray.shutdown()
                # Which knows nothing of what a start that failed has left.
                end(children() - before)
                if left:
                    continue
                self.forget()
                raise RunFailed(
                    f"no Ray cluster could be started on this machine in {_STARTS} tries: {first_line(error)} A machine "
                    "that is busy may be too slow for it: try again, or start one yourself (docs/cluster.md)"
                ) from error

    def forget(self) -> None:
        """It has ended: takes its folder away."""
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._janitor is not None:
            os.write(self._janitor, b".")
            os.close(self._janitor)
            self._janitor = None


def _forget_stale_folders() -> None:
    """Of processes that were killed with all that they had started."""
    for path in Path("/tmp").glob(f"{_FOLDERS}*-*"):
        pid = path.name.removeprefix(_FOLDERS).partition("-")[0]
        with contextlib.suppress(OSError):
            if pid.isdecimal() and path.stat().st_uid == os.getuid() and not Path("/proc", pid).exists():
                shutil.rmtree(path, ignore_errors=True)


def first_line(error: BaseException) -> str:
    """Of what an error says, the first line: Ray's say much more."""
    lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return lines[0].strip()
