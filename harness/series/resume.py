"""What a series that was interrupted has already: runs that came to their end, of the very settings that are planned now."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from accuracy.outside.plain_files import read_plain
from harness.errors import ConfigError
from harness.results.files import RESULT_FILE, read_result
from harness.results.record import Rest, Result, SeriesResult
from harness.series.journal import DAMAGED, JOURNAL_FILE, Line, read_journal

_ENDED_WELL = ("valid", "invalid")


@dataclass(frozen=True, slots=True)
class Before:
    """What is there of an earlier beginning."""

    folder: Path
    ended: Mapping[str, Line]
    """By the run's directory; those that are planned no more among them."""
    rests: Mapping[str, Rest | None]
    """How the machine rested before each run, by its directory."""

    def result(self, run: str, identity: str) -> Result | None:
        """The result of a run that came to its end with these settings; None where it must run.

        Raises:
            ConfigError: It is there, and is not the one that the run has written.
        """
        line = self.ended.get(run)
        if line is None or line.identity != identity or line.status not in _ENDED_WELL:
            return None
        if not (self.folder / run / RESULT_FILE).is_file():
            return None  # Whoever took it away wants it once more.
        # One that is emptied or cut is told by its digest, before anybody tries to read it.
        result = read_result(self.folder / run) if line.digest == digest_of(self.folder / run) else None
        if not isinstance(result, Result):
            raise ConfigError(
                f"{self.folder / run / RESULT_FILE} is not what the run has written: it was changed since. Put it back, or "
                f"take the folder {self.folder / run} away to have it run again"
            )
        return result

    def put_aside(self, run: str) -> str:
        """Makes room for a run of which a part is there: that stays, under another name.

        Args:
            run: The name of its directory, or of a file.

        Returns:
            Where it lies now, to be said; empty where nothing is there.

        Raises:
            ConfigError: The folder cannot be written.
        """
        there = self.folder / run
        if not os.path.lexists(there):
            return ""
        for number in range(1, 1000):
            other = there.with_name(f"{there.name}-cut-{number}")
            if not os.path.lexists(other):
                break
        try:
            there.rename(other)
        except OSError as error:
            raise ConfigError(
                f"cannot put {there} aside: {error.strerror}. Move it away by hand, or give another --out"
            ) from None
        return f"what is there of {run} is kept as {other}"


def is_begun(folder: Path) -> bool:
    """Whether there is a journal, or what lies in its place."""
    return os.path.lexists(folder / JOURNAL_FILE)


def go_on_from(folder: Path, identities: Mapping[str, str]) -> Before | None:
    """Reads what is there.

    Args:
        folder: The series' directory, with a journal.
        identities: Of the runs that are planned now, by directory.

    Returns:
        What is there; None where nothing is but a journal of a command that was killed before its first run began.

    Raises:
        ConfigError: The journal is none, it is of other runs than those planned now, or a result could not be written.
    """
    lines = read_journal(folder)
    for place in sorted({folder / RESULT_FILE, *((folder / run).parent / RESULT_FILE for run in identities)}):
        # Said now, and not when all has run.
        if place.is_dir():
            raise ConfigError(f"{place} is a folder, where a result is to be written: take it away, and go on")
    if all(line.what == "planned" for line in lines):
        there = sorted(run for run in identities if os.path.lexists(folder / run))
        if not there:
            return None
        raise ConfigError(
            f"{folder / JOURNAL_FILE} tells of no run that began, and {there[0]} is there: it was emptied or cut. Put it back. "
            f"{DAMAGED}"
        )
    planned = {line.run: line.identity for line in lines if line.what == "planned"}
    if planned.keys() != identities.keys():
        other = sorted(planned.keys() ^ identities.keys())[0]
        whose = "was planned then, and is not now" if other in planned else "is planned now, and was not then"
        raise ConfigError(
            f"{folder} was begun with other runs: {other} {whose}. Give the same options, or another --out"
        )
    for run, identity in identities.items():
        if planned[run] != identity:
            raise ConfigError(
                f"{folder} was begun with other settings: of {run} the options, the model, the data, the harness, a version or "
                "the machine is not what it was. Finished runs are never mixed with others: give another --out"
            )
    return Before(folder, {line.run: line for line in lines if line.what == "ended"}, _rests(folder))


def _rests(folder: Path) -> dict[str, Rest | None]:
    """From the result on top so far; a series that was killed at once has none."""
    try:
        top = read_result(folder)
    except ConfigError:
        return {}
    return {run.directory: run.rest for run in top.runs} if isinstance(top, SeriesResult) else {}


def digest_of(run: Path) -> str:
    """The SHA-256 of a run's result.json, 64 hexadecimal digits."""
    return hashlib.sha256(read_plain(run / RESULT_FILE)).hexdigest()
