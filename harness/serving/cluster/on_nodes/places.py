"""The head's files on a node: used where the same path leads to them, else fetched once a node and verified by hash."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from harness.errors import RunFailed
from harness.messages.actor import FileTree, Lent
from tasks.sets.digests import Digest


class Places:
    """A node's side: where the head's paths lie here."""

    def __init__(self, cache: Path) -> None:
        """Takes the node's cache."""
        self._cache = cache / "cluster"
        self.here: dict[str, Path] = {}
        """By the head's path."""
        self._growing: Path | None = None
        self._tree = FileTree("", ())

    def lacking(self, lent: Sequence[Lent]) -> list[str]:
        """Finds those that the same path leads to; returns the others."""
        for each in lent:
            path = Path(each.path)
            if path.exists() and (each.sha256 is None or _is(path, each.sha256)):
                self.here[each.path] = path
        return [each.path for each in lent if each.path not in self.here]

    def expect(self, tree: FileTree) -> bool:
        """Whether the tree has to be sent: it is not in the cache."""
        whole = self._whole(tree)
        if whole.is_dir():
            self.here[tree.path] = whole / Path(tree.path).name
            return False
        self._tree, self._growing = tree, whole.with_name(f"{whole.name}.{os.getpid()}")
        shutil.rmtree(self._growing, ignore_errors=True)
        self._growing.mkdir(parents=True)
        return True

    def receive(self, place: int, piece: bytes) -> None:
        """Some bytes of a file; none: it is whole.

        Raises:
            RunFailed: It is not what was announced.
        """
        file = self._tree.files[place]
        path = self._inside(file.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as data:
            data.write(piece)
        if not piece and Digest.of_file(path) != Digest(file.size, file.sha256):
            raise RunFailed(
                f"{file.name} came to the node with other bytes than it has on the head: it changed meanwhile"
            )

    def keep(self) -> None:
        """All files have come."""
        tree, growing = self._tree, self._growing
        if growing is None:
            return
        whole = self._whole(tree)
        try:
            growing.rename(whole)
        except OSError:
            # Another process of this node was quicker.
            shutil.rmtree(growing, ignore_errors=True)
        self.here[tree.path] = whole / Path(tree.path).name

    def _whole(self, tree: FileTree) -> Path:
        text = "\n".join(f"{file.name} {file.sha256}" for file in tree.files)
        return self._cache / hashlib.sha256(text.encode()).hexdigest()

    def _inside(self, name: str) -> Path:
        if self._growing is None or PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise RunFailed(f"{name!r} is no place in a tree of files")
        return self._growing / name


def moved(value: object, here: dict[str, Path]) -> object:
    """The same with each of the head's paths replaced: of a spec as YAML has it."""
    if isinstance(value, dict):
        return {name: moved(item, here) for name, item in value.items()}
    if isinstance(value, list):
        return [moved(item, here) for item in value]
    return str(here[value]) if isinstance(value, str) and value in here else value


def _is(path: Path, sha256: str) -> bool:
    try:
        return Digest.of_file(path).sha256 == sha256
    except OSError:
        return False
