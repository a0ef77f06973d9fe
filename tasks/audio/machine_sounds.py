"""Recordings of machines, normal and anomalous, as ToyADMOS and DCASE 2020 task 2 lay them out; MLPerf Tiny's feature files.

    normal_id_01_00000000.wav                         in the folder that is named
    ToyCar/test/anomaly_id_01_00000000.wav            DCASE: every machine's test/ below the folder that is named
    ToyCar/case1/AnomalousSound_IND/....wav           ToyADMOS: the folder says what it is
    normal_id_01_00000000_hist_librosa.bin            EEMBC energyrunner: float32 [frames, 128]

The same in a zip archive, as Zenodo has them (dev_data_ToyCar.zip), is read in place.

A name or folder says whether a recording is normal and of which machine it is; a y_labels.csv has the last word.
"""

from __future__ import annotations

import csv
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from accuracy.auc import label_of
from accuracy.outside.border import reads
from accuracy.outside.opening import open_zip_heard, read_heard
from accuracy.outside.shown import some
from accuracy.outside.text_files import NotText, lines_of, read_text
from tasks.base import DataMissing
from tasks.pictures.listing import might_be_one

SUFFIXES = (".wav", ".bin")
LABELS = "y_labels.csv"
_HIDDEN = frozenset({"__MACOSX"})
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
    """The file, or the archive that holds it."""
    member: str | None
    """Its name in the archive; None for a file."""
    machine: str
    """As `ToyCar id_01`; "" where nothing tells one machine from another."""
    anomalous: int | None
    """1 for an anomaly, 0 for normal; None where nothing says it."""

    def read(self) -> bytes:
        """Its bytes.

        Raises:
            DataMissing: It cannot be read.
        """
        try:
            return read_heard(self.path) if self.member is None else _archive(self.path).read(self.member)
        except (OSError, zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, zlib.error) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise DataMissing(f"{self.name} cannot be read: {why}") from None


@reads(DataMissing)
def find_recordings(path: Path) -> Sequence[Recording]:
    """The recordings of a data set in the order of their names; reads none of them.

    Raises:
        DataMissing: Nothing there, or the list of labels does not belong to it.
    """
    if path.is_file() and path.suffix.lower() in SUFFIXES:
        return [_recording(path, PurePosixPath(path.name), None, {})]
    if path.is_file() and zipfile.is_zipfile(path):
        names = [PurePosixPath(name) for name in _archive(path).namelist()]
        member = next((str(name) for name in names if name.name == LABELS), None)
        text = None if member is None else _archive(path).read(member).decode("utf-8", "replace")
        found = [name for name in names if name.suffix.lower() in SUFFIXES and not _HIDDEN & set(name.parts)]
    elif path.is_dir():
        found = _listed(path)
        text = _text(path / LABELS) if (path / LABELS).is_file() else None
    else:
        what = "is neither a folder nor a zip archive" if path.exists() else "is not there"
        raise DataMissing(f"no recordings at {path}: it {what}")
    found.sort(key=str)
    tests = [name for name in found if "test" in name.parts[:-1]]
    found = tests or [name for name in found if "train" not in name.parts[:-1]]
    if not found:
        raise DataMissing(
            f"{path} holds no recordings (looked for {', '.join(SUFFIXES)}, there and in test/ of each machine)"
        )
    labels = _read_labels(path / LABELS, text) if text is not None else {}
    if missing := sorted(labels.keys() - {name.name for name in found}):
        raise DataMissing(f"{path / LABELS} labels {len(missing)} files that are not there: {some(missing)}")
    if path.is_dir():
        return [_recording(path / name, name, None, labels) for name in found]
    return [_recording(path, name, str(name), labels) for name in found]


def left_out(path: Path, recordings: Sequence[Recording]) -> Mapping[str, int]:
    """Files beside the recordings that look like some and are not read, by their suffix."""
    folders = {PurePosixPath(each.name).parent for each in recordings}
    if path.is_dir():
        there = [folder / child.name for folder in folders for child in (path / folder).iterdir() if child.is_file()]
    elif recordings[0].member is not None:
        there = [PurePosixPath(name) for name in _archive(path).namelist() if not name.endswith("/")]
    else:
        return {}
    names = [name for name in there if name.parent in folders and not name.name.startswith(".")]
    kinds = Counter(name.suffix.lower() for name in names if name.suffix and might_be_one(name.name, SUFFIXES))
    return dict(sorted(kinds.items()))


def _archive(path: Path) -> zipfile.ZipFile:
    """Kept open: it is asked thousands of times. ZipFile reads from several threads."""
    state = path.stat()
    return _opened(path, state.st_mtime_ns, state.st_ctime_ns, state.st_ino, state.st_size)


@lru_cache(maxsize=4)
def _opened(path: Path, _written_ns: int, _changed_ns: int, _inode: int, _size: int) -> zipfile.ZipFile:
    return open_zip_heard(path)


def _listed(path: Path) -> list[PurePosixPath]:
    try:
        return [PurePosixPath(file.relative_to(path).as_posix()) for file in _files(path)]
    except OSError as error:
        raise DataMissing(f"{path} cannot be listed: {error.strerror}") from None


def _text(path: Path) -> str:
    try:
        return read_text(path)
    except (OSError, NotText) as error:
        raise DataMissing(f"{path} cannot be read: {error}") from None


def _files(path: Path, level: int = 0) -> Iterator[Path]:
    for child in path.iterdir():
        if child.name.startswith(".") or child.name in _HIDDEN:
            continue
        if child.is_dir() and level < _LEVELS:
            yield from _files(child, level + 1)
        elif child.suffix.lower() in SUFFIXES and child.is_file():
            yield child


def _recording(path: Path, name: PurePosixPath, member: str | None, labels: Mapping[str, int]) -> Recording:
    folders = name.parts[:-1]
    anomalous = labels.get(name.name, label_of(name.name))
    if anomalous is None:
        told = (kind for folder in reversed(folders) for word, kind in _KINDS if word in folder.lower())
        anomalous = next(told, None)
    ids = [match[1] for part in (name.stem, *reversed(folders)) if (match := _ID.search(part))]
    kinds = [each for each in folders[:1] if each.lower() not in ("test", "train") and not _ID.search(each)]
    return Recording(str(name), path, member, " ".join([*kinds, *ids[:1]]), anomalous)


def _read_labels(path: Path, text: str) -> dict[str, int]:
    """File name, number of classes (2), label, and how its windows lie in it, a line each."""
    try:
        rows = list(csv.reader(lines_of(text.rstrip())))
    except csv.Error as error:
        raise DataMissing(f"{path} cannot be read: {error}") from None
    found: dict[str, int] = {}
    for number, row in enumerate(rows, 1):
        if len(row) < 3 or row[1].strip() != "2" or row[2].strip() not in ("0", "1"):
            raise DataMissing(f"{path}, line {number} is {','.join(row)[:60]!r}: expected file name, 2, and 0 or 1")
        found[row[0].strip()] = int(row[2])
    return found
