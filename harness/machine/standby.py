"""A child that is started before it is known where it shall work: it imports its module meanwhile, and waits to be told.

`python -P -m harness.machine.standby SOCKET_FD PARENT_PID MODULE ALSO...` is that process.
"""

from __future__ import annotations

import gc
import importlib
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from harness.machine import child_process
from harness.machine.child_process import Child, live_and_die_with

_LONGEST, _MOST_DESCRIPTORS = 1 << 16, 16


class Standby:
    """A child in waiting. Whoever makes one calls `dismiss` in the end, whether it was taken or not."""

    def __init__(self, module: str, also: Sequence[str] = ()) -> None:
        """Starts it.

        Args:
            module: As for `child_process.start`.
            also: Modules that it will need and imports by itself only when it does.
        """
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, Path(os.devnull).open("wb") as nowhere:
            self._child: Child | None = child_process.start(
                "harness.machine.standby", [theirs.fileno()], module, *also, log=nowhere, own_session=True
            )

    def take(self, descriptors: Sequence[int], folder: Path, log: IO[bytes]) -> Child | None:
        """Sets it to work, as `child_process.start` would start it in a session of its own.

        Returns:
            None where it has gone, or was taken before.
        """
        child, self._child = self._child, None
        if child is None:
            return None
        try:
            socket.send_fds(self._socket, [str(folder.absolute()).encode()], [log.fileno(), *descriptors])
        except OSError:
            self._child = child
            self.dismiss()
            return None
        return child

    def dismiss(self) -> None:
        """Ends one that nobody has taken."""
        self._socket.close()
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait()


def main() -> None:
    """The process."""
    channel, parent, module, *also = sys.argv[1:]
    live_and_die_with(int(parent))
    failure = None
    # What is imported stays: it is not looked through for garbage meanwhile, nor before LoadGen's first query.
    gc.disable()
    try:
        found = importlib.import_module(module)
        for name in also:
            importlib.import_module(name)
    except Exception as error:
        # It is told where somebody reads it: in the log.
        failure = error
    gc.freeze()
    gc.enable()
    with socket.socket(fileno=int(channel)) as told:
        folder, descriptors, _, _ = socket.recv_fds(told, _LONGEST, _MOST_DESCRIPTORS)
    if not folder:
        return
    log, *given = descriptors
    os.dup2(log, sys.stdout.fileno())
    os.dup2(log, sys.stderr.fileno())
    os.close(log)
    os.chdir(os.fsdecode(folder))
    sys.argv = [module, *map(str, given), parent]
    if failure is not None:
        raise failure
    child_process.leave(found.main())


if __name__ == "__main__":
    main()
