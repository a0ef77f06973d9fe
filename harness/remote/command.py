"""A command of ours, given on a device: for verbs whose result is what they print."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import Interrupted, RunFailed
from harness.machine import stop_signals
from harness.remote.following import Following, There, job_name
from harness.remote.luggage.relocated import Luggage, put_back
from harness.remote.record import PRINTED_FILE, Job
from harness.results.subject import HarnessFacts


@dataclass(frozen=True, slots=True)
class Sent:
    """A word that ends with a file's path, which is another there."""

    path: Path
    before: str = ""
    """What stands before it, as `--input-file=image=`."""


@dataclass(frozen=True, slots=True)
class Printed:
    """What came of it."""

    status: int
    text: str
    """Its standard output, with our paths."""
    complaint: str
    device: str
    """Which it was, in a few words."""


def command_there(words: Sequence[str | Sent], there: There) -> Printed:
    """Gives a command on a device, and waits for its end.

    Args:
        words: From the verb on.
        there: Where.

    Raises:
        HarnessError: The device cannot be reached, or was lost.
    """
    with there.device() as device, tempfile.TemporaryDirectory() as folder:
        device.refuse_busy()
        luggage, out = Luggage(device.facts), Path(folder) / "out"
        out.mkdir()
        placed = tuple(f"{word.before}{luggage.file(word.path)}" if isinstance(word, Sent) else word for word in words)
        env = device.install(())
        device.have(luggage.trees.values())
        name, came_from = job_name(placed[0]), luggage.came_from
        argv = tuple(sys.argv)
        job = Job(argv, {}, str(out), os.uname().nodename, HarnessFacts.here(), came_from, words=placed)
        with stop_signals.noted() as asked:
            device.start(name, env, job)
            following = Following(device, name, job, out, there, asked)
            try:
                end = following.until_the_end()
                following.bring_back(end)
            finally:
                following.close()
        if asked:
            raise Interrupted(asked[0])
        if end.ended is None:
            raise RunFailed(f"{there.target} lost {placed[0]} in its middle: it was killed there, or has started anew")
        text = (out / PRINTED_FILE).read_text("utf-8") if (out / PRINTED_FILE).exists() else ""
        complaint = "\n".join([*following.complaints, *filter(None, [end.ended.complaint])])
        facts = device.facts
        device_text = f"{facts.host}, {facts.architecture}, Linux {facts.release}, Python {facts.python}"
        return Printed(end.ended.status, _ours(text, came_from), put_back(complaint, came_from), device_text)


def _ours(text: str, came_from: dict[str, str]) -> str:
    """With our paths, also where it is JSON, in which a path may be written in another way."""
    try:
        return json.dumps(put_back(json.loads(text), came_from), indent=2)
    except ValueError:
        return str(put_back(text, came_from))
