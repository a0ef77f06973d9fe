"""Files that a run reads, as they are sent: a model, a data set with what lies beside it, each known by what it holds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.errors import ConfigError
from harness.zoo.files.official import hash_file

_PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Content:
    """What is sent: a file, which may be larger than memory, or bytes."""

    size: int
    """In bytes."""
    source: Path | bytes

    def pieces(self) -> Iterator[bytes]:
        """All of it. A file that was cut meanwhile keeps its size, and is refused for its hash."""
        if isinstance(self.source, bytes):
            yield self.source
            return
        left = self.size
        with self.source.open("rb") as file:
            while left:
                piece = file.read(min(_PIECE_BYTES, left)) or bytes(min(_PIECE_BYTES, left))
                left -= len(piece)
                yield piece


@dataclass(frozen=True, slots=True)
class SentFile:
    """One file."""

    name: str
    """Relative to the tree's root, with slashes."""
    path: Path
    """Here."""
    sha256: str
    """Empty where only its name is sent."""
    size: int
    """0 where only its name is sent."""


@dataclass(frozen=True, slots=True)
class PackedTree:
    """Files below one root."""

    root: Path
    """Here, absolute."""
    files: tuple[SentFile, ...]

    @property
    def id(self) -> str:
        """Another one for other names or other contents: 32 hexadecimal digits."""
        text = "".join(f"{file.sha256} {file.name}\0" for file in self.files)
        return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:32]


def tree_of(path: Path, beside: Iterable[Path] = (), named_only: Iterable[Path] = ()) -> PackedTree:
    """The tree of a file or a folder.

    Args:
        path: Absolute. Links in it are followed.
        beside: More files, of which those count that lie below the folder around `path`.
        named_only: Files in it of which only the names are read: they are sent empty.

    Raises:
        ConfigError: One cannot be read.
    """
    root = path.parent
    inside = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
    more = (each for each in beside if each.is_relative_to(root) and not each.is_relative_to(path))
    files = dict.fromkeys([*inside, *sorted(more)])
    try:
        empty = set(named_only)
        return PackedTree(root, tuple(_sent(file, root, empty=file in empty) for file in files))
    except OSError as error:
        raise ConfigError(f"{error.filename or path} cannot be sent: {error.strerror}") from None


def _sent(file: Path, root: Path, *, empty: bool) -> SentFile:
    name = file.relative_to(root).as_posix()
    return SentFile(name, file, "", 0) if empty else SentFile(name, file, hash_file(file).sha256, file.stat().st_size)
