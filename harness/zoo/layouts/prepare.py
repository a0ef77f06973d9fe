"""Data sets laid out from what people have: an archive as distributed, an old folder, or a Hugging Face data set.

The layout is made beside its place and renamed into it whole, after every count has been checked. Pictures of a folder
are linked (or copied, if asked), those of an archive unpacked.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from accuracy.errors import TruthError
from harness.config.official.published import DatasetEntry, FileEntry, Preparation
from harness.errors import ConfigError
from harness.scratch_folder import ScratchFolder
from harness.zoo.files.contents import write_contents
from harness.zoo.files.install import locked, writing
from harness.zoo.files.official import PREPARED, find_cached, hash_given, is_published, official_path
from harness.zoo.files.unpack import unpack
from tasks.base import DataMissing
from tasks.sets.hub import is_hub_name

Place = Callable[[PurePosixPath], Path | None]
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Given:
    """What the user has."""

    source: Path | None = None
    """The pictures (or the questions): a folder, the archive as distributed, or `hf:...`; None takes the cached one."""
    truth: Path | None = None
    """The ground truth, where it comes apart."""
    vocabulary: Path | None = None
    copy: bool = False
    """Copy the pictures of a folder instead of linking them."""
    on_file: Callable[[int], None] | None = None
    """Hears how many files are in place, after each."""


@dataclass(frozen=True, slots=True)
class LaidOutSet:
    """A data set that is laid out."""

    path: Path
    count: int
    state: str
    """`verified` where all it was made of has published checksums, else `unverified`."""
    how: str
    """`linked`, `copied`, `unpacked`, `written`, or `was here`."""
    notes: tuple[str, ...] = ()
    """What one should know of it."""


@dataclass(slots=True)
class Stage:
    """A layout in the making."""

    name: str
    folder: Path
    given: Given
    entry: DatasetEntry
    cache: Path
    preparation: Preparation
    how: str = ""
    verified: bool = True
    """So far."""
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    files: int = 0
    """In place so far."""

    def part(self, file: str) -> Path | None:
        """A part of the set from the cache, if it is there and whole."""
        known = next(part for part in self.entry.parts if part.file == file)
        found = find_cached(file, known, self.cache)
        return found.path if found.usable else None

    def bring(self, source: Path, to: Place) -> None:
        """Fills the stage from an archive or a folder, and notes whether its checksum is a published one."""

        def place(path: PurePosixPath) -> Path | None:
            if target := to(path):
                self.brought()
            return target

        if source.is_dir():
            self.verified, self.how = False, "copied" if self.given.copy else "linked"
            self._bring_folder(source, place)
            return
        if not source.is_file():
            raise ConfigError(f"there is nothing at {source}")
        self.check(source)
        if source.stat().st_size > shutil.disk_usage(self.folder).free:
            raise ConfigError(f"{source} does not fit unpacked into {self.cache}: free some space or use --cache-dir")
        unpack(source, place)
        self.how = "unpacked"

    def brought(self) -> None:
        """Counts one more file."""
        self.files += 1
        if self.given.on_file is not None:
            self.given.on_file(self.files)

    def check(self, file: Path) -> None:
        """Notes whether a file's checksum is a published one of this set; refuses a wrong one of the same name."""
        digests = hash_given(file)
        if any(is_published(digests, part) for part in self.entry.parts):
            return
        same: FileEntry | None = next((part for part in self.entry.parts if part.file == file.name and part.md5), None)
        if same:
            raise ConfigError(f"{file} is corrupt or another file: its MD5 is {digests.md5}, not {same.md5}")
        self.verified = False

    def _bring_folder(self, source: Path, place: Place) -> None:
        for path in sorted(source.rglob("*")):
            target = place(PurePosixPath(path.relative_to(source))) if path.is_file() else None
            if target is None:
                continue
            if target.exists() or target.is_symlink():
                raise ConfigError(f"{source} holds {target.name} twice: name the folder that holds the set alone")
            target.parent.mkdir(parents=True, exist_ok=True)
            if self.given.copy:
                shutil.copyfile(path, target)
            else:
                target.symlink_to(path.resolve())

    def names(self, folder: str) -> list[str]:
        """What the stage has in a folder, sorted; empty files are a problem."""
        found = sorted((self.folder / folder).iterdir()) if (self.folder / folder).is_dir() else []
        empty = [path.name for path in found if not path.stat().st_size]
        self.complain("are empty", empty)
        return [path.name for path in found]

    def complain(self, what: str, names: Sequence[str]) -> None:
        """Notes a problem that files of these names share."""
        if names:
            more = ", ..." if len(names) > _SHOWN else ""
            self.problems.append(f"{len(names):,} {what}: {', '.join(names[:_SHOWN])}{more}")

    def counted(self, what: str, found: int, wanted: int | None = None) -> None:
        """Notes a wrong count."""
        wanted = self.preparation.count if wanted is None else wanted
        if found != wanted:
            self.problems.append(f"{found:,} {what}, {wanted:,} are in the whole set")


def prepare(name: str, entry: DatasetEntry, given: Given, cache: Path, layouts: Mapping[str, Layout]) -> LaidOutSet:
    """Lays out a data set in the cache.

    Args:
        name: Of the data set.
        entry: What the config says of it.
        given: What it is made from.
        cache: The cache's folder.
        layouts: How each layout is filled and checked.

    Raises:
        ConfigError: Something is missing, too much or corrupt; the message lists what.
        FetchFailed: It could not be written.
    """
    _refuse_unreadable(given)
    if entry.prepare is None or entry.file is None:
        raise ConfigError(f"data set {name} needs no preparation: ./run.sh fetch {name}")
    place = official_path(entry.file, cache)
    with writing(cache), locked(entry.file, cache, lambda _: None):
        found = find_cached(entry.file, entry, cache)
        if found.usable and given.source is None:
            return LaidOutSet(place, entry.prepare.count, found.state, "was here")
        if place.exists() or place.is_symlink():
            raise ConfigError(f"{place} is there already{f' ({found.why})' if found.why else ''}: remove it first")
        place.parent.mkdir(parents=True, exist_ok=True)
        with ScratchFolder("prepare", place.parent) as folder:
            stage = Stage(name, Path(folder) / "set", given, entry, cache, entry.prepare)
            stage.folder.mkdir()
            try:
                layouts[entry.prepare.layout](stage)
            except (DataMissing, TruthError) as error:
                raise ConfigError(f"{name} cannot be laid out: {error}") from None
            if stage.problems:
                raise ConfigError(f"{name} is not complete, nothing was laid out:\n  " + "\n  ".join(stage.problems))
            counts = {child.name: sum(1 for _ in child.iterdir()) for child in stage.folder.iterdir() if child.is_dir()}
            note = {"data_set": name, "files": counts, "how": stage.how, "verified": stage.verified}
            note |= {"source": str(given.source), "notes": stage.notes} if is_hub_name(given.source or "") else {}
            (stage.folder / PREPARED).write_text(json.dumps(note, indent=2), encoding="utf-8")
            write_contents(stage.folder, place)
            stage.folder.rename(place)
    state = "verified" if stage.verified else "unverified"
    return LaidOutSet(place, entry.prepare.count, state, stage.how, tuple(dict.fromkeys(stage.notes)))


def _refuse_unreadable(given: Given) -> None:
    """What the system says against a source, which must not look as if the cache could not be written.

    Raises:
        ConfigError: There is none of that name, it is neither a file nor a folder, or it cannot be read.
    """
    for source in (given.source, given.truth, given.vocabulary):
        if source is None or is_hub_name(source):
            continue
        try:
            if source.stat() and not (source.is_file() or source.is_dir()):
                raise ConfigError(f"{source} is a device, a pipe or a socket: name a file or a folder")
            if source.is_file():
                with source.open("rb") as file:
                    file.read(1)
        except FileNotFoundError:
            raise ConfigError(f"there is nothing at {source}") from None
        except OSError as error:
            raise ConfigError(f"{source} cannot be read: {error.strerror}") from None


Layout = Callable[[Stage], None]
