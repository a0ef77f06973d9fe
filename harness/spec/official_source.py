"""Official files of the cache, refused where they are not what they should be."""

from __future__ import annotations

from pathlib import Path

from harness.config.official.published import DatasetEntry, FileEntry, ModelEntry
from harness.errors import ConfigError
from harness.zoo.files.official import Cached, Known, find_cached, official_path


def examined(file: str, known: Known, cache_dir: Path, *, every_byte: bool = False) -> Cached:
    """A cached file, refused where it is not what it should be."""
    try:
        cached = find_cached(file, known, cache_dir, every_byte=every_byte)
    except OSError as error:
        raise ConfigError(f"{official_path(file, cache_dir)} cannot be read: {error.strerror}") from None
    if cached.state == "corrupt":
        raise ConfigError(f"{cached.path} is not the official file: {cached.why}. Take it away or replace it")
    return cached


def how_to_get(name: str, entry: FileEntry | ModelEntry | DatasetEntry) -> str:
    """What to do for an official file that is not here."""
    if isinstance(entry, DatasetEntry) and entry.prepare:
        return f"see ./run.sh prepare {name}"
    if not entry.urls and entry.obtain:
        return entry.obtain
    return f"./run.sh fetch {name}"
