"""Data sets of our own making that serve where no data is given. Written into the cache on first use."""

from __future__ import annotations

import hashlib
import importlib
import shutil
import tempfile
from pathlib import Path

_ZOO = Path(__file__).parents[1]
_PICTURE_FILES = ("builtin/drawing.py", "graph/noise.py")
_SOUND_FILES = (*_PICTURE_FILES, "builtin/tones.py")

BUILTIN = {
    "squad": ("squad", "write_builtin_squad", ()),
    "imagenet": ("imagenet", "write_builtin_imagenet", _PICTURE_FILES),
    "coco": ("coco", "write_builtin_coco", _PICTURE_FILES),
    "ade20k": ("ade20k", "write_builtin_ade20k", _PICTURE_FILES),
    "cifar10": ("cifar10", "write_builtin_cifar10", _PICTURE_FILES),
    "vww": ("persons", "write_builtin_vww", _PICTURE_FILES),
    "coco_person": ("persons", "write_builtin_persons", _PICTURE_FILES),
    "faces": ("faces", "write_builtin_faces", _PICTURE_FILES),
    "speech_commands": ("words", "write_builtin_words", _SOUND_FILES),
    "wake_word": ("words", "write_builtin_wake_word", _SOUND_FILES),
    "toyadmos": ("machines", "write_builtin_machines", _SOUND_FILES),
}
"""Name -> module, its writer of a folder, and the further modules of this package that decide what is written."""


def builtin_path(name: str, folder: Path) -> Path:
    """The folder of a built-in data set, written if it is not there yet.

    The folder's name holds the hash of the code that wrote it, so a changed generator never meets old data; it is
    renamed into place whole, so two processes may write at once.
    """
    module, writer, others = BUILTIN[name]
    version = hashlib.sha256(
        b"".join((_ZOO / each).read_bytes() for each in (f"builtin/{module}.py", *others))
    ).hexdigest()
    place = folder / f"{name}-{version[:12]}"
    if place.is_dir():
        return place
    folder.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder))
    try:
        getattr(importlib.import_module(f"harness.zoo.builtin.{module}"), writer)(temporary)
        temporary.chmod(0o755)
        temporary.rename(place)
    except OSError:
        # Another process was first: rename refuses a folder that is not empty.
        if not place.is_dir():
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return place
