"""Files that must not change while they are used: one that is replaced, or written in its place, is not what was hashed.

A path is opened many times in a run, by several processes, and what is mapped shows what is written into it later. So the
file's state is noted before the first of them opens it, and compared after the last has. The time at which the kernel changed
the file's own entry is part of it: nobody can set that, and a file that was moved away and put back has another one.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

_NAMES = {
    "device": "another file lies there",
    "inode": "another file lies there",
    "size": "its size is another",
    "modified_ns": "it was written or touched",
    "changed_ns": "it was moved, linked or written",
}
"""What a field that differs means, the first that does."""


@dataclass(frozen=True, slots=True)
class _State:
    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int

    @classmethod
    def of(cls, path: Path) -> _State | None:
        try:
            found = path.stat()
        except OSError:
            return None
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


class HeldFiles:
    """Files as they were when they were noted."""

    def __init__(self) -> None:
        """Notes nothing yet."""
        self._began_ns = time.time_ns()
        self._states: dict[Path, _State | None] = {}
        self._digests: dict[Path, str | None] = {}

    def note(self, path: Path) -> None:
        """Notes a file's state; one that is not there must not appear."""
        self._states.setdefault(path, _State.of(path))

    def note_contents(self, path: Path) -> str | None:
        """Notes its contents as well: where it is mapped, what is written need not show in its state.

        Returns:
            Its SHA-256; None where it cannot be read.
        """
        self.note(path)
        if path not in self._digests:
            self._digests[path] = _sha256(path)
        return self._digests[path]

    def note_bytes(self, path: Path) -> None:
        """Notes its contents alone: for a file of the cache, which another run may make anew, the same."""
        self._digests.setdefault(path, _sha256(path))

    def note_read(self, path: Path) -> None:
        """Notes a file that was read since this was made; one that has changed since then counts as changed."""
        self.note(path)
        state = self._states[path]
        # Not all that lies in the future: a clock without a battery may have begun again.
        if state is not None and self._began_ns < state.changed_ns <= time.time_ns():
            self._states[path] = None

    def changes(self) -> list[str]:
        """What is no longer as it was noted, a sentence each."""
        found = []
        for path, state in self._states.items():
            if why := _difference(state, _State.of(path)):
                found.append(f"{path} changed during the run: {why}")
        told = {path for path, state in self._states.items() if _State.of(path) != state}
        for path, digest in self._digests.items():
            if path not in told and _sha256(path) != digest:
                where = ", under its old size and times" if path in self._states else ""
                found.append(f"{path} changed during the run: its contents are others{where}")
        return found


def _difference(before: _State | None, now: _State | None) -> str:
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
