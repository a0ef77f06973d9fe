"""CIFAR-10 as its makers publish it for C: records of a label's byte and a picture's 3,072 bytes.

A picture is 32x32 in red, then green, then blue, each row by row (Krizhevsky, "Learning Multiple Layers of Features from
Tiny Images", 2009; cifar-10-binary.tar.gz). The version for Python is pickles, which could run code: it is not read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from accuracy.outside.opening import open_heard
from tasks.base import DataMissing
from tasks.pictures.folders import Pictures, first
from tasks.pictures.stored_truth import StoredLabels
from tasks.pictures.stores import Stored

SIDE, CLASSES = 32, 10
_RECORD = 1 + 3 * SIDE * SIDE
_BATCH = re.compile(r"(data_batch(_\d+)?|test_batch)\.bin")
_FIRST = ("test_batch", "data_batch_1")
_HEADER = (
    b"\x93NUMPY\x01\x00v\x00" + b"{'descr': '|u1', 'fortran_order': False, 'shape': (32, 32, 3), }".ljust(117) + b"\n"
)
"""Of a .npy file, which every task on pictures reads."""


def is_cifar(path: Path) -> bool:
    """Whether a path is a binary batch, or a folder of batches (the pickled ones too, to be refused), by their names."""
    if path.is_dir():
        return any((path / f"{name}{suffix}").is_file() for name in _FIRST for suffix in (".bin", ""))
    return path.is_file() and _BATCH.fullmatch(path.name) is not None


def open_cifar(path: Path, count: int | None = None) -> Pictures:
    """The pictures of the test batch, or of the batches that are there; reads the labels alone.

    Args:
        path: A file or folder, of which `is_cifar` holds.
        count: Use the first `count` pictures only; None for all.

    Raises:
        DataMissing: Pickled batches, a file that is no whole number of records, or a label beyond 9.
    """
    files = _batches(path)
    keys: dict[str, str] = {}
    labels: list[int] = []
    for number, file in enumerate(files):
        found = _labels(file)
        keys |= {f"{file.stem}_{index:05}.npy": f"{number} {index}" for index in range(len(found))}
        labels += found
    whole = dict(zip(keys, labels, strict=True))
    batches = _Batches(files, whole)
    return Pictures(path, batches, keys, first(path, tuple(keys), count), batches, "records")


def _batches(path: Path) -> Sequence[Path]:
    if path.is_file():
        return [path]
    found = sorted(child for child in path.iterdir() if _BATCH.fullmatch(child.name) and child.is_file())
    if not found:
        raise DataMissing(
            f"{path} holds CIFAR-10 as Python pickles, which could run code and are not read: take the binary version, "
            "cifar-10-binary.tar.gz"
        )
    return [file for file in found if file.name == "test_batch.bin"] or found


def _labels(file: Path) -> list[int]:
    size = file.stat().st_size
    if not size or size % _RECORD:
        raise DataMissing(
            f"{file} has {size} bytes, which is no whole number of records of {_RECORD}: a label and 32x32x3 pixels each"
        )
    with open_heard(file) as opened:
        labels: list[int] = np.memmap(opened, np.uint8, "r", shape=(size // _RECORD, _RECORD))[:, 0].tolist()
    if wrong := [index for index, label in enumerate(labels) if label >= CLASSES]:
        raise DataMissing(
            f"{file} record {wrong[0]} has the label {labels[wrong[0]]}, but CIFAR-10's are 0 to 9: is it CIFAR-100?"
        )
    return labels


@dataclass(frozen=True, slots=True)
class _Batches:
    """The pictures by the number of the file and of the record in it."""

    files_read: Sequence[Path]
    label_of: Mapping[str, int]
    """By the picture's name."""

    def read(self, key: str) -> Stored:
        file, start = self._place(key)
        with file.open("rb") as opened:
            record = os.pread(opened.fileno(), _RECORD, start)
        if len(record) != _RECORD:
            raise OSError(f"{file.name} was cut")
        pixels = np.frombuffer(record, np.uint8, offset=1).reshape(3, SIDE, SIDE).transpose(1, 2, 0)
        return Stored(_HEADER + pixels.tobytes(), record)

    def opening(self, key: str) -> bytes:
        return self.read(key).picture

    def size(self, key: str) -> int:
        del key
        return _RECORD

    def stamp(self, key: str) -> str:
        file, start = self._place(key)
        stat = file.stat()
        return f"{file.name} {start} {stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_ino}"

    def files(self) -> Sequence[Path]:
        return ()

    def classes(self) -> Sequence[str]:
        return ()

    def labels(self, names: Sequence[str], verified: Sequence[str]) -> StoredLabels:
        del verified
        return StoredLabels([self.label_of[name] for name in names], 0, "label")

    def boxes(self, names: Sequence[str], verified: Sequence[str]) -> None:
        """A record holds none."""

    def masks(self, names: Sequence[str], verified: Sequence[str]) -> None:
        """A record holds none."""

    def _place(self, key: str) -> tuple[Path, int]:
        number, _, index = key.partition(" ")
        return self.files_read[int(number)], int(index) * _RECORD
