"""What is written down of a run on a device: by this side, and by the program that does it there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from harness.results.subject import HarnessFacts

JOB_FILE = "job.json"
ENDED_FILE = "ended.json"
PRINTED_FILE = "printed.txt"
"""Standard output of a command."""
RUN_FOLDER = "run"
"""The run's directory, in its job's folder."""


@dataclass(frozen=True, slots=True)
class SentModel:
    """A model that a command names, found on the machine that asked, and sent."""

    name: str
    source: Literal["official", "standin", "file"]
    path: Path
    """On the device."""
    sha256: str


@dataclass(frozen=True, slots=True)
class Job:
    """One command's run or series, as the device is handed it."""

    argv: tuple[str, ...]
    """The command, as it was given."""
    plan: Mapping[str, object]
    """See `harness.series.plan_file`."""
    out: str
    """The directory on the machine that asked, absolute."""
    asked_from: str
    """That machine's name."""
    made_by: HarnessFacts
    """The harness that was sent."""
    came_from: Mapping[str, str] = field(default_factory=dict)
    """From folders of the device to those that their files were sent from."""
    words: tuple[str, ...] = ()
    """Of another command than a run, from its verb on; then there is no plan."""
    models: Mapping[str, SentModel] = field(default_factory=dict)
    """By the names that the words have for them."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job ended that came to its end."""

    status: int
    """The exit status."""
    complaint: str
    """What a command here would have said on standard error; empty for nothing."""
