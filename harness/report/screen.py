"""Progress on the terminal: one line on standard error, redrawn by plain writes."""

from __future__ import annotations

import os
import sys
import time

from accuracy.outside.shown import printable
from harness.machine.control import Phase
from harness.way_in import as_entered

_WORDS = {
    Phase.STARTING: "starting",
    Phase.LOADING: "loading the model",
    Phase.PROVING: "comparing with the CPU",
    Phase.CALIBRATING: "calibrating",
    Phase.WARMING_UP: "warming up",
    Phase.PREPARING: "preparing samples",
    Phase.RUNNING: "running",
    Phase.WRITING: "writing the logs",
}
_LINE_EVERY_S = 10.0
_REDRAWN_S = 0.1


class Screen:
    """Draws for a person; where standard error is no terminal, a line every ten seconds is enough."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._terminal = sys.stderr.isatty()
        self._quiet = quiet
        self._last_line = time.monotonic()
        self._min_duration_s = 0.0

    def expect(self, min_duration_s: float) -> None:
        """The run lasts at least this long: for the time left."""
        self._min_duration_s = min_duration_s

    def say(self, text: str) -> None:
        """A line that stays."""
        if not self._quiet:
            self._write(f"{as_entered(printable(text))}\n")

    def progress(self, phase: Phase, done: int, total: int, elapsed_s: float) -> None:
        """See `harness.run.hearing.Progress`."""
        if self._quiet:
            return
        now = time.monotonic()
        if not self._terminal and now - self._last_line < _LINE_EVERY_S:
            return
        self._last_line = now
        text = _WORDS[phase]
        if phase in (Phase.PREPARING, Phase.RUNNING) and done:
            least = self._min_duration_s if phase is Phase.RUNNING else 0.0
            text += f": {done:,}" + (f" of {total:,}" if done < total else "") + _left(done, total, elapsed_s, least)
        self._write(f"\r\x1b[2K{text}" if self._terminal else f"{text}\n")

    def count(self, what: str, done: int, total: int) -> None:
        """How far something is that counts by itself."""
        now = time.monotonic()
        if self._quiet or now - self._last_line < (_REDRAWN_S if self._terminal else _LINE_EVERY_S):
            return
        self._last_line = now
        text = printable(f"{what}: {done:,} of {total:,}")
        self._write(f"\r\x1b[2K{text}" if self._terminal else f"{text}\n")

    def end_progress(self) -> None:
        """Takes the line away."""
        if self._terminal and not self._quiet:
            self._write("\r\x1b[2K")

    def _write(self, text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:
            # Progress that nobody reads any more is no reason to stop; Python would complain once more at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def _left(done: int, total: int, elapsed_s: float, least_s: float) -> str:
    by_count = (total - done) * elapsed_s / done if total > done else 0.0
    left = max(by_count, least_s - elapsed_s)
    return f", {left:.0f} s left" if left > 0 else ""
