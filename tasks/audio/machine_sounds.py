"""Recordings of machines, normal and anomalous, as ToyADMOS and DCASE 2020 task 2 lay them out; MLPerf Tiny's feature files.

    normal_id_01_00000000.wav                         in the folder that is named
    ToyCar/test/anomaly_id_01_00000000.wav            DCASE: every machine's test/ below the folder that is named
    ToyCar/case1/AnomalousSound_IND/....wav           ToyADMOS: the folder says what it is
    normal_id_01_00000000_hist_librosa.bin            EEMBC energyrunner: float32 [frames, 128]

A name or folder says whether a recording is normal and of which machine it is; a y_labels.csv has the last word.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from accuracy.auc import label_of
from accuracy.outside.border import reads
from accuracy.outside.shown import some
from accuracy.outside.text_files import NotText, lines_of, read_text
from tasks.base import DataMissing

SUFFIXES = (".wav", ".bin")
LABELS = "y_labels.csv"
_LEVELS = 4
"""Folders below the one that is named that are searched."""
_ID = re.compile(r"(?:^|_)(id_\d+|case\d+)(?:_|$)")
_KINDS = (("anomal", 1), ("normal", 0))


@dataclass(frozen=True, slots=True)
class Recording:
    """One file."""

    name: str
    """Its path below the folder that is named, with slashes."""
    path: Path
    machine: str
    """As `ToyCar id_01`; "" where nothing tells one machine from another."""
    anomalous: int | None
    """1 for an anomaly, 0 for normal; None where nothing says it."""


@reads(DataMissing)
def find_recordings(path: Path) -> Sequence[Recording]:
    """The recordings of a data set in the order of their names; reads none of them.

    Raises:
        DataMissing: Nothing there, or the list of labels does not belong to it.
    """
    if path.is_file() and path.suffix.lower() in SUFFIXES:
        return [_recording(path.parent, path, {})]
    if not path.is_dir():
        what = "is no folder: unpack it and name the folder" if path.exists() else "is not there"
        raise DataMissing(f"no recordings at {path}: it {what}")
    try:
        found = sorted(_files(path), key=lambda file: file.relative_to(path).as_posix())
    except OSError as error:
        raise DataMissing(f"{path} cannot be listed: {error.strerror}") from None
    tests = [file for file in found if "test" in file.relative_to(path).parts[:-1]]
    found = tests or [file for file in found if "train" not in file.relative_to(path).parts[:-1]]
    if not found:
        raise DataMissing(
            f"{path} holds no recordings (looked for {', '.join(SUFFIXES)}, there and in test/ of each machine)"
        )
    labels = _read_labels(path / LABELS) if (path / LABELS).is_file() else {}
    names = {file.name for file in found}
    if missing := sorted(labels.keys() - names):
        raise DataMissing(f"{path / LABELS} labels {len(missing)} files that are not there: {some(missing)}")
    return [_recording(path, file, labels) for file in found]


def _files(path: Path, level: int = 0) -> Iterator[Path]:
    for child in path.iterdir():
        if child.name.startswith(".") or child.name == "__MACOSX":
            continue
        if child.is_dir() and level < _LEVELS:
            yield from _files(child, level + 1)
        elif child.suffix.lower() in SUFFIXES and child.is_file():
            yield child


def _recording(root: Path, file: Path, labels: Mapping[str, int]) -> Recording:
    name = PurePosixPath(file.relative_to(root).as_posix())
    folders = name.parts[:-1]
    anomalous = labels.get(file.name, label_of(file.name))
    if anomalous is None:
        told = (kind for folder in reversed(folders) for word, kind in _KINDS if word in folder.lower())
        anomalous = next(told, None)
    ids = [match[1] for part in (name.stem, *reversed(folders)) if (match := _ID.search(part))]
    kinds = [each for each in folders[:1] if each.lower() not in ("test", "train") and not _ID.search(each)]
    return Recording(str(name), file, " ".join([*kinds, *ids[:1]]), anomalous)


def _read_labels(path: Path) -> dict[str, int]:
    """File name, number of classes (2), label, and how its windows lie in it, a line each."""
    try:
        rows = list(csv.reader(lines_of(read_text(path).rstrip())))
    except (OSError, NotText, csv.Error) as error:
        raise DataMissing(f"{path} cannot be read: {error}") from None
    found: dict[str, int] = {}
    for number, row in enumerate(rows, 1):
        if len(row) < 3 or row[1].strip() != "2" or row[2].strip() not in ("0", "1"):
            raise DataMissing(f"{path}, line {number} is {','.join(row)[:60]!r}: expected file name, 2, and 0 or 1")
        found[row[0].strip()] = int(row[2])
    return found
