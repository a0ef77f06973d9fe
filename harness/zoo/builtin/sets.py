"""Data sets of our own making that serve where no data is given. Written into the cache on first use."""

from __future__ import annotations

import hashlib
import importlib
from pathlib import Path

from harness.scratch_folder import ScratchFolder
from harness.zoo.files.contents import is_whole, write_contents
from harness.zoo.files.locks import NoLocks, locked

_ZOO = Path(__file__).parents[1]
_PICTURE_FILES = ("builtin/drawing.py", "graph/noise.py")
_SOUND_FILES = (*_PICTURE_FILES, "builtin/tones.py")

BUILTIN = {
    "squad": ("squad", "write_builtin_squad", ("builtin/squad_words.py",)),
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


def builtin_path(name: str, folder: Path, *, every_byte: bool = False) -> Path:
    """The folder of a built-in data set, written if it is not there yet, or no longer as it was written.

    The folder's name holds the hash of the code that wrote it, so a changed generator never meets old data; it is
    renamed into place whole, so two processes may write at once.

    Args:
        name: The set's.
        folder: Of all of them.
        every_byte: Its contents are read and held against what was written: for what is scored.

    Raises:
        OSError: It is not there or damaged, and cannot be written.
    """
    module, writer, others = BUILTIN[name]
    version = hashlib.sha256(
        b"".join((_ZOO / each).read_bytes() for each in (f"builtin/{module}.py", *others))
    ).hexdigest()
    place = folder / f"{name}-{version[:12]}"
    if is_whole(place, every_byte=every_byte):
        return place
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with locked(folder / f".{place.name}.lock"):
            # The one that we waited for may have made it.
            if not is_whole(place, every_byte=every_byte):
                _make(module, writer, place)
    except NoLocks:
        _make(module, writer, place)
    return place


def _make(module: str, writer: str, place: Path) -> None:
    with ScratchFolder(place.name, place.parent) as scratch:
        made, damaged = Path(scratch) / "made", Path(scratch) / "damaged"
        made.mkdir()
        getattr(importlib.import_module(f"harness.zoo.builtin.{module}"), writer)(made)
        write_contents(made, place)
        if place.exists():
            # A run that reads it still has its files open, and its own digests of them.
            place.rename(damaged)
        made.rename(place)
