"""A job on a device, followed to its end over as many connections as it takes, and brought back."""

from __future__ import annotations

import secrets
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from harness.errors import ConfigError, HarnessError, Interrupted, RunFailed
from harness.remote.brought_back import Brought, brought_back
from harness.remote.device import Device, End
from harness.remote.record import RUN_FOLDER, Job
from harness.remote.ssh import ConnectionLost
from harness.remote.target import SshTarget
from harness.remote.waiting_directory import COMING, came
from harness.report.screen import Screen
from harness.results.files import RESULT_FILE
from harness.way_in import COMPLAINT
from harness.zoo.files.official import cache_dir

_TRY_AGAIN_S = 180.0
"""A device that starts anew is back by then."""
_STOPS_S = 60.0
"""A run that was told to stop has ended by then."""
_LISTEN_S = 0.5
_LONGEST_LINE = 100_000
"""Characters. A device may send a log that has no line."""
_COMPLAINTS = 20
"""The last of what a device says in the end."""
_DETACHES = (signal.SIGHUP, signal.SIGQUIT)
"""The terminal has gone, or the user wants this command gone, not the run."""


@dataclass(frozen=True, slots=True)
class There:
    """Where, and how it is told."""

    target: SshTarget
    screen: Screen
    as_json: bool = False
    """A failure that has a result gives it back."""

    def device(self) -> Device:
        """A new connection."""
        return Device(self.target, self.screen.say, cache_dir())

    def attaches(self, name: str) -> str:
        """The command that picks a job up."""
        return f"./run.sh --target {self.target} --attach {name}"


def job_name(what: str) -> str:
    """A new job's: when, what, and four letters so that it is nobody else's."""
    safe = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in what)[:40]
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{safe}-{secrets.token_hex(2)}"


class Following:
    """One job, followed over as many connections as it takes."""

    def __init__(self, device: Device, name: str, job: Job, out: Path, there: There, asked: list[int]) -> None:
        self._device, self._name, self._job, self._out, self._there = device, name, job, out, there
        self._asked = asked
        self._at = 0
        self._rest = ""
        self.complaints: list[str] = []
        """What a command there says of itself in the end."""
        self._stopped_at: float | None = None
        self._paths = {device.facts.place("jobs", name, RUN_FOLDER): str(out), **job.came_from}

    def close(self) -> None:
        """Closes the connection of now; the first one's owner closes that once more."""
        self._device.close()

    def until_the_end(self) -> End:
        """Passes on what the job writes, and the user's wish to stop."""
        while True:
            try:
                self._device.begin_to_follow(self._name, self._at)
                return self._listen()
            except ConnectionLost as lost:
                self._again(lost)

    def bring_back(self, end: End) -> Brought:
        """Its directory, here; then it is taken away there."""
        coming = self._out / COMING
        try:
            while True:
                try:
                    self._device.fetch(self._name, coming)
                    break
                except ConnectionLost as lost:
                    self._again(lost)
            brought = brought_back(coming, self._job, end, self._paths, str(self._there.target))
            # The result comes last: where it is, all is.
            for each in sorted(coming.iterdir(), key=lambda each: each.name == RESULT_FILE):
                each.rename(self._out / each.name)
            came(self._out)
        except OSError as error:
            raise RunFailed(
                f"the run cannot be kept in {self._out}: {error.strerror}. It is still there: "
                f"{self._there.attaches(self._name)} --out DIR"
            ) from None
        except ConnectionLost:
            raise
        except HarnessError as error:
            still = f". It is still there: {self._there.attaches(self._name)}"
            raise RunFailed(f"{error}{'' if self._there.attaches(self._name) in str(error) else still}") from None
        finally:
            shutil.rmtree(coming, ignore_errors=True)
        try:
            self._device.remove(self._name)
        except HarnessError as error:
            # It is here, which is what counts.
            self._there.screen.say(f"{self._name} is here, and could not be taken away there: {error}")
        return brought

    def _listen(self) -> End:
        while True:
            heard = self._device.told(_LISTEN_S)
            if isinstance(heard, End):
                self._say(self._rest)
                return heard
            if heard is not None:
                text, self._at = heard
                *lines, self._rest = (self._rest + text).split("\n")
                if len(self._rest) > _LONGEST_LINE:
                    lines, self._rest = [*lines, self._rest], ""
                for line in lines:
                    self._say(line)
            self._mind_the_user()

    def _say(self, line: str) -> None:
        for there, here in self._paths.items():
            line = line.replace(there, here)
        if line.startswith(COMPLAINT):
            self.complaints = [*self.complaints, line.removeprefix(COMPLAINT)][-_COMPLAINTS:]
        elif line:
            self._there.screen.say(line)

    def _mind_the_user(self) -> None:
        if not self._asked:
            return
        if self._asked[0] in _DETACHES:
            self._there.screen.say(f"the run goes on: {self._there.attaches(self._name)}")
            raise Interrupted(self._asked[0])
        if self._stopped_at is None:
            self._stopped_at = time.monotonic()
            self._there.screen.say(f"{self._there.target}: stopping the run")
            self._device.stop(self._asked[0])
        elif time.monotonic() - self._stopped_at > _STOPS_S:
            raise RunFailed(f"the run on {self._there.target} does not stop: {self._there.attaches(self._name)}")

    def _again(self, lost: ConnectionLost) -> None:
        """A new connection, where there is one to be had in time."""
        self._there.screen.say(f"{lost}; the run goes on there, trying again")
        self._device.close()
        end, wait_s, why = time.monotonic() + _TRY_AGAIN_S, 1.0, ""
        while True:
            try:
                self._device = self._there.device()
                return
            except ConfigError as error:
                why = str(error)
            if time.monotonic() + wait_s > end or self._asked:
                raise RunFailed(
                    f"{lost}. What runs there goes on; pick it up: {self._there.attaches(self._name)} (the last try: {why})"
                )
            time.sleep(wait_s)
            wait_s = min(2 * wait_s, 15.0)
