"""One process at a time at a file of the cache, by a lock beside it that a crash releases, too."""

from __future__ import annotations

import contextlib
import errno
import fcntl
from collections.abc import Callable, Iterator
from pathlib import Path

_UNKNOWN_THERE = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP})
"""What network file systems without a lock service answer."""


class NoLocks(OSError):  # noqa: N818 - a state of the file system
    """The cache lies on a file system without locks."""


@contextlib.contextmanager
def locked(path: Path, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Holds the lock `path`, whose folder is made if need be.

    Args:
        path: The lock's own file.
        on_wait: Called where another process holds it, before waiting.

    Raises:
        NoLocks: There are none.
        OSError: The lock's file cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno in _UNKNOWN_THERE:
                raise NoLocks(error.errno, error.strerror, str(path)) from None
            raise
        yield  # released when the file is closed, by a crash as well
