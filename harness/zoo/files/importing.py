"""Official files taken by hand: recognised by their hash, or by their name where no checksum is published."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from pathlib import Path

from harness.errors import ConfigError
from harness.scratch_folder import ScratchFolder
from harness.zoo.files.catalog import Catalog, Item
from harness.zoo.files.download import FetchFailed, forget
from harness.zoo.files.install import FileOutcome, install, locked, outcome_of, partial_path, put_aside, writing
from harness.zoo.files.official import (
    Digests,
    Stamp,
    find_cached,
    hash_given,
    is_published,
    mismatch,
    official_path,
    other_size,
    pin_of,
    read_stamp,
)
from harness.zoo.files.plausible import implausible, is_web_page, too_short
from harness.zoo.files.unpack import unpack


def import_file(path: Path, catalog: Catalog, cache: Path, *, replace: bool = False) -> list[FileOutcome]:
    """Takes a file by hand: recognised by its hash, or by its name where no checksum is published.

    Args:
        path: The file; an archive of official files is unpacked as well.
        catalog: What is known.
        cache: Where it goes, as a copy.
        replace: Take it though another one without a published checksum was pinned before.

    Raises:
        ConfigError: It is no official file; the message says why.
        FetchFailed: It could not be copied.
    """
    if not path.is_file():
        raise ConfigError(f"no file at {path}" if not path.exists() else f"{path} is no file: name files, not folders")
    digests = hash_given(path)
    item = _recognise(path, digests, catalog)
    pin = pin_of(item.file, item.entry, cache)
    why = mismatch(digests, item.entry, None) or other_size(path.stat().st_size, item.entry)
    if not why and not is_published(digests, item.entry):
        why = implausible(path, item.file, item.inputs, item.outputs)
        why = why or ("" if item.entry.size_bytes else too_short(path, item.file))
    if not why and not replace and (why := mismatch(digests, item.entry, pin)):
        why += f". To take this one for good: ./run.sh fetch --replace --import {path}"
    if why:
        raise ConfigError(f"{path} is not {item.file}: {why}")
    with writing(cache), locked(item.file, cache, lambda _: None):
        found = find_cached(item.file, item.entry, cache)
        if found.usable and found.sha256 == digests.sha256:
            outcomes = [outcome_of(item, found, "was here")]
        else:
            put_aside(found, replaced=found.usable)
            partial = partial_path(item.file, cache)
            _copy(path, partial, digests)
            before = read_stamp(item.file, cache)
            outcomes = [install(item, partial, digests, cache, _what(before, digests))]
    return outcomes + unpack_bundle(item, catalog, cache)


def _what(before: Stamp | None, digests: Digests) -> str:
    """What is said of an import: also that another file was pinned before."""
    if before is None or before.sha256 == digests.sha256:
        return "imported"
    return f"imported, in place of the one that was pinned before (sha256 {before.sha256})"


def unpack_bundle(item: Item, catalog: Catalog, cache: Path) -> list[FileOutcome]:
    """The official files inside an archive that is a bundle of them."""
    if not item.entry.unpack:
        return []
    outcomes = []
    with ScratchFolder("unpack", official_path("", cache)) as folder:
        members = unpack(
            official_path(item.file, cache),
            lambda path: Path(folder, *path.parts) if path.suffix == ".tflite" else None,
        )
        for member in members:
            with contextlib.suppress(ConfigError):  # it holds more than we know
                outcomes += import_file(member, catalog, cache)
    return outcomes


def _recognise(path: Path, digests: Digests, catalog: Catalog) -> Item:
    for item in catalog.items.values():
        if is_published(digests, item.entry):
            return item
    named = [item for item in catalog.items.values() if Path(item.file).name == path.name]
    unpublished = [item for item in named if not (item.entry.md5 or item.entry.sha256)]
    if unpublished:
        return unpublished[0]
    if not named and (entry_named := _by_entry_name(path, catalog)):
        return entry_named
    with path.open("rb") as file:
        page = is_web_page(file.read(1024))
    if named:
        why = ("" if page else _other_size(path, named)) or implausible(path, named[0].file)
        raise ConfigError(f"{path} is not the official file of this name: {why or _other_content(digests, named)}")
    what = "it is a web page" if page else "neither its hash nor its name is in the registry"
    raise ConfigError(f"{path} is no official file: {what} (./run.sh fetch --list names all)")


def _other_size(path: Path, named: Sequence[Item]) -> str:
    """What most files that were cut short show; "" where a size is not known, or is right."""
    size, known = path.stat().st_size, [item.entry.size_bytes for item in named if item.entry.size_bytes]
    if len(known) < len(named) or size in known:
        return ""
    return f"it has {size:,} bytes, the official file has {' or '.join(f'{wanted:,}' for wanted in known)}"


def _other_content(digests: Digests, named: Sequence[Item]) -> str:
    known = "; ".join(
        f"{item.file} has {'sha256 ' + item.entry.sha256 if item.entry.sha256 else f'MD5 {item.entry.md5}'}"
        for item in named
    )
    return f"its sha256 is {digests.sha256}, its MD5 {digests.md5}; the published {known}"


def _by_entry_name(path: Path, catalog: Catalog) -> Item | None:
    """The file without a published checksum whose model or data set has this name, as `list` shows it."""
    files = [file for file in catalog.names.get(path.stem, []) if Path(file).suffix == path.suffix]
    items = [catalog.items[file] for file in files]
    return items[0] if len(items) == 1 and not (items[0].entry.md5 or items[0].entry.sha256) else None


def _copy(path: Path, target: Path, digests: Digests) -> None:
    """A copy that is known to be the file that was hashed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    try:
        with path.open("rb") as source, target.open("wb") as out:
            while block := source.read(1 << 20):
                digest.update(block)
                out.write(block)
    except BaseException:
        forget(target)
        raise
    if digest.hexdigest() != digests.sha256:
        forget(target)
        raise FetchFailed(f"{path} changed while it was read: is it still being written?")
