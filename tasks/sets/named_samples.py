"""Samples whose names say what they are of: by their folders, or by their own, `n01440764_tench.JPEG`, `tst_000000_Stop_7.bin`.

Folders are labels. Names of their own are none, but labels that contradict them are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from accuracy.truth.class_names import ClassNames, known_place
from tasks.base import DataMissing
from tasks.pictures.folder_labels import FOLDERS
from tasks.pictures.folders import Pictures
from tasks.pictures.stored_truth import StoredLabels

_SYNSET = re.compile(r"(?<![0-9A-Za-z])n\d{8}(?![0-9])")
_TINY = re.compile(r"\w*_([A-Za-z]+)_\d{1,2}")
"""As MLPerf Tiny calls its samples: a set, a number, the class and its place."""


def labels_by_folder(files: Pictures, named: Path | None, data: Path, patterns: Sequence[str]) -> StoredLabels | None:
    """The labels that lie with the samples, in their folders' names among others; None where others are named.

    Args:
        files: The samples.
        named: The ground truth that the user named.
        data: Where they were looked for.
        patterns: Of files of labels that may lie there.

    Raises:
        DataMissing: The folders are classes, and a file of labels lies among them.
    """
    stored = files.labels if named is None else None
    if stored is not None and stored.source == FOLDERS:
        listed = [path for pattern in patterns for path in data.glob(pattern)]
        if listed:
            raise DataMissing(
                f"{data} has its samples in folders, which may be their classes, and labels in {listed[0].name}. Name that "
                "file with --truth, or take it away"
            )
    return stored


def names_in(listed: Sequence[str] | None, names: Sequence[str]) -> Sequence[str]:
    """What a file of labels calls these samples: by their base names where it names no folders.

    Args:
        listed: The names in the file; None where its labels go by position.
        names: Of the samples in use.
    """
    if listed is None or any("/" in name for name in listed):
        return names
    return [name.rpartition("/")[2] for name in names]


def synset_place(class_count: int, model: ClassNames | None) -> Callable[[str], int | None]:
    """What says the class of a picture whose name holds one of ImageNet's synsets, as ImageNet's own names do."""

    def place(name: str) -> int | None:
        found = _SYNSET.findall(PurePosixPath(name).name)
        return known_place(found[0], class_count, model) if len(found) == 1 else None

    return place


def word_place(words: ClassNames) -> Callable[[str], int | None]:
    """What says the word of a sample of MLPerf Tiny's."""

    def place(name: str) -> int | None:
        found = _TINY.fullmatch(PurePosixPath(name).stem)
        return words.place(found[1]) if found else None

    return place


def refuse_contradictions(
    names: Sequence[str], labels: Sequence[int], place_of: Callable[[str], int | None], truth: str
) -> None:
    """Refuses labels that most of the samples' names contradict: a few may have been labelled anew.

    Args:
        names: Of the samples.
        labels: Theirs.
        place_of: The class that a name says; None where it says none.
        truth: Where the labels are from, for the message.

    Raises:
        DataMissing: They are another set's, or count otherwise.
    """
    told = [(name, label, place_of(name)) for name, label in zip(names, labels, strict=True)]
    known = [(name, label, place) for name, label, place in told if place is not None]
    wrong = [(name, label, place) for name, label, place in known if label != place]
    if 2 * len(wrong) <= len(known):
        return
    name, label, place = wrong[0]
    shifts = {label - place for _, label, place in known}
    shift = shifts.pop() if len(shifts) == 1 else 0
    way = "high" if shift > 0 else "low"
    how = f" Every label is {abs(shift):,} too {way}: labels count from 0, without a background." if shift else ""
    raise DataMissing(
        f"the labels of {truth} contradict the names of {len(wrong):,} of {len(known):,} samples: {name} is class {place} by "
        f"its name, and has the label {label}.{how}"
    )
