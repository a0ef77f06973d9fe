"""How far fetching or preparing is, on standard error: a line that is redrawn, or one now and then where it is no terminal."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Mapping

from accuracy.outside.shown import printable
from harness.units import bytes_text
from harness.way_in import as_entered
from harness.zoo.files.install import FileOutcome

_REDRAW_S = 0.2
_LINE_S = 10.0
_CLEAR = "\r\x1b[2K"


class Meter:
    """Called from several threads."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()
        self._lock = threading.Lock()
        self._sizes: Mapping[str, int | None] = {}
        self._have: dict[str, int] = {}
        self._began_with: dict[str, int] = {}
        self._came = self._failed = 0
        self._start = self._drawn = time.monotonic()

    def expect(self, sizes: Mapping[str, int | None]) -> None:
        """The files to come and their sizes, where they are known."""
        self._sizes = sizes

    def say(self, text: str) -> None:
        """A line that stays."""
        with self._lock:
            self._write(f"{self._clear()}{as_entered(printable(text))}\n")

    def waiting(self, file: str) -> None:
        """Another process is at this file."""
        self.say(f"{file}: another process fetches it, waiting")

    def progress(self, file: str, size: int) -> None:
        """So many bytes of a file are here."""
        with self._lock:
            self._began_with.setdefault(file, size)
            self._have[file] = size
            self._draw()

    def done(self, outcome: FileOutcome) -> None:
        """A file is finished, well or not."""
        with self._lock:
            self._failed += outcome.fatal is not None
            self._came += outcome.fatal is None
            if outcome.path:
                self._have[outcome.file] = outcome.size_bytes
            self._draw()

    def end(self) -> None:
        """Takes the line away."""
        with self._lock:
            self._write(self._clear())

    def _draw(self) -> None:
        now = time.monotonic()
        if now - self._drawn < (_REDRAW_S if self._terminal else _LINE_S):
            return
        self._drawn = now
        have = sum(self._have.values())
        new = have - sum(self._began_with.get(file, size) for file, size in self._have.items())
        known = [size for size in self._sizes.values() if size is not None]
        total = f" of {bytes_text(sum(known))}" if len(known) == len(self._sizes) else ""
        rate = f", {bytes_text(int(new / (now - self._start)))}/s" if new > 0 else ""
        bar = _bar(have / sum(known)) if total else ""
        failed = f" ({self._failed} failed)" if self._failed else ""
        text = f"{bar}{self._came} of {len(self._sizes)} files{failed}, {bytes_text(have)}{total}{rate}"
        self._write(f"{self._clear()}{text}" if self._terminal else f"{text}\n")

    def _clear(self) -> str:
        return _CLEAR if self._terminal else ""

    def _write(self, text: str) -> None:
        if not self._quiet and text:
            _write(text)


class Counter:
    """How many files are in place, drawn likewise."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._terminal = sys.stderr.isatty()
        self._drawn = time.monotonic()

    def count(self, number: int) -> None:
        """So many are."""
        now = time.monotonic()
        if now - self._drawn >= (_REDRAW_S if self._terminal else _LINE_S):
            self._drawn = now
            text = printable(f"{number:,} {self._what}")
            _write(f"{_CLEAR}{text}" if self._terminal else f"{text}\n")

    def end(self) -> None:
        """Takes the line away."""
        if self._terminal:
            _write(_CLEAR)


def _write(text: str) -> None:
    # Progress that nobody reads any more is no reason to stop.
    with contextlib.suppress(OSError):
        sys.stderr.write(text)
        sys.stderr.flush()


def _bar(share: float) -> str:
    full = round(20 * min(1.0, share))
    return f"[{'#' * full}{'.' * (20 - full)}] "
