"""Which of the files in a folder are the questions, and which vocabulary lies beside them."""

from __future__ import annotations

from pathlib import Path

from tasks.base import DataMissing

TRUTH = "squad_groundtruth.tfrecord"
VOCABULARY = "vocab.txt"


def find_data(path: Path) -> Path:
    """The file with the questions: the one that is named, or the only one of a folder.

    Raises:
        DataMissing: There is none, or more than one.
    """
    if path.is_file():
        if path.suffix not in (".tfrecord", ".json"):
            raise DataMissing(f"{path} is neither a .tfrecord with windows nor a .json in SQuAD's format")
        return path
    if not path.is_dir():
        raise DataMissing(f"no SQuAD data at {path}: a .tfrecord, a .json, or a folder with one of them was expected")
    found = sorted(hit for hit in path.iterdir() if hit.suffix in (".tfrecord", ".json") and hit.name != TRUTH)
    if not found:
        raise DataMissing(f"{path} holds neither a .tfrecord with windows nor a .json in SQuAD's format")
    if len(found) > 1:
        names = ", ".join(hit.name for hit in found)
        raise DataMissing(f"{path} holds more than one data set: {names}. Choose one with --dataset FILE.")
    return found[0]


def find_vocabulary(data: Path, chosen: Path | None) -> Path:
    """The vocabulary that is chosen, or lies beside the data.

    Raises:
        DataMissing: None is chosen, and none lies there.
    """
    if chosen is not None:
        return chosen
    beside = data.parent / VOCABULARY
    if not beside.is_file():
        raise DataMissing(
            f"no {VOCABULARY} beside {data}: put the vocabulary the model was trained with there, or name it with the"
            " option vocab"
        )
    return beside
