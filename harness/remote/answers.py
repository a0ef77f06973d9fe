"""What the far end may answer, a record for each request. A line that is none of them ends here, in a sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal, TypeVar

from accuracy.outside.border import reason
from harness.errors import RunFailed, shortened
from harness.json_records import from_json
from harness.remote.far_end.wire import Refused

JobState = Literal["running", "ended", "died", "rebooted"]
Answer = TypeVar("Answer")
_SHOWN = 200


class NotAnAnswer(ValueError):  # noqa: N818 - it says what it is not
    """A line is not what was asked for; the message says why, and shows its beginning."""


@dataclass(frozen=True, slots=True)
class Greeting:
    """The first that is said: what machine it is, for `harness.remote.facts`."""

    tflite_loadgen: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Done:
    """It is done."""

    ok: Literal[True]


@dataclass(frozen=True, slots=True)
class Missing:
    """Files that are not there yet, by SHA-256."""

    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Installed:
    """Whether these are."""

    deps: bool
    env: bool


@dataclass(frozen=True, slots=True)
class ToldEnd:
    """How a job is."""

    state: JobState
    ended: object = None
    """What it left, as JSON; None where it has not come to its end. Another version of the harness may have written it."""


@dataclass(frozen=True, slots=True)
class ToldJob:
    """A job that is there."""

    name: str
    state: JobState


@dataclass(frozen=True, slots=True)
class Jobs:
    """All of them."""

    jobs: tuple[ToldJob, ...]


@dataclass(frozen=True, slots=True)
class JobText:
    """What a job was told, as JSON. Another version of the harness may have written it."""

    job: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Followed:
    """The next of a job that is followed: a piece of its log, or its end."""

    log: str = ""
    at: int = 0
    """Where in the log the piece ends."""
    ended: ToldEnd | None = None


@dataclass(frozen=True, slots=True)
class LeftFile:
    """A file of a run's directory."""

    name: str
    """Relative, with slashes."""
    size: int


@dataclass(frozen=True, slots=True)
class Left:
    """All files that a job left; their bytes follow, a `LeftHash` behind each."""

    files: tuple[LeftFile, ...]


@dataclass(frozen=True, slots=True)
class LeftHash:
    """The SHA-256 of a file's bytes as they lie there; empty where it was cut while it was sent."""

    sha256: str


@dataclass(frozen=True, slots=True)
class Freed:
    """Bytes that are free again."""

    freed_bytes: int


@dataclass(frozen=True, slots=True)
class _Refusal:
    error: str
    kind: str


def answer_of(kind: type[Answer], line: bytes) -> Answer:
    """A line as the answer that is waited for.

    Args:
        kind: Its record.
        line: As it came.

    Raises:
        Refused: The far end says that it cannot do it.
        NotAnAnswer: Anything else.
    """
    refusal = None
    try:
        value = json.loads(line)
        if isinstance(value, dict) and "error" in value:
            refusal = from_json(_Refusal, value)
        else:
            return from_json(kind, value)
    except (ValueError, RecursionError) as error:
        shown = shortened(ascii(line[: 2 * _SHOWN].decode(errors="replace")), _SHOWN)
        raise NotAnAnswer(f"{reason(error)}; it said {shown}") from None
    raise Refused(refusal.kind, refusal.error)


def inside(relative: str) -> PurePosixPath:
    """A path that stays below where it is put, whatever the device says."""
    path = PurePosixPath(relative)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in relative:
        raise RunFailed(f"the device names a file {shortened(ascii(relative))}, which no run leaves")
    return path
