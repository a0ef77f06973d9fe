"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, BinaryIO

from accuracy.outside.plain_files import open_plain


@contextlib.contextmanager
def replacing(path: Path, under: Path | None = None) -> Iterator[BinaryIO]:
    """A file that becomes `path` when all went well: under another name in its folder, flushed to the disk, then renamed.

    Others may read it, whatever the umask. Where anything goes wrong, `path` is as it was and nothing is left behind; only a
    process that is killed leaves its file, whose name begins with a dot, until `sweep` is called.

    Args:
        path: The file.
        under: The name until then, of a file that may be there: for who writes alone, so that what a killed process left is
            written over. None for one that nobody else has.

    Raises:
        OSError: The disk is full, or the folder cannot be made or written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = under or _name_of_nobody(path)
    try:
        with temporary.open("wb") as file:
            own(file)
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException as error:
        if isinstance(error, OSError) and error.errno is not None and error.filename is None:
            error.filename = str(path)  # What a full disk says of a write names no file.
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Writes JSON `replacing` what is there.

    Raises:
        OSError: The disk is full or the folder cannot be written; nothing is left behind.
        ValueError: A number is not finite.
    """
    text = json.dumps(value, indent=2, allow_nan=False) + "\n"
    with replacing(path) as file:
        file.write(text.encode())


def own(file: IO[bytes]) -> None:
    """Says that this process is at a file, until it closes it or dies. No promise: some file systems have no locks."""
    with contextlib.suppress(OSError):
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


def sweep(path: Path) -> None:
    """Removes what a process left half written that died while it was `replacing` this file; nothing that has an owner.

    Args:
        path: The file.
    """
    with contextlib.suppress(OSError):
        for left in path.parent.glob(f".{path.name}-*"):
            remove_if_left(left)


def remove_if_left(path: Path) -> None:
    """Removes a file whose owner is dead: the lock that it held is released. One that is empty may have just been made."""
    with contextlib.suppress(OSError), open_plain(path) as file:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(file.fileno()).st_size:
            path.unlink()


def _name_of_nobody(path: Path) -> Path:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    os.close(descriptor)
    return Path(name)
