"""Opening a file that others may have put there: a pipe of that name has no end, and whoever opens one waits for its writer."""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

_HANDED_OVER = Path("/dev")
"""Below it lie the pipes that a shell makes for a command (`<(zcat log.gz)`), and standard input."""
_KINDS = {
    stat.S_IFDIR: os.strerror(errno.EISDIR),
    stat.S_IFIFO: "it is a pipe, not a file",
    stat.S_IFCHR: "it is a device, not a file",
    stat.S_IFBLK: "it is a device, not a file",
}


class NotPlain(OSError):  # noqa: N818 - reads as the sentence it stands in
    """What lies there is a folder, a pipe, a device or a socket."""


def open_plain(path: Path) -> BufferedReader:
    """A file's bytes, opened without waiting. What the user's shell hands over below /dev is taken as it is, if it can end.

    Raises:
        OSError: It cannot be read; `NotPlain` where it is no plain file.
    """
    if path.is_relative_to(_HANDED_OVER):
        handed_over = path.open("rb")
        if _is_endless(handed_over):
            handed_over.close()
            raise NotPlain(errno.EINVAL, _KINDS[stat.S_IFCHR], str(path))
        return handed_over
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    kind = stat.S_IFMT(os.fstat(descriptor).st_mode)
    if kind != stat.S_IFREG:
        os.close(descriptor)
        raise NotPlain(errno.EINVAL, _KINDS.get(kind, "it is no plain file"), str(path))
    return os.fdopen(descriptor, "rb")


def _is_endless(file: BufferedReader) -> bool:
    """/dev/zero and its like; a terminal and /dev/null have an end."""
    state = os.fstat(file.fileno())
    return stat.S_ISCHR(state.st_mode) and not file.isatty() and state.st_rdev != Path(os.devnull).stat().st_rdev


def read_plain(path: Path) -> bytes:
    """All bytes of a file.

    Raises:
        OSError: See `open_plain`.
    """
    with open_plain(path) as file:
        return file.read()
