"""How a file enters the cache: one process at a time, whole, under its name only when it has been judged."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.errors import ConfigError
from harness.zoo.files import locks
from harness.zoo.files.catalog import Item
from harness.zoo.files.download import FetchFailed, forget
from harness.zoo.files.official import PARTIAL, REJECTED, Cached, Digests, is_published, official_path, write_stamp


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of one file."""

    file: str
    state: str
    """`verified`, `unverified` or `failed`."""
    what: str
    """For a person: fetched, was here, or why not."""
    path: Path | None = None
    size_bytes: int = 0
    sha256: str | None = None
    fatal: FetchFailed | ConfigError | None = None


def install(item: Item, partial: Path, digests: Digests, cache: Path, what: str) -> FileOutcome:
    """Under its name, whole, with its stamp."""
    path = official_path(item.file, cache)
    # Not by `whole_file.replacing`: it is there already, as the download left it, and goes on where that broke off.
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    write_stamp(item.file, partial, digests, cache)
    partial.replace(path)
    forget(partial)
    state = "verified" if is_published(digests, item.entry) else "unverified"
    return FileOutcome(item.file, state, what, path, path.stat().st_size, digests.sha256)


def outcome_of(item: Item, found: Cached, what: str) -> FileOutcome:
    """The outcome for a file that is in the cache already."""
    return FileOutcome(item.file, found.state, what, found.path, found.size_bytes, found.sha256)


def partial_path(file: str, cache: Path) -> Path:
    """Where a file lies until it is whole and judged."""
    path = official_path(file, cache)
    return path.with_name(path.name + PARTIAL)


def put_aside(found: Cached, *, replaced: bool = False) -> None:
    """Takes a corrupt file out of the way, or one that is replaced; it is kept."""
    if (found.state == "corrupt" or replaced) and found.path.is_file():
        found.path.replace(found.path.with_name(found.path.name + REJECTED))


@contextlib.contextmanager
def writing(cache: Path) -> Iterator[None]:
    """Says which cache could not be written, and why."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        yield
    except locks.NoLocks as error:
        raise ConfigError(
            f"the cache {cache} lies on a file system without locks ({error.strerror}), so two processes could spoil each "
            "other's files: choose another with --cache-dir or TFLITE_LOADGEN_CACHE"
        ) from None
    except OSError as error:
        where = error.filename or cache
        if isinstance(error, PermissionError) or error.errno == errno.EROFS:
            raise ConfigError(
                f"the cache {cache} cannot be written ({where}: {error.strerror}): choose another with --cache-dir or "
                "TFLITE_LOADGEN_CACHE"
            ) from None
        raise FetchFailed(
            f"{where} cannot be written: {error.strerror}. Free some space, or choose another cache"
        ) from None


@contextlib.contextmanager
def locked(file: str, cache: Path, on_wait: Callable[[str], None]) -> Iterator[None]:
    """Only one process at a time is at a file."""
    with locks.locked(official_path(".locks", cache) / file.replace("/", "__"), lambda: on_wait(file)):
        yield
