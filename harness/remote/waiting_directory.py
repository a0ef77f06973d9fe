"""A run's directory here while the run is on a device: made before it, empty but for a note of which run it waits for."""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from harness.errors import ConfigError
from harness.json_records import NotThisRecord, from_json, to_json
from harness.remote.record import Job
from harness.whole_file import write_json

COMING = ".coming"
"""What is brought lies in it until all of it is here."""
_NOTE = ".waits.json"


@dataclass(frozen=True, slots=True)
class _JobNote:
    run: str
    """The job's name on the device."""
    job_sha256: str = ""
    """Of what the job was told; empty in notes of earlier versions."""


def claim(out: Path) -> Path:
    """Makes it, so that nobody else takes it meanwhile; absolute.

    Raises:
        ConfigError: It is not empty, or cannot be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(each.name not in (COMING, _NOTE) for each in out.iterdir()):
            raise ConfigError(f"{out} is not empty: every run gets a directory of its own (--out DIR)")
    except OSError as error:
        raise ConfigError(f"cannot write the run's directory {out}: {error.strerror}") from None
    return out.resolve()


def wait_for(out: Path, run: str, job: Job) -> None:
    """Notes the run that has begun, and what it was told.

    Raises:
        OSError: It cannot be written.
    """
    write_json(out / _NOTE, to_json(_JobNote(run, _digest(job))))


def waits_for(out: Path, run: str) -> bool:
    """Whether it was made for this run: a device names the directory, and may name any."""
    note = _note(out)
    return note is not None and note.run == run


def was_told_otherwise(out: Path, run: str, job: Job) -> bool:
    """Whether what a device says that a run was told is not what it was told when the directory was made for it."""
    note = _note(out)
    return note is not None and note.run == run and note.job_sha256 not in ("", _digest(job))


def _note(out: Path) -> _JobNote | None:
    try:
        return from_json(_JobNote, json.loads((out / _NOTE).read_bytes()))
    except (OSError, ValueError, NotThisRecord, RecursionError):
        return None


def _digest(job: Job) -> str:
    return hashlib.sha256(json.dumps(to_json(job), sort_keys=True).encode()).hexdigest()


def came(out: Path) -> None:
    """It waits no longer."""
    with contextlib.suppress(OSError):
        (out / _NOTE).unlink()
