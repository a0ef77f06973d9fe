"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def replacing(path: Path, under: Path | None = None) -> Iterator[BinaryIO]:
    """A file that becomes `path` when all went well: under another name in its folder, flushed to the disk, then renamed.

    Others may read it, whatever the umask. Where anything goes wrong, `path` is as it was and nothing is left behind; only a
    process that is killed leaves its file, whose name begins with a dot.

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
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _name_of_nobody(path: Path) -> Path:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    os.close(descriptor)
    return Path(name)
