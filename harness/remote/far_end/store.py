"""Files that were sent, each under the SHA-256 of what it holds, and the trees that are made of them."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from harness.remote.far_end.wire import Refused, Wire

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_KINDS = ("blobs", "trees", "deps", "envs", "jobs", "locks", "cache")
_MARK = ".tflite-loadgen"
"""An empty file in a folder that is ours."""
_ROOM = 64 << 20
"""What is to stay free beside what is sent."""


class FileStore:
    """One folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self) -> None:
        """Makes the folder, for its user alone.

        Raises:
            Refused: It is somebody's already: what is ours there could not be told from what is not.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._require_ours()
        (self.folder / _MARK).touch()
        for kind in _KINDS:
            (self.folder / kind).mkdir(exist_ok=True)

    def _require_ours(self) -> None:
        if (self.folder / _MARK).exists():
            return
        if others := sorted({each.name for each in self.folder.iterdir()} - set(_KINDS)):
            raise Refused("foreign", f"{self.folder} has other files ({others[0]})")

    def blob(self, sha256: str) -> Path:
        """Where a file lies, or would."""
        return self.folder / "blobs" / sha256

    def _has(self, sha256: str, size: int) -> bool:
        """Whether a file is here. One that was written just before the power went may be empty under its right name."""
        try:
            return self.blob(sha256).stat().st_size == size
        except FileNotFoundError:
            return False

    def missing(self, files: list[tuple[str, int]]) -> list[str]:
        """Which of these are not here yet, by SHA-256 and size.

        Raises:
            Refused: There is no room for them.
        """
        self.make()
        absent = {sha256: size for sha256, size in files if not self._has(sha256, size)}
        need, free = sum(absent.values()), shutil.disk_usage(self.folder).free
        if absent and need + _ROOM > free:
            raise Refused("full", f"{need >> 20} MB are to be sent, and {free >> 20} MB are free")
        return list(absent)

    def take(self, files: list[tuple[str, int]], wire: Wire) -> None:
        """Takes files whose bytes come one behind the other; also where they cannot be kept, all of them are read.

        Raises:
            OSError: The disk is full.
            Refused: A file is not what it should be.
        """
        failure: Exception | None = None
        for sha256, size in files:
            part = self.folder / "blobs" / f".{os.getpid()}-{sha256}"
            try:
                with part.open("wb") as file:
                    arrived = _written(wire, size, file)
                if arrived != sha256:
                    raise Refused("broken", f"{sha256} did not arrive as it was sent")
                part.replace(self.blob(sha256))
            except (OSError, Refused) as error:
                failure = failure or error
            finally:
                # Also of a connection that broke.
                part.unlink(missing_ok=True)
        if failure:
            raise failure

    def tree(self, name: str, files: list[tuple[str, str, int]]) -> None:
        """Lays files out, by relative path, SHA-256 and size; those without a SHA-256 are empty, for their names' sake."""
        tree = self.folder / "trees" / name
        if tree.exists():
            if all(_size(tree / relative) == size for relative, _, size in files):
                return
            shutil.rmtree(tree)
        new = tree.with_name(f".{os.getpid()}-{name}")
        shutil.rmtree(new, ignore_errors=True)
        for relative, sha256, _ in files:
            place = new / relative
            place.parent.mkdir(parents=True, exist_ok=True)
            if sha256:
                self.link(sha256, place)
            else:
                place.touch()
        try:
            new.replace(tree)
        except OSError:
            # Another connection was quicker.
            shutil.rmtree(new, ignore_errors=True)
            if not tree.exists():
                raise

    def link(self, sha256: str, place: Path) -> None:
        """The same file under another name; a copy where the file system has no links."""
        try:
            place.hardlink_to(self.blob(sha256))
        except OSError as error:
            if error.errno in FULL:
                raise
            shutil.copyfile(self.blob(sha256), place)

    def forget(self, sha256s: list[str]) -> None:
        """Takes files away that are installed, or laid out."""
        for sha256 in sha256s:
            self.blob(sha256).unlink(missing_ok=True)

    def clean(self) -> int:
        """Takes all away.

        Returns:
            Bytes, those of a file with several names once.

        Raises:
            Refused: It is not ours.
        """
        if not self.folder.is_dir():
            return 0
        self._require_ours()
        seen = {(found.st_dev, found.st_ino): found.st_size for found in map(os.lstat, _all(self.folder))}
        for kind in _KINDS:
            shutil.rmtree(self.folder / kind, ignore_errors=True)
        (self.folder / _MARK).unlink(missing_ok=True)
        # Not what somebody has put beside it, nor a link that leads to it.
        with contextlib.suppress(OSError):
            self.folder.rmdir()
        return sum(seen.values())


def _written(wire: Wire, size: int, file: IO[bytes]) -> str:
    """The SHA-256 of what came. Where it cannot be written, the rest is read all the same, for requests come behind it."""
    digest, failure = hashlib.sha256(), None
    for piece in wire.pieces(size):
        digest.update(piece)
        try:
            if failure is None:
                file.write(piece)
        except OSError as error:
            failure = error
    if failure:
        raise failure
    return digest.hexdigest()


def _size(file: Path) -> int | None:
    try:
        return file.stat().st_size
    except OSError:
        return None


def _all(folder: Path) -> Iterator[str]:
    for root, _, names in os.walk(folder):
        for name in names:
            yield f"{root}/{name}"
