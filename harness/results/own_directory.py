"""A directory of runs that one command at a time writes into."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from harness.errors import ConfigError


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Makes the directory and keeps it for this process until the block ends, or the process does, however it does.

    The lock is the directory's own, so that nothing of it is left behind. Some file systems have no locks: there two commands
    are told apart by the files that each must be the first to make.

    Args:
        folder: Of a run or of several.

    Raises:
        ConfigError: Another process keeps it, or it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigError(f"cannot write the run's directory {folder}: {error.strerror}") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"another command is at work in {folder}: wait until it has ended, or give another --out"
            ) from None
        except OSError:
            pass
        yield
    finally:
        os.close(descriptor)
