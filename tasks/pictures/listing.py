"""Which files of a folder or zip archive are the samples of a set, which folders are classes, and what is left out.

    pictures in it                      those
    one folder of pictures              those
    a folder of pictures a class        those, labelled by their folders, where the task asks for classes
    such folders in val/, test/ ...     those of the split that is meant for evaluation

Their order is that of the sorted file names: where folders of classes hold files of one name, their folders decide.
"""

from __future__ import annotations

import os
import re
import zipfile
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from accuracy.outside.shown import some
from tasks.base import DataMissing
from tasks.sets.hub import EVALUATION_SPLITS

_ROOT = PurePosixPath(".")
_NOT_SAMPLES = ("annotations", "__MACOSX", "_background_noise_")
"""Folders whose .png files are ground truth or a Mac archiver's resource forks, and Speech Commands' noise to mix in."""
_EXPECTED = "outputs"
"""A folder of arrays that a model should give."""
_SPLITS = frozenset(("train", "training", *EVALUATION_SPLITS))
_SYNSET = re.compile(r"n\d{8}.*")
_BESIDE = frozenset(
    [
        "csv",
        "html",
        "json",
        "jsonl",
        "md",
        "names",
        "pbtxt",
        "pdf",
        "pickle",
        "pkl",
        "txt",
        "tsv",
        "xml",
        "yaml",
        "yml",
        "zip",
        "gz",
        "tar",
        "lock",
        "db",
        "ini",
        "py",
        "sh",
    ]
)
"""Suffixes of what lies beside samples and is none: labels, notes, archives."""


NO_SUFFIX = "without a suffix"
"""How files whose names have none are counted."""
HIDDEN = "hidden by a dot"
"""How samples are counted whose names begin with one: a Mac's resource forks (`._a.jpg`), and what somebody hid."""
_NOTES = frozenset(
    ["authors", "changelog", "copying", "labels", "license", "makefile", "notice", "readme", "thumbs", "version"]
)


@dataclass(frozen=True, slots=True)
class Listing:
    """The samples of a set."""

    base: PurePosixPath
    """The folder that holds them, below the path that was named."""
    keys: Mapping[str, str]
    """Name -> path below the path that was named, in order. Names are base names, after their folder where that is a class."""
    classes: tuple[str, ...]
    """The folders that are classes, sorted, those without samples too; empty where folders mean nothing."""
    left_out: Mapping[str, int]
    """Files that look like samples and are none of the set, by suffix."""


class Place(ABC):
    """What is searched. Folders are relative to it."""

    path: Path

    @abstractmethod
    def files(self, folder: PurePosixPath) -> Sequence[str]:
        """Names of the files in a folder, not below it."""

    @abstractmethod
    def folders(self, folder: PurePosixPath) -> Sequence[PurePosixPath]:
        """The folders in a folder that may hold samples."""

    @abstractmethod
    def candidates(self, suffixes: Sequence[str]) -> Sequence[PurePosixPath]:
        """Folders that hold samples."""


class FolderPlace(Place):
    """A folder: it, what lies in it, and where there is no sample one level more."""

    def __init__(self, path: Path) -> None:
        """The folder."""
        self.path = path
        self._listed: dict[PurePosixPath, tuple[list[str], list[PurePosixPath]]] = {}

    def files(self, folder: PurePosixPath) -> Sequence[str]:
        """As `Place.files`."""
        return self._list(folder)[0]

    def folders(self, folder: PurePosixPath) -> Sequence[PurePosixPath]:
        """As `Place.folders`."""
        return self._list(folder)[1]

    def _list(self, folder: PurePosixPath) -> tuple[list[str], list[PurePosixPath]]:
        if folder not in self._listed:
            files: list[str] = []
            folders: list[PurePosixPath] = []
            with os.scandir(self.path / folder) as entries:
                for entry in entries:
                    if not entry.is_dir():
                        files.append(entry.name)
                    elif may_hold_samples(entry.name):
                        folders.append(folder / entry.name)
            self._listed[folder] = files, folders
        return self._listed[folder]

    def candidates(self, suffixes: Sequence[str]) -> Sequence[PurePosixPath]:
        """As `Place.candidates`."""
        level: Sequence[PurePosixPath] = [_ROOT]
        for _ in range(3):
            if found := [folder for folder in level if _samples(self, folder, suffixes)]:
                return found
            level = [below for folder in level for below in self.folders(folder)]
        return []


class ArchivePlace(Place):
    """A zip archive, whatever lies how deep in it."""

    def __init__(self, path: Path, archive: zipfile.ZipFile, suffixes: Sequence[str]) -> None:
        """Lists the archive.

        Raises:
            DataMissing: A sample is there twice.
        """
        self.path = path
        self.key_of: dict[str, str] = {}
        """The archive's own name of a member."""
        self._files: dict[PurePosixPath, list[str]] = {}
        for key in archive.namelist():
            member = PurePosixPath(key)
            if key.endswith("/"):
                self._files.setdefault(member, [])
                continue
            if not all(map(may_hold_samples, member.parent.parts)) or member.name in _NOT_SAMPLES:
                continue
            if str(member) in self.key_of and key.lower().endswith(tuple(suffixes)):
                raise DataMissing(f"{path} holds {key} twice: which one is meant? Unpack it and name the folder")
            self.key_of[str(member)] = key
            self._files.setdefault(member.parent, []).append(member.name)

    def files(self, folder: PurePosixPath) -> Sequence[str]:
        """As `Place.files`."""
        return self._files.get(folder, [])

    def folders(self, folder: PurePosixPath) -> Sequence[PurePosixPath]:
        """As `Place.folders`."""
        inside = {each for known in self._files for each in (known, *known.parents) if each.parent == folder != each}
        return [each for each in inside if may_hold_samples(each.name)]

    def candidates(self, suffixes: Sequence[str]) -> Sequence[PurePosixPath]:
        """As `Place.candidates`."""
        return [folder for folder in self._files if _samples(self, folder, suffixes)]


def list_samples(place: Place, suffixes: Sequence[str], *, by_class: bool, what: str = "pictures") -> Listing:
    """Finds the samples of a set.

    Args:
        place: Where.
        suffixes: What counts as a sample, lower case with the dot.
        by_class: Whether folders may be classes.
        what: What messages call the samples.

    Raises:
        DataMissing: None there, or folders of which one must be meant.
    """
    found = sorted(place.candidates(suffixes))
    if not found:
        raise DataMissing(f"{place.path} holds no {what} (looked for {', '.join(suffixes)}, there and one folder down)")
    if _ROOT in found or (len(found) == 1 and not (by_class and _SYNSET.fullmatch(found[0].name))):
        base = _ROOT if _ROOT in found else found[0]
        keys = {name: str(base / name) for name in sorted(_samples(place, base, suffixes))}
        # Pictures below others may be what is right for them: masks, originals.
        nested = by_class or what != "pictures"
        return Listing(base, keys, (), _left_out(place, base, suffixes, nested=nested))
    of_classes = _base_of_classes(found) if by_class else None
    if of_classes is None:
        raise _unclear(place, found, by_class=by_class, what=what)
    return _by_class(place, of_classes, suffixes)


def may_hold_samples(name: str) -> bool:
    """Whether a file or folder of this name may be or hold a sample."""
    return not name.startswith(".") and name not in _NOT_SAMPLES


def _samples(place: Place, folder: PurePosixPath, suffixes: Sequence[str]) -> list[str]:
    return [name for name in _named_so(place, folder, suffixes) if not name.startswith(".")]


def _named_so(place: Place, folder: PurePosixPath, suffixes: Sequence[str]) -> list[str]:
    wanted = tuple(suffixes)
    return [name for name in place.files(folder) if name.lower().endswith(wanted)]


def _base_of_classes(found: Sequence[PurePosixPath]) -> PurePosixPath | None:
    """The folder whose folders are classes; None where that is not clear."""
    parents = sorted({folder.parent for folder in found})
    if len(parents) == 1:
        return None if all(folder.name.lower() in _SPLITS for folder in found) else parents[0]
    for split in EVALUATION_SPLITS:
        named = [parent for parent in parents if parent.name.lower() == split]
        if named:
            return named[0] if len(named) == 1 else None
    return None


def _by_class(place: Place, base: PurePosixPath, suffixes: Sequence[str]) -> Listing:
    folders = sorted(place.folders(base))
    samples = [(name, folder.name) for folder in folders for name in _samples(place, folder, suffixes)]
    keys = {f"{folder}/{name}": str(base / folder / name) for name, folder in sorted(samples)}
    left_out: Counter[str] = Counter(_left_out(place, base, suffixes, nested=False))
    for folder in folders:
        left_out.update(_left_out(place, folder, suffixes, nested=True))
    return Listing(base, keys, tuple(folder.name for folder in folders), dict(sorted(left_out.items())))


def _left_out(place: Place, folder: PurePosixPath, suffixes: Sequence[str], *, nested: bool) -> dict[str, int]:
    names = [name for name in place.files(folder) if not name.startswith(".") and might_be_one(name, suffixes)]
    if nested:
        below = [each for each in place.folders(folder) if each.name != _EXPECTED]
        names += [name for each in below for name in _samples(place, each, suffixes)]
    kinds = Counter(PurePosixPath(name).suffix.lower() or NO_SUFFIX for name in names)
    kinds[HIDDEN] = sum(name.startswith(".") for name in _named_so(place, folder, suffixes))
    return {kind: count for kind, count in sorted(kinds.items()) if count}


def might_be_one(name: str, suffixes: Sequence[str]) -> bool:
    """Whether a file that is not read looks like a sample all the same: it is none of what lies beside them, as text does."""
    suffix = PurePosixPath(name).suffix.lower()
    if suffix == "":
        return name.lower() not in _NOTES
    return suffix not in suffixes and suffix.removeprefix(".") not in _BESIDE


def _unclear(place: Place, found: Sequence[PurePosixPath], *, by_class: bool, what: str) -> DataMissing:
    advice = "Name the one that is meant" if place.path.is_dir() else "Unpack it and name the one that is meant"
    why = "" if by_class else " (folders are classes for image classification alone)"
    return DataMissing(
        f"{place.path} has more than one folder of {what}: {some([str(folder) for folder in found])}{why}. {advice}."
    )
