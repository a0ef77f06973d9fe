"""A command of ours, given on a device: for verbs whose result is what they print."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import Interrupted, RunFailed
from harness.machine import stop_signals
from harness.remote.device import Device
from harness.remote.following import Following, There, job_name
from harness.remote.luggage.relocated import Luggage, put_back
from harness.remote.record import PRINTED_FILE, Job, SentModel
from harness.results.subject import HarnessFacts
from harness.scratch_folder import ScratchFolder
from harness.spec.schema import ModelRef


@dataclass(frozen=True, slots=True)
class Sent:
    """A word that ends with a file's path, which is another there."""

    path: Path
    before: str = ""
    """What stands before it, as `--input-file=image=`."""


@dataclass(frozen=True, slots=True)
class Printed:
    """What came of it."""

    words: tuple[str, ...]
    """As the device was given it."""
    status: int
    text: str
    """Its standard output, with our paths."""
    complaint: str
    device: str
    """Which it was, in a few words."""


def command_there(words: Sequence[str | Sent], models: Mapping[str, ModelRef], there: There) -> Printed:
    """Gives a command on a device, and waits for its end.

    Args:
        words: From the verb on.
        models: Those that the words name, found here.
        there: Where.

    Raises:
        HarnessError: The device cannot be reached, or was lost.
    """
    with there.device() as device:
        device.refuse_busy()
        luggage = Luggage(device.facts)
        placed = tuple(f"{word.before}{luggage.file(word.path)}" if isinstance(word, Sent) else word for word in words)
        sent = {
            name: SentModel(ref.name, ref.source, luggage.file(ref.path.resolve()), ref.sha256)
            for name, ref in models.items()
        }
        env = device.install(())
        device.have(luggage.trees.values())
        name = job_name(placed[0])
        job = Job(tuple(sys.argv), {}, "", os.uname().nodename, HarnessFacts.here(), luggage.came_from, placed, sent)
        with stop_signals.noted() as asked:
            device.start(name, env, job)
            there.screen.say(
                f"{there.target}: {name} has begun. It goes on without this command: {there.attaches(name)}"
            )
            return followed(device, name, job, there, asked)


def followed(device: Device, name: str, job: Job, there: There, asked: list[int]) -> Printed:
    """A command that was given there, to its end.

    Args:
        device: The connection of now.
        name: Of the job.
        job: What it was told.
        there: Where.
        asked: Signals that came meanwhile.

    Raises:
        HarnessError: The device was lost, or a signal came.
    """
    with ScratchFolder("job") as folder:
        out = Path(folder)
        following = Following(device, name, job, out, there, asked)
        try:
            end = following.until_the_end()
            following.bring_back(end)
        finally:
            following.close()
        if asked:
            raise Interrupted(asked[0])
        if end.ended is None:
            raise RunFailed(f"{there.target} lost {name} in its middle: it was killed there, or has started anew")
        text = (out / PRINTED_FILE).read_text("utf-8", "replace") if (out / PRINTED_FILE).exists() else ""
        complaint = "\n".join([*following.complaints, *filter(None, [end.ended.complaint])])
        facts = device.facts
        device_text = f"{facts.host}, {facts.architecture}, Linux {facts.release}, Python {facts.python}"
        text, complaint = _ours(text, job.came_from), put_back(complaint, job.came_from)
        return Printed(job.words, end.ended.status, text, complaint, device_text)


def _ours(text: str, came_from: Mapping[str, str]) -> str:
    """With our paths, also where it is JSON, in which a path may be written in another way."""
    try:
        return json.dumps(put_back(json.loads(text), came_from), indent=2)
    except (ValueError, RecursionError):
        return str(put_back(text, came_from))
