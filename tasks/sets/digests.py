"""What samples and files were when they were read: their sizes and the SHA-256 of their bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from accuracy.outside.opening import open_heard


@dataclass(frozen=True, slots=True)
class Digest:
    """Tells bytes from all others."""

    size: int
    """In bytes."""
    sha256: str
    """64 hexadecimal digits."""

    @classmethod
    def of(cls, data: bytes) -> Digest:
        """Of bytes in memory."""
        return cls(len(data), hashlib.sha256(data).hexdigest())

    @classmethod
    def of_file(cls, path: Path) -> Digest:
        """Of a file, however large.

        Raises:
            OSError: It cannot be read.
        """
        with open_heard(path) as file:
            found = hashlib.file_digest(file, "sha256")
            return cls(file.tell(), found.hexdigest())


class StoredSamples(Protocol):
    """Samples that are read one by one: see `Task.stored_samples`."""

    @property
    def names(self) -> Sequence[str]:
        """In the order of the samples."""

    @property
    def classes(self) -> Sequence[str]:
        """Names by whose places the ground truth that is stored with the samples counts; empty where there are none."""

    def size(self, index: int) -> int | None:
        """Bytes, found without reading them; None where only reading tells.

        Raises:
            tasks.base.DataMissing: It is gone.
        """

    def whole(self, index: int) -> bytes:
        """All that is stored of a sample, its own ground truth with it: what a digest is of.

        Raises:
            tasks.base.DataMissing: It cannot be read.
        """
