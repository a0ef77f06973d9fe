"""Which TFRecord files make a set: one file, or the files of one split in a folder, none of whose shards may be missing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from tasks.base import DataMissing
from tasks.sets.hub import EVALUATION_SPLITS

_SUFFIXES = (".record", ".records", ".tfrec", ".tfrecord", ".tfrecords")
_SHARD = re.compile(r"(?P<set>.+)-(?P<number>\d{5})-of-(?P<total>\d{5})(?:\.\w+)?")
_SPLITS = ("train", "training", "testdev", "minival", *EVALUATION_SPLITS)
_WORD = re.compile(r"[a-z]+")


def is_record_set(path: Path) -> bool:
    """Whether a path is a TFRecord file, or a folder with TFRecord files in it, by their names."""
    if path.is_dir():
        return any(_is_record_file(child) for child in path.iterdir())
    return path.is_file() and _is_record_file(path)


def files_of(path: Path) -> tuple[Path, Sequence[Path]]:
    """The files of a set in the order of their names.

    Where a folder holds several splits, as converters write them, the one meant for evaluation is taken: validation, val,
    valid, dev or test, whichever comes first.

    Args:
        path: A file or folder, of which `is_record_set` holds.

    Returns:
        What to call the set, and its files.

    Raises:
        DataMissing: More than one set that may be meant, or a shard that is not there.
    """
    if not path.is_dir():
        return path, [path]
    sets: dict[str, list[Path]] = {}
    for child in sorted(path.iterdir()):
        if _is_record_file(child) and child.is_file():
            sets.setdefault(_set_of(child.name), []).append(child)
    name = _chosen(path, sets)
    shards = [match for file in sets[name] if (match := _SHARD.fullmatch(file.name))]
    there = {int(match["number"]) for match in shards}
    total = max((int(match["total"]) for match in shards), default=0)
    if missing := sorted(set(range(total)) - there):
        raise DataMissing(f"{path} lacks {len(missing)} of the {total} files of {name}, the first is {missing[0]}")
    return (path / name if len(sets) > 1 else path), sets[name]


def _is_record_file(path: Path) -> bool:
    name = path.name.lower()
    return not name.startswith(".") and (name.endswith(_SUFFIXES) or _SHARD.fullmatch(name) is not None)


def _set_of(name: str) -> str:
    """What the shards of a set have in common; whole files belong together unless their names tell their splits."""
    if match := _SHARD.fullmatch(name):
        return match["set"]
    return _split(name) or "records"


def _split(name: str) -> str | None:
    return next((word for word in reversed(_WORD.findall(name.lower())) if word in _SPLITS), None)


def _chosen(path: Path, sets: Mapping[str, Sequence[Path]]) -> str:
    if len(sets) == 1:
        return next(iter(sets))
    for split in EVALUATION_SPLITS:
        found = [name for name in sets if _split(name) == split]
        if len(found) == 1:
            return found[0]
        if found:
            break
    raise DataMissing(
        f"{path} has records of more than one set ({', '.join(sorted(sets))}): keep each in a folder of its own"
    )
