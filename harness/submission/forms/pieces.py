"""The files of a tree before they are written, and how they get there: what is there already stays as it is."""

from __future__ import annotations

import contextlib
import errno
import filecmp
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from accuracy.outside.plain_files import open_plain
from harness.errors import ConfigError, RunFailed

VIEWABLE_BYTES = 4096
"""Of an accuracy log's beginning and end (INF truncate_accuracy_log.py)."""
_BETWEEN = b"\n\n...\n\n"


@dataclass(frozen=True, slots=True)
class TextPiece:
    """A text that is written."""

    path: str
    text: str
    skeleton: bool = False
    """People fill it in: one that is there already is theirs."""


@dataclass(frozen=True, slots=True)
class CopyPiece:
    """A file that is copied as it is."""

    path: str
    source: Path


@dataclass(frozen=True, slots=True)
class TruncatedPiece:
    """An accuracy log, both ends of it. A short one stays whole."""

    path: str
    source: Path


@dataclass(frozen=True, slots=True)
class PartPiece:
    """A part of a file that is too large for a repository."""

    path: str
    source: Path
    offset: int
    length: int


Piece = TextPiece | CopyPiece | TruncatedPiece | PartPiece


@dataclass(frozen=True, slots=True)
class WrittenFiles:
    """What became of a tree's files."""

    written: int
    there_already: int


def write_pieces(out: Path, pieces: Sequence[Piece]) -> WrittenFiles:
    """Writes a tree; where a file cannot be written, those that were written before it are taken away again.

    Raises:
        ConfigError: A file is there with other content, or the folder cannot be written.
        RunFailed: The disk is full.
    """
    other = [piece.path for piece in pieces if _differs(out / piece.path, piece)]
    if other:
        more = f" and {len(other) - 1} more" if len(other) > 1 else ""
        raise ConfigError(
            f"{out / other[0]}{more} is there already, of other runs or changed since: take it away, or name another --out"
        )
    made: list[Path] = []
    lacking = [piece for piece in pieces if not (out / piece.path).exists()]
    try:
        for piece in lacking:
            _write(out / piece.path, piece, made)
    except OSError as error:
        _take_away(made)
        said = f"the tree in {out} cannot be written: {error.strerror}; nothing that was begun is left"
        raise (RunFailed(said) if error.errno in (errno.ENOSPC, errno.EDQUOT) else ConfigError(said)) from None
    except BaseException:
        _take_away(made)
        raise
    return WrittenFiles(len(lacking), len(pieces) - len(lacking))


def truncated(source: Path) -> bytes:
    """What MLCommons' tool leaves of an accuracy log.

    Raises:
        OSError: It cannot be read.
    """
    size = source.stat().st_size
    with open_plain(source) as file:
        if size < VIEWABLE_BYTES:
            return file.read()
        start = file.read(VIEWABLE_BYTES)
        file.seek(size - VIEWABLE_BYTES)
        return start + _BETWEEN + file.read(VIEWABLE_BYTES)


def moved(piece: Piece, places: Mapping[str, str]) -> Piece | None:
    """The same file below another folder; None where it lies in none of these.

    Args:
        piece: The file.
        places: Folder -> the one that takes its place.
    """
    for old, new in places.items():
        if piece.path.startswith(f"{old}/"):
            return replace(piece, path=f"{new}/{piece.path.removeprefix(f'{old}/')}")
    return None


def _differs(path: Path, piece: Piece) -> bool:
    if path.is_symlink():
        return True
    if not path.exists() or (isinstance(piece, TextPiece) and piece.skeleton and path.is_file()):
        return False
    if not path.is_file():
        return True
    if isinstance(piece, CopyPiece):
        return not filecmp.cmp(path, piece.source, shallow=False)
    with open_plain(path) as found, _content(piece) as wanted:
        while block := wanted.read(1 << 20):
            if found.read(len(block)) != block:
                return True
        return bool(found.read(1))


@contextlib.contextmanager
def _content(piece: Piece) -> Iterator[BinaryIO]:
    match piece:
        case TextPiece():
            yield BytesIO(piece.text.encode())
        case TruncatedPiece():
            yield BytesIO(truncated(piece.source))
        case PartPiece():
            with open_plain(piece.source) as file:
                file.seek(piece.offset)
                yield BytesIO(file.read(piece.length))
        case CopyPiece():
            with open_plain(piece.source) as file:
                yield file


def _write(path: Path, piece: Piece, made: list[Path]) -> None:
    folders = [one for one in (path.parent, *path.parent.parents) if not one.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    made += reversed(folders)
    with _content(piece) as content, path.open("xb") as file:
        made.append(path)
        shutil.copyfileobj(content, file, 1 << 20)
    path.chmod(0o644)


def _take_away(made: Sequence[Path]) -> None:
    for path in reversed(made):
        with contextlib.suppress(OSError):
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink()
