"""Speech Commands as it is shipped: a folder a word, and lists of the recordings that are held out.

Warden, "Speech Commands: A Dataset for Limited-Vocabulary Speech Recognition" (arXiv 1804.03209). Ten of the 35 words are
asked for; all others are "unknown". The test archive has `_silence_` and `_unknown_` as folders.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from accuracy.outside.shown import some
from accuracy.outside.text_files import NotText, lines_of, read_text
from tasks.base import DataMissing
from tasks.pictures.stored_truth import StoredLabels

TESTING_LIST = "testing_list.txt"
_SILENCE, _UNKNOWN = "silence", "unknown"


def listed_for_testing(path: Path) -> frozenset[str] | None:
    """The recordings that a data set's testing_list.txt names, `yes/0a7c2a8d_nohash_0.wav`; None where there is no such list.

    Raises:
        DataMissing: The list cannot be read, or names none.
    """
    place = path / TESTING_LIST
    if not path.is_dir() or not place.is_file():
        return None
    try:
        listed = frozenset(line.strip() for line in lines_of(read_text(place)) if line.strip())
    except (OSError, NotText) as error:
        raise DataMissing(f"{place} cannot be read: {error}") from None
    if not listed:
        raise DataMissing(f"{place} names no recordings: it is empty. Mend it, or take it away to use all recordings")
    return listed


def in_order(names: Sequence[str], listed: frozenset[str]) -> list[str]:
    """The recordings that are listed, in the set's order.

    Args:
        names: Of all recordings.
        listed: See `listed_for_testing`.

    Raises:
        DataMissing: One is not there.
    """
    if missing := sorted(listed - set(names)):
        raise DataMissing(f"{TESTING_LIST} names {len(missing)} recordings that are not there: {some(missing)}")
    return [name for name in names if name in listed]


def labels_of_folders(stored: StoredLabels, words: Sequence[str]) -> list[int]:
    """The label of each recording in use, by the folder it lies in.

    Args:
        stored: The folders.
        words: In the order of the model's classes, `silence` and `unknown` among them.

    Raises:
        DataMissing: No folder is called by a word that is asked for: it is another set.
    """
    folders = () if stored.classes is None else stored.classes.names
    plain = [folder.strip("_").lower() for folder in folders]
    asked = set(words) - {_SILENCE, _UNKNOWN}
    if not asked & set(plain):
        raise DataMissing(
            f"the recordings lie in the folders {some(folders)}, of which none is a word that is asked for "
            f"({', '.join(sorted(asked))}): name a file of labels with --truth"
        )
    place = [words.index(name if name in words else _UNKNOWN) for name in plain]
    return [place[value] for value in stored.values]
