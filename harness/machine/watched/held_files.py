"""Files that must not change while they are used: one that is replaced, or written in its place, is not what was hashed.

A path is opened many times in a run, by several processes, and what is mapped shows what is written into it later. So the
file's state is noted before the first of them opens it, and compared after the last has. The time at which the kernel changed
the file's own entry is part of it: nobody can set that, and a file that was moved away and put back has another one. Where a
folder above it was, or a link to it, the file shows nothing: what is opened meanwhile is another, and is heard of
(`note_opened`), or is not opened at all (`backends.litert.file.opened_file`).
"""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import TypeVar

from backends.litert.file.opened_file import FileState, OpenedFile
from harness.errors import FilesChanged, Interrupted

E = TypeVar("E", bound=Exception)
ADVICE = (
    "so nobody can tell what was measured. Leave model, data and libraries alone while a run lasts, and run once more"
)
"""What to do about any that has changed."""
_NAMES = {
    "device": "another file lies there",
    "inode": "another file lies there",
    "size": "its size is another",
    "modified_ns": "it was written or touched",
    "changed_ns": "it was moved, linked or written",
}
"""What a field that differs means, the first that does."""


class HeldFiles:
    """Files as they were when they were noted."""

    def __init__(self) -> None:
        """Notes nothing yet."""
        self._began_ns = time.time_ns()
        self._states: dict[Path, FileState | None] = {}
        self._digests: dict[Path, str | None] = {}
        self._opened: set[Path] = set()
        self._others: dict[Path, str] = {}
        """Where one path led to several files: what to say of it."""

    def note(self, path: Path) -> None:
        """Notes a file's state; one that is not there must not appear."""
        self._states.setdefault(path, _state_of(path))

    def note_hashed(self, path: Path) -> OpenedFile | None:
        """Opens and hashes it: where a file is mapped, what is written into it need not show in its state.

        Returns:
            What whoever opens it must find; None where it cannot be read.
        """
        try:
            found = OpenedFile.of(path)
        except OSError:
            self.note(path)
            return None
        self.take(found)
        return found

    def note_planned(self, path: Path, sha256: str) -> OpenedFile:
        """As `note_hashed`, of a file that was hashed before, when it was chosen.

        Raises:
            FilesChanged: It is another by now.
        """
        found = self.note_hashed(path)
        if found is None or found.sha256 != sha256:
            raise FilesChanged(
                f"{path} changed during the run: its sha256 was {sha256} when the run was planned, and now "
                f"{'it cannot be read' if found is None else f'is {found.sha256}'}. Run once more; a file of the cache "
                "that does not heal is damaged: remove it"
            )
        return found

    def take(self, file: OpenedFile) -> None:
        """Notes a file as it was when it was hashed."""
        self._states.setdefault(file.path, file.state)
        self.note_bytes(file)

    def note_opened(self, path: Path, descriptor: int) -> None:
        """Notes a file that was opened here, as it was then: an `accuracy.outside.opening.Hear`."""
        self._opened.add(path)
        found = FileState.of(os.fstat(descriptor))
        known = self._states.setdefault(path, found)
        if known != found:
            why = _difference(known, found)
            self._others.setdefault(path, f"{path} changed during the run: {why}, when it was opened once more")

    def note_bytes(self, file: OpenedFile) -> None:
        """Notes its contents alone: for a file of the cache, which another run may make anew, the same."""
        self._digests.setdefault(file.path, file.sha256)

    def note_read(self, path: Path) -> None:
        """Notes a file that was read since this was made, unless its opening was heard of.

        One that has changed since then counts as changed.
        """
        if path in self._states:
            return
        self.note(path)
        state = self._states[path]
        # Not all that lies in the future: a clock without a battery may have begun again.
        if state is not None and self._began_ns < state.changed_ns <= time.time_ns():
            self._states[path] = None

    def digest_of(self, path: Path) -> str | None:
        """SHA-256 of what lies there now; None for a file that was not opened here, or cannot be read."""
        return _sha256(path) if path in self._opened else None

    def changes(self) -> list[str]:
        """What is no longer as it was noted, a sentence each."""
        found = dict(self._others)
        for path, state in self._states.items():
            if path not in found and (why := _difference(state, _state_of(path))):
                found[path] = f"{path} changed during the run: {why}"
        for path, digest in self._digests.items():
            if path not in found and _sha256(path) != digest:
                where = ", under its old size and times" if path in self._states else ""
                found[path] = f"{path} changed during the run: its contents are others{where}"
        return list(found.values())

    def refuse_changes(self) -> None:
        """Compares all of them; called when the last has been used.

        Raises:
            FilesChanged: One has changed.
        """
        if changes := self.changes():
            raise FilesChanged(f"{'; '.join(changes)}, {ADVICE}")

    def explain(self, error: E) -> E | FilesChanged:
        """Why something broke, where what it used has changed; a mapped file that is cut takes its reader down."""
        if isinstance(error, Interrupted) or not (changes := self.changes()):
            return error
        return FilesChanged(f"{'; '.join(changes)}, {ADVICE}. It ended so: {error}")


def _state_of(path: Path) -> FileState | None:
    try:
        return FileState.of(path.stat())
    except OSError:
        return None


def _difference(before: FileState | None, now: FileState | None) -> str:
    if now is None:
        return "" if before is None else "it is gone"
    if before is None:
        return "it was written after the run had begun"
    for name, meaning in _NAMES.items():
        was, found = getattr(before, name), getattr(now, name)
        if was != found:
            return f"{meaning} ({was:,} bytes then, {found:,} now)" if name == "size" else meaning
    return ""


def _sha256(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
