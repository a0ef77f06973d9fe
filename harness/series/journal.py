"""The journal of a series: what was planned, begun and ended, one line each, on the disk before the next step.

Whatever ends the command, at most the run in progress is lost: every line is flushed to the disk when it is written, and a
line that was cut in the middle is no line.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from accuracy.outside.border import reads
from accuracy.outside.plain_files import read_plain
from harness.errors import ConfigError, RunFailed

JOURNAL_FILE = "journal.jsonl"
What = Literal["planned", "began", "ended"]
DAMAGED = "The runs that have ended lie unharmed in their folders; begin the others with another --out"
"""What to do about a journal that tells nothing."""


@dataclass(frozen=True, slots=True)
class Line:
    """One step of a series."""

    what: What
    run: str
    """The name of the run's directory."""
    identity: str
    """See `harness.series.identity`."""
    status: str = ""
    """Of a run that ended: its result's."""
    digest: str = ""
    """Of a run that ended: the SHA-256 of its result.json, by which a changed one is told."""


class Journal:
    """Writes the steps of a series."""

    def __init__(self, folder: Path, *, goes_on: bool = False, anew: bool = False) -> None:
        """Makes the file.

        Args:
            folder: The series' directory.
            goes_on: The file is there already; a line that was cut in its middle is taken away.
            anew: The file is there already, and tells nothing that anybody needs.

        Raises:
            ConfigError: It cannot be written.
        """
        self._path = folder / JOURNAL_FILE
        try:
            if goes_on or anew:
                with self._path.open("r+b") as file:
                    file.truncate(0 if anew else file.read().rfind(b"\n") + 1)
            else:
                self._path.touch(exist_ok=False)
        except OSError as error:
            raise ConfigError(f"cannot write {self._path}: {error.strerror}") from None

    def write(self, what: What, run: str, identity: str, status: str = "", digest: str = "") -> None:
        """Adds a line.

        Raises:
            RunFailed: It cannot be written: the disk is full.
        """
        line = json.dumps(asdict(Line(what, run, identity, status, digest)))
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise RunFailed(f"cannot write {self._path}: {error.strerror}") from None


@reads(ConfigError)
def read_journal(folder: Path) -> list[Line]:
    """The steps of a series, in order.

    Args:
        folder: The series' directory.

    Raises:
        ConfigError: There is no journal, or a line of it is none of ours.
    """
    path = folder / JOURNAL_FILE
    try:
        *lines, cut = read_plain(path).decode().split("\n")
    except OSError as error:
        raise ConfigError(
            f"{folder} is no series that can go on: cannot read {path}: {error.strerror}. {DAMAGED}"
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not a journal: {error}. {DAMAGED}") from None
    del cut  # Empty, or a line that was not written to its end.
    return [_line(path, number, text) for number, text in enumerate(lines, 1)]


def _line(path: Path, number: int, text: str) -> Line:
    try:
        fields = json.loads(text)
        if not isinstance(fields, dict) or not all(isinstance(value, str) for value in fields.values()):
            raise TypeError("it is no mapping of texts")
        line = Line(**fields)
        if line.what not in ("planned", "began", "ended"):
            raise ValueError(f"{line.what[:40]!r} is no step")
    except (ValueError, TypeError) as error:
        raise ConfigError(f"line {number} of {path} is not a journal's: {error}. {DAMAGED}") from None
    return line
