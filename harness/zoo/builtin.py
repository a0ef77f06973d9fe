"""Data sets of our own making that serve where no data is given. Written into the cache on first use."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

from harness.zoo import squad_builtin

BUILTIN = {
    "squad": (squad_builtin.write_builtin_squad, squad_builtin.__file__),
}
"""Name -> (writer of a folder, source file whose content names the version)."""


def builtin_path(name: str, folder: Path) -> Path:
    """The folder of a built-in data set, written if it is not there yet.

    The folder's name holds the hash of the code that wrote it, so a changed generator never meets old data; it is
    renamed into place whole, so two processes may write at once.
    """
    write, source = BUILTIN[name]
    version = hashlib.sha256(Path(source).read_bytes()).hexdigest()[:12]
    place = folder / f"{name}-{version}"
    if place.is_dir():
        return place
    folder.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder))
    try:
        write(temporary)
        temporary.chmod(0o755)
        temporary.rename(place)
    except OSError:
        # Another process was first: rename refuses a folder that is not empty.
        if not place.is_dir():
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return place
