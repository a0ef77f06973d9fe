"""samples.json in a run's directory: what the run read, so that whoever comes later can tell whether that is still there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from accuracy.outside.border import reads
from accuracy.outside.text_files import read_text
from harness.errors import ConfigError
from harness.json_records import NotThisRecord, from_json, to_json
from harness.whole_file import write_json
from tasks.base import Task
from tasks.sets.digests import Digest

SAMPLES_FILE = "samples.json"
NO_SAMPLES_FILE = (
    f"the run kept no {SAMPLES_FILE} (earlier versions did not), so nothing tells whether its data have changed since"
)
_VERSION = 1


@dataclass(frozen=True, slots=True)
class ReadItem:
    """A sample or a file."""

    name: str
    """Of the sample in its set, or the file's path."""
    size: int | None
    """In bytes; None where nobody has read it and nothing tells."""
    sha256: str | None
    """Of all that was read of it; None for a sample that the run did not ask for."""


@dataclass(frozen=True, slots=True)
class ReadData:
    """The data of a run."""

    version: int
    samples: tuple[ReadItem, ...]
    """All samples of the set in their order, those that were read with their digests; none where all lie in `files`."""
    files: tuple[ReadItem, ...]
    """What was read as a whole: ground truth, lists of names, a vocabulary, samples that lie in one file."""
    classes: tuple[str, ...] = ()
    """Folders a class, or a table's names of its classes: labels that are stored with the samples count by them."""


def files_now(task: Task) -> tuple[ReadItem, ...]:
    """The files that a task reads as a whole, as they are."""
    return tuple(ReadItem(str(path), *_digest(path)) for path in task.files())


def read_data(task: Task, digests: Mapping[int, Digest], files: tuple[ReadItem, ...]) -> ReadData:
    """The data of a run.

    Args:
        task: The run's, bound to its data.
        digests: Of the samples that were read, by index.
        files: As they were when the task was opened.
    """
    stored = task.stored_samples()
    if stored is None:
        return ReadData(_VERSION, (), files)
    samples = []
    for index, name in enumerate(stored.names):
        known = digests.get(index)
        samples.append(ReadItem(name, known.size, known.sha256) if known else ReadItem(name, stored.size(index), None))
    return ReadData(_VERSION, tuple(samples), files, tuple(stored.classes))


def write_read_data(folder: Path, data: ReadData) -> None:
    """Writes samples.json, whole or not at all.

    Raises:
        OSError: The disk is full.
    """
    write_json(folder / SAMPLES_FILE, to_json(data))


def samples_digest(folder: Path) -> str | None:
    """SHA-256 of a run's samples.json; None where it has none."""
    return _digest(folder / SAMPLES_FILE)[1]


def lack_of_samples_file(folder: Path, known: str | None) -> str:
    """What there is to say of a run that lost its samples.json; empty where it has the one that it wrote, or wrote none.

    Args:
        folder: The run's directory.
        known: `samples_file_sha256` of its result; None where that has none, or is not there.

    Raises:
        ConfigError: There is one, and it is not the one that the run wrote.
    """
    if known is None:
        return ""
    found = samples_digest(folder)
    if found is None:
        return f"{SAMPLES_FILE} is gone, which the run kept: nothing tells any more whether its data have changed since"
    if found != known:
        raise ConfigError(
            f"{folder / SAMPLES_FILE} is not what the run wrote (its SHA-256 is {found}, result.json has {known}), so it "
            "says nothing of the data: put it back, or run once more"
        )
    return ""


@reads(ConfigError)
def load_read_data(folder: Path) -> ReadData | None:
    """What a run has read; None for a run that kept nothing of it, as those of earlier versions.

    Raises:
        ConfigError: samples.json cannot be read, or is of another version.
    """
    path = folder / SAMPLES_FILE
    if not path.exists():
        return None
    try:
        found = from_json(ReadData, json.loads(read_text(path)))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    except (NotThisRecord, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not what a run wrote ({error}): run once more") from None
    if found.version != _VERSION:
        raise ConfigError(
            f"{path} is of version {found.version}, not {_VERSION}: score it with the harness that wrote it"
        )
    return found


def _digest(path: Path) -> tuple[int | None, str | None]:
    try:
        found = Digest.of_file(path)
    except OSError:
        return None, None
    return found.size, found.sha256
