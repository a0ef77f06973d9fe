"""Official files into the cache, from their origins.

Nothing enters under its name before it has been judged: a published checksum, or else the sha256 that was pinned when
the file came first, or else a look at what it is. A file that fails is kept aside as `*.rejected` and never used.
"""

from __future__ import annotations

import contextlib
import queue
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import ConfigError
from harness.zoo.files.catalog import Item
from harness.zoo.files.download import FetchFailed, Patience, Source, download, forget
from harness.zoo.files.install import FileOutcome, install, locked, outcome_of, partial_path, put_aside, writing
from harness.zoo.files.official import REJECTED, find_cached, hash_file, mismatch, official_path, other_size, pin_of
from harness.zoo.files.plausible import implausible, too_short

_THREADS = 4
_SPARE_BYTES = 16 << 20
"""Left free on the disk."""


@dataclass(frozen=True, slots=True)
class Fetching:
    """How files are fetched."""

    cache: Path
    mirror: str | None = None
    """A folder of files under the same names as in the cache, which replaces all origins."""
    patience: Patience = field(default_factory=Patience)
    on_bytes: Callable[[str, int], None] = lambda _file, _bytes: None
    on_wait: Callable[[str], None] = lambda _file: None
    """Another process is at this file."""


def fetch(items: Sequence[Item], how: Fetching, done: Callable[[FileOutcome], None]) -> list[FileOutcome]:
    """Fetches files, a few at a time; those that are here and whole are left alone.

    Args:
        items: What to fetch.
        how: From where to where.
        done: Called from this thread with each outcome, as they come.

    Returns:
        An outcome for each file, in the order of `items`.
    """
    waiting: queue.SimpleQueue[Item] = queue.SimpleQueue()
    for item in items:
        waiting.put(item)
    ready: queue.SimpleQueue[FileOutcome | BaseException] = queue.SimpleQueue()
    stop = threading.Event()

    def work() -> None:
        with contextlib.suppress(queue.Empty):
            while not stop.is_set():
                try:
                    ready.put(_fetch_safely(waiting.get_nowait(), how, stop))
                except queue.Empty:
                    raise
                except BaseException as error:  # raised again in the caller's thread
                    ready.put(error)

    outcomes: dict[str, FileOutcome] = {}
    # Daemons: after Ctrl-C nobody waits for a server that says nothing. What came is kept.
    for _ in range(min(_THREADS, len(items))):
        threading.Thread(target=work, daemon=True).start()
    try:
        while len(outcomes) < len(items):
            outcome = ready.get()
            if isinstance(outcome, BaseException):
                raise outcome
            outcomes[outcome.file] = outcome
            done(outcome)
    finally:
        stop.set()
    return [outcomes[item.file] for item in items]


def _fetch_safely(item: Item, how: Fetching, stop: threading.Event) -> FileOutcome:
    try:
        return _fetch_one(item, how, stop)
    except (FetchFailed, ConfigError) as error:
        return FileOutcome(item.file, "failed", str(error), fatal=error)


def _fetch_one(item: Item, how: Fetching, stop: threading.Event) -> FileOutcome:
    cache = how.cache
    try:
        found = find_cached(item.file, item.entry, cache)
    except OSError as error:
        raise ConfigError(f"{official_path(item.file, cache)} cannot be read: {error.strerror}") from None
    if found.usable:  # without the lock: the cache may be read-only
        return outcome_of(item, found, "was here")
    urls = [f"{how.mirror.rstrip('/')}/{item.file}"] if how.mirror else item.entry.urls
    if not urls:
        raise ConfigError(f"{item.file} has no public address: {item.entry.obtain or 'get it from its owners'}")
    with writing(cache), locked(item.file, cache, how.on_wait):
        found = find_cached(item.file, item.entry, cache)
        if found.usable:  # by the one we waited for
            return outcome_of(item, found, "was here")
        put_aside(found)
        _refuse_full_disk(item, cache)
        problems = []
        for url in urls:
            try:
                return _from(url, item, how, stop)
            except FetchFailed as error:
                problems.append(str(error))
    raise FetchFailed(f"{item.file} could not be fetched: " + "; ".join(problems))


def _from(url: str, item: Item, how: Fetching, stop: threading.Event) -> FileOutcome:
    entry, partial = item.entry, partial_path(item.file, how.cache)
    partial.parent.mkdir(parents=True, exist_ok=True)
    checked = bool(entry.md5 or entry.sha256)
    source = Source(url, entry.size_bytes, checked=checked, named_by_user=how.mirror is not None)
    for went_on in (partial.exists(), False):
        download(
            source,
            partial,
            on_bytes=lambda size: how.on_bytes(item.file, size),
            patience=how.patience,
            stop=stop,
        )
        digests = hash_file(partial)
        why = other_size(partial.stat().st_size, entry)
        why = why or mismatch(digests, entry, pin_of(item.file, entry, how.cache))
        if not why and not checked:
            why = implausible(partial, item.file, item.inputs, item.outputs)
            why = why or ("" if entry.size_bytes else too_short(partial, item.file))
        if not why:
            return install(item, partial, digests, how.cache, f"fetched from {url}")
        if not went_on:
            break
        forget(partial)  # the part may have been of another version: once more, from the start
    rejected = partial.with_name(Path(item.file).name + REJECTED)
    partial.replace(rejected)
    forget(partial)
    raise FetchFailed(f"{url}: what came is not the file: {why}. It is kept aside as {rejected}")


def _refuse_full_disk(item: Item, cache: Path) -> None:
    partial = partial_path(item.file, cache)
    there = partial.stat().st_size if partial.exists() else 0
    wanted = (item.entry.size_bytes or 0) - there
    free = shutil.disk_usage(cache).free
    if item.entry.size_bytes and wanted + _SPARE_BYTES > free:
        raise FetchFailed(
            f"{item.file} needs {wanted / 1e6:,.1f} MB, but {cache} has {free / 1e6:,.1f} MB free: free some space, or "
            "choose another cache with --cache-dir"
        )
