"""What lies in a tree, listed once: folders are not followed through links, so that no loop is endless."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.errors import ConfigError
from harness.submission.tree.documents import Broken, read_json_object, read_text_file
from harness.submission.tree.logs import DetailLog, SummaryLog, read_detail_log, read_summary_log

DIVISIONS = ("closed", "open", "network")


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """A file, or what is taken for one."""

    path: str
    """Below the tree, with slashes."""
    size: int
    link: bool
    plain: bool
    """Whether there are bytes to read: no pipe, no device, no link to nothing."""


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder's own."""

    folders: tuple[str, ...]
    files: tuple[TreeEntry, ...]


class Tree:
    """A tree of results. Its files are read when they are asked for, and logs once."""

    def __init__(self, root: Path) -> None:
        """Lists it.

        Raises:
            ConfigError: It is no folder, cannot be read, or has none of the folders closed, open and network.
        """
        self.root = root
        self.unreadable: list[str] = []
        """Folders that could not be listed."""
        if not root.is_dir():
            raise ConfigError(f"{root} is no folder: name the one that holds closed/ or open/")
        self._folders: dict[str, Folder] = {}
        self._list()
        self._details: dict[str, DetailLog | Broken] = {}
        if not any(name in DIVISIONS for name in self.folders("")):
            raise ConfigError(
                f"{root} is no tree of results: it has none of the folders {', '.join(DIVISIONS)}. Name the folder that "
                "holds them"
            )

    def _list(self) -> None:
        """Without recursion: a hostile tree is as deep as it likes."""
        waiting = [""]
        while waiting:
            path = waiting.pop()
            folders, files = [], []
            try:
                with os.scandir(self.root / path) as entries:
                    for entry in sorted(entries, key=lambda each: each.name):
                        if entry.is_dir(follow_symlinks=False):
                            folders.append(entry.name)
                        else:
                            files.append(_entry(entry, _below(path, entry.name)))
            except OSError:
                self.unreadable.append(path)
            self._folders[path] = Folder(tuple(folders), tuple(files))
            waiting += [_below(path, name) for name in reversed(folders)]

    def walk(self) -> Iterator[tuple[str, Folder]]:
        """Every folder with its own."""
        yield from self._folders.items()

    def folders(self, path: str) -> tuple[str, ...]:
        """Names of the folders in a folder; none where it is not there."""
        return self._folders[path].folders if path in self._folders else ()

    def files(self, path: str) -> tuple[str, ...]:
        """Names of the files in a folder, links to files among them."""
        found = self._folders.get(path)
        return tuple(entry.path.rpartition("/")[2] for entry in found.files if entry.plain) if found else ()

    def has_folder(self, path: str) -> bool:
        """Whether it is there."""
        return path in self._folders

    def below(self, path: str) -> Iterator[TreeEntry]:
        """All files in a folder and the folders in it."""
        waiting = [path] if path in self._folders else []
        while waiting:
            name = waiting.pop()
            yield from self._folders[name].files
            waiting += [_below(name, inner) for inner in self._folders[name].folders]

    def entry(self, path: str) -> TreeEntry | None:
        """A file; None where it is not there."""
        folder = self._folders.get(path.rpartition("/")[0])
        return next((each for each in folder.files if each.path == path), None) if folder else None

    def text(self, path: str, *, strict: bool = False) -> str | Broken:
        """What a file says, at most its first megabyte; where it is strict, what is no UTF-8 is broken."""
        return read_text_file(self.root / path, strict=strict)

    def json(self, path: str) -> dict[str, object] | Broken:
        """An object in a JSON file."""
        return read_json_object(self.root / path)

    def detail(self, path: str) -> DetailLog | Broken:
        """LoadGen's detail log."""
        if path not in self._details:
            self._details[path] = read_detail_log(self.root / path)
        return self._details[path]

    def summary(self, path: str) -> SummaryLog | Broken:
        """LoadGen's summary."""
        return read_summary_log(self.root / path)


def _below(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


def _entry(entry: os.DirEntry[str], below: str) -> TreeEntry:
    link = entry.is_symlink()
    try:
        found = entry.stat()
    except OSError:
        return TreeEntry(below, 0, link, False)
    return TreeEntry(below, found.st_size, link, stat.S_ISREG(found.st_mode))
