"""A planned series on a device: sent, started, followed, brought back; or picked up where a connection was lost."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from harness.errors import EXIT_USER, ConfigError, HarnessError, Interrupted, RunFailed
from harness.machine import stop_signals
from harness.remote.brought_back import Brought, brought_back
from harness.remote.device import Device, End
from harness.remote.record import RUN_FOLDER, Job
from harness.remote.relocated import Luggage, extras_of
from harness.remote.ssh import ConnectionLost
from harness.remote.target import SshTarget
from harness.report.screen import Screen
from harness.results.record import SeriesResult
from harness.results.subject import HarnessFacts
from harness.series.perform import Performed, default_out
from harness.series.plan import PlannedRun, Series
from harness.series.plan_file import plan_to_json
from harness.zoo.files.official import cache_dir

_TRY_AGAIN_S = 180.0
"""A device that starts anew is back by then."""
_STOPS_S = 60.0
"""A run that was told to stop has ended by then."""
_LISTEN_S = 0.5
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


def perform_there(series: Series, out: Path | None, there: There) -> Performed:
    """Runs what is planned on a device.

    Args:
        series: One run or several.
        out: The directory here; None for one of its own below results/.
        there: Where.

    Raises:
        HarnessError: As of a run here; also where the device cannot be reached or is lost for good.
    """
    first = series.runs[0]
    claimed = _claim(out, first)
    try:
        with there.device() as device:
            # What is sent and installed would be in the way of it, too.
            device.refuse_busy()
            luggage = Luggage(device.facts)
            packed = luggage.packed(series)
            env = device.install(extras_of(series))
            device.have(luggage.trees.values())
            name = _name(first)
            job = Job(
                tuple(sys.argv),
                plan_to_json(packed),
                str(claimed),
                os.uname().nodename,
                HarnessFacts.here(),
                luggage.came_from,
            )
            device.start(name, env, job)
            there.screen.say(
                f"{there.target}: {name} has begun. It goes on without this command: {_attach(there, name)}"
            )
            return _to_its_end(device, name, job, claimed, there)
    except BaseException:
        with contextlib.suppress(OSError):
            # Only where nothing was brought.
            claimed.rmdir()
            if out is None:
                claimed.parent.rmdir()
        raise


def attach(name: str | None, out: Path | None, there: There) -> Performed:
    """Picks up a run that goes on, or has ended and was not brought back.

    Args:
        name: Of the job; None for the only one.
        out: The directory here; None for the one that the run was started for.
        there: Where.

    Raises:
        ConfigError: There is none, or more than one.
    """
    with there.device() as device:
        jobs = device.jobs()
        if name is None:
            if len(jobs) != 1:
                known = ", ".join(f"{job.name} ({job.state})" for job in jobs)
                raise ConfigError(
                    f"{there.target} has {len(jobs)} runs: {known}. Name one: --attach NAME"
                    if jobs
                    else f"{there.target} has no run"
                )
            name = jobs[0].name
        job = device.job(name)
        claimed = _claim(out or Path(job.out), None)
        return _to_its_end(device, name, job, claimed, there)


def clean(there: There) -> int:
    """Takes all of ours from a device; the bytes that are free again."""
    with there.device() as device:
        return device.clean()


def _claim(out: Path | None, first: PlannedRun | None) -> Path:
    """The run's directory, made and empty, so that nobody else takes it meanwhile."""
    if out is None and first is not None:
        return default_out(first).absolute()
    assert out is not None
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise ConfigError(f"{out} is not empty: every run gets a directory of its own (--out DIR)")
    except OSError as error:
        raise ConfigError(f"cannot write the run's directory {out}: {error.strerror}") from None
    return out.absolute()


def _name(first: PlannedRun) -> str:
    safe = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in first.spec.benchmark)[:40]
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{safe}-{secrets.token_hex(2)}"


def _attach(there: There, name: str) -> str:
    return f"./run.sh --target {there.target} --attach {name}"


def _to_its_end(device: Device, name: str, job: Job, out: Path, there: There) -> Performed:
    with _noted() as asked:
        following = _Following(device, name, job, out, there, asked)
        try:
            end = following.until_the_end()
            brought = following.bring_back(end)
        finally:
            following.close()
    return _performed(brought, end, out, there, asked)


def _performed(brought: Brought, end: End, out: Path, there: There, asked: list[int]) -> Performed:
    """As the command that ran there would have ended here."""
    ended, result = end.ended, brought.result
    why = {
        "died": "the run's process was killed there (is its memory full? dmesg tells)",
        "rebooted": "it has started anew",
    }
    complaint = brought.complaint if ended else f"{there.target} lost the run in its middle: {why[end.state]}"
    status = ended.status if ended else RunFailed.exit_status
    if not complaint and result is not None:
        return Performed(status, f"{_rendered(result)}\n{out}", result, out)
    if result is not None and there.as_json:
        return Performed(status, "", result, out, complaint)
    if asked:
        raise Interrupted(asked[0])
    error: HarnessError = ConfigError(complaint) if status == EXIT_USER else RunFailed(complaint)
    if status > 128:
        error = Interrupted(status - 128)
    raise error


def _rendered(result: object) -> str:
    if isinstance(result, SeriesResult):
        from harness.report.series import render_series

        return render_series(result) + "\n"
    from harness.report.run import render_run
    from harness.results.record import Result

    assert isinstance(result, Result)
    return render_run(result)


class _Following:
    """One job, followed over as many connections as it takes."""

    def __init__(self, device: Device, name: str, job: Job, out: Path, there: There, asked: list[int]) -> None:
        self._device, self._name, self._job, self._out, self._there = device, name, job, out, there
        self._asked = asked
        self._at = 0
        self._rest = ""
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
        coming = self._out.with_name(f".{self._out.name}-coming")
        try:
            while True:
                try:
                    self._device.fetch(self._name, coming)
                    break
                except ConnectionLost as lost:
                    self._again(lost)
            brought = brought_back(coming, self._job, end, self._paths, str(self._there.target))
            coming.rename(self._out)
        except OSError as error:
            raise RunFailed(
                f"the run cannot be kept in {self._out}: {error.strerror}. It is still there: "
                f"{_attach(self._there, self._name)}"
            ) from None
        finally:
            shutil.rmtree(coming, ignore_errors=True)
        with contextlib.suppress(ConnectionLost):
            self._device.remove(self._name)
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
                for line in lines:
                    self._say(line)
            self._mind_the_user()

    def _say(self, line: str) -> None:
        if line:
            for there, here in self._paths.items():
                line = line.replace(there, here)
            self._there.screen.say(line)

    def _mind_the_user(self) -> None:
        if not self._asked:
            return
        if self._asked[0] in _DETACHES:
            self._there.screen.say(f"the run goes on: {_attach(self._there, self._name)}")
            raise Interrupted(self._asked[0])
        if self._stopped_at is None:
            self._stopped_at = time.monotonic()
            self._there.screen.say(f"{self._there.target}: stopping the run")
            self._device.stop(self._asked[0])
        elif time.monotonic() - self._stopped_at > _STOPS_S:
            raise RunFailed(f"the run on {self._there.target} does not stop: {_attach(self._there, self._name)}")

    def _again(self, lost: ConnectionLost) -> None:
        """A new connection, where there is one to be had in time."""
        self._there.screen.say(f"{lost}; the run goes on there, trying again")
        self._device.close()
        end, wait_s = time.monotonic() + _TRY_AGAIN_S, 1.0
        while True:
            with contextlib.suppress(ConfigError):
                self._device = self._there.device()
                return
            if time.monotonic() + wait_s > end or self._asked:
                raise RunFailed(f"{lost}. What runs there goes on; pick it up: {_attach(self._there, self._name)}")
            time.sleep(wait_s)
            wait_s = min(2 * wait_s, 15.0)


@contextlib.contextmanager
def _noted() -> Iterator[list[int]]:
    """A signal to stop is for the run, not for this command: it is only noted."""
    asked: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        asked.append(number)

    handlers: dict[signal.Signals, Callable[..., object] | int | None] = {
        number: signal.signal(number, note) for number in stop_signals.heard()
    }
    try:
        yield asked
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
