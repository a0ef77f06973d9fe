"""Files of numbers in a run's directory that begin with a line of JSON: what they are, and how many numbers follow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Protocol, TypeVar

from accuracy.outside.plain_files import read_plain
from harness.errors import ConfigError
from harness.json_records import NotThisRecord, from_json, to_json
from harness.whole_file import replacing

_VERSION = 1
_LONGEST_HEAD = 4096


class Head(Protocol):
    """The first line: a record."""

    @property
    def form(self) -> str:
        """Which file it is."""

    @property
    def version(self) -> int:
        """Of the form."""


_Head = TypeVar("_Head", bound=Head)


def write_headed(path: Path, head: Head, numbers: bytes | memoryview) -> None:
    """Writes a file, whole or not at all.

    Raises:
        OSError: The disk is full.
    """
    with replacing(path) as file:
        file.write(json.dumps(to_json(head)).encode("ascii") + b"\n")
        file.write(numbers)


def read_headed(path: Path, record: type[_Head], form: str) -> tuple[_Head, memoryview] | None:
    """What a file holds: its head, and the bytes of its numbers; None where there is none.

    Raises:
        ConfigError: It cannot be read, is not what a run wrote, or of another form or version.
    """
    try:
        data = read_plain(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    end = data.find(b"\n", 0, _LONGEST_HEAD)
    try:
        head = from_json(record, json.loads(data[:end]) if end >= 0 else None)
    except (NotThisRecord, ValueError, RecursionError) as error:
        raise ConfigError(
            f"{path} is not what a run wrote ({error}): take it away, and the rest of the run counts"
        ) from None
    if (head.form, head.version) != (form, _VERSION):
        raise unknown_form(path, head)
    return head, memoryview(data)[end + 1 :]


def unknown_form(path: Path, head: Head) -> ConfigError:
    """That a file is of a form or a version that is not read here."""
    return ConfigError(f"{path} is of a form that this harness does not know: {head.form!r} {head.version}")


def cut(path: Path, numbers: memoryview, needs: str) -> ConfigError:
    """That a file has not as many bytes as its head says.

    Args:
        path: The file.
        numbers: What it has.
        needs: What would take how much: `1,000 queries take 8,000`.
    """
    return ConfigError(
        f"{path} is cut or damaged ({len(numbers):,} bytes, where {needs}): take it away, and the rest of the run counts"
    )
