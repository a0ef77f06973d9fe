"""A device as this side knows it: the harness installed there, files sent that it lacks, jobs started and brought back."""

from __future__ import annotations

import errno
import hashlib
import shutil
import signal
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from harness.errors import EXIT_BROKEN, ConfigError, RunFailed, shortened
from harness.json_records import NotThisRecord, from_json, to_json
from harness.machine import stop_signals
from harness.remote.answers import (
    Answer,
    Done,
    Followed,
    Freed,
    Installed,
    Jobs,
    JobState,
    JobText,
    Left,
    LeftHash,
    Missing,
    ToldJob,
    inside,
)
from harness.remote.facts import DeviceFacts, usable_facts
from harness.remote.far_end.wire import Refused
from harness.remote.luggage.own_wheel import own_wheel
from harness.remote.luggage.trees import Content, PackedTree
from harness.remote.luggage.wheels import get_wheels, key_of, pins_for
from harness.remote.record import Ended, Job
from harness.remote.refusals import of_another_version, refusal
from harness.remote.ssh import Connection
from harness.remote.target import SshTarget
from harness.units import bytes_text

_CLOCK_OFF_S = 300.0
"""More is no delay of a connection."""
_STATUSES = (*range(EXIT_BROKEN + 1), *(128 + number for number in (*stop_signals.ALL, signal.SIGPIPE)))
"""With which a command of ours ends."""
_AT_ONCE_BYTES = 8 << 20
_AT_ONCE = 256
"""Files of one request, however small."""
_INSTALLED_BYTES = 400_000_000
"""What the harness needs, beside its wheels while they are unpacked."""


class End(NamedTuple):
    """How a job came to its end."""

    state: JobState
    ended: Ended | None
    """What it left; None where something else ended it."""


class Device:
    """One connection to a device on which the harness can run."""

    def __init__(self, target: SshTarget, say: Callable[[str], None], cache: Path) -> None:
        """Connects.

        Args:
            target: The device.
            say: Hears what takes a while.
            cache: The harness's own, here.

        Raises:
            ConfigError: It cannot be reached, or the harness cannot run there.
        """
        self.target = target
        self._say, self._cache = say, cache
        self._line = Connection(target)
        try:
            self.facts: DeviceFacts = usable_facts(target, self._line.facts)
            self._compare_clocks()
        except BaseException:
            self._line.close()
            raise

    def _compare_clocks(self) -> None:
        """Results bear the device's own times, by which `history` and `compare` order them."""
        off_s = 0.0 if self.facts.clock_s is None else self.facts.clock_s - time.time()
        if abs(off_s) > _CLOCK_OFF_S:
            way = "ahead of" if off_s > 0 else "behind"
            self._say(
                f"{self.target}: its clock is {abs(off_s) / 3600:,.1f} h {way} this machine's; results bear its times"
            )

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the connection; what was started goes on."""
        self.close()

    def close(self) -> None:
        """See `__exit__`."""
        self._line.close()

    def install(self, extras: Sequence[str]) -> str:
        """Sees that this very harness is there, with what it needs.

        Args:
            extras: Of the harness, that a run needs.

        Returns:
            The key by which jobs name it.

        Raises:
            ConfigError: A wheel is not to be had, or the device is full.
        """
        pins = pins_for(self.facts, extras)
        deps = key_of(self.facts, pins)
        wheel = own_wheel(self.facts.compiled_suffix)
        sha256 = hashlib.sha256(wheel).hexdigest()
        env = hashlib.sha256(f"{deps} {sha256}".encode()).hexdigest()[:32]
        has = self._ask(Installed, "has", deps=deps, env=env)
        if not has.deps:
            self._install_deps(deps, pins)
        if not has.env:
            self._say(f"{self.target}: installing this harness in {self.facts.folder}")
            self._send({sha256: Content(len(wheel), wheel)})
            self._ask(Done, "install", env=env, deps=deps, wheel=sha256)
        return env

    def _install_deps(self, key: str, pins: Sequence[str]) -> None:
        if self.facts.free_bytes < _INSTALLED_BYTES:
            raise ConfigError(
                f"{self.target} is full: what the harness needs takes about {bytes_text(_INSTALLED_BYTES)} there, and "
                f"{bytes_text(self.facts.free_bytes)} are free. Make room, or name another folder: ssh://HOST/FOLDER"
            )
        self._say(f"choosing wheels for Python {self.facts.python_minor} on {self.facts.architecture}")
        found, folder = get_wheels(self.facts, pins, self._cache)
        every = (*found.wheels, found.pip)
        paths = {wheel.sha256: folder / wheel.file for wheel in every}
        self._send({sha256: Content(path.stat().st_size, path) for sha256, path in paths.items()})
        self._say(f"{self.target}: installing {len(found.wheels)} packages, which takes a while the first time")
        listed = [[wheel.file, wheel.wanted, wheel.sha256] for wheel in found.wheels]
        self._ask(Done, "install_deps", key=key, wheels=listed, pip=found.pip.sha256)

    def have(self, trees: Iterable[PackedTree]) -> None:
        """Sends the files of trees that the device lacks, and lays them out."""
        trees = list(trees)
        self._send({file.sha256: Content(file.size, file.path) for tree in trees for file in tree.files if file.sha256})
        for tree in trees:
            listed = [[file.name, file.sha256, file.size] for file in tree.files]
            self._ask(Done, "tree", name=tree.id, files=listed)

    def _send(self, files: Mapping[str, Content]) -> None:
        """Sends what is not there yet, by SHA-256."""
        asked = [[sha256, content.size] for sha256, content in files.items()]
        lacking = set(self._ask(Missing, "missing", files=asked).missing)
        missing = [(sha256, content) for sha256, content in files.items() if sha256 in lacking]
        total = sum(content.size for _, content in missing)
        if total > _AT_ONCE_BYTES:
            self._say(f"{self.target}: sending {len(missing)} file{'s'[: len(missing) > 1]}, {bytes_text(total)}")
        while missing:
            batch = [missing.pop(0)]
            while missing and len(batch) < _AT_ONCE and sum(each.size for _, each in batch) < _AT_ONCE_BYTES:
                batch.append(missing.pop(0))
            self._line.request("put", files=[[sha256, content.size] for sha256, content in batch])
            try:
                for _, content in batch:
                    for piece in content.pieces():
                        self._line.send(piece)
            except OSError as error:
                raise ConfigError(f"{error.filename} cannot be sent: {error.strerror}") from None
            self._answer(Done)

    def start(self, name: str, env: str, job: Job) -> None:
        """Starts a job, which no lost connection ends.

        Raises:
            ConfigError: Another one is under way.
        """
        self._ask(Done, "start", name=name, env=env, job=to_json(job))

    def jobs(self) -> Sequence[ToldJob]:
        """All that are there, in the order of their names, which begin with their time."""
        return self._ask(Jobs, "jobs").jobs

    def refuse_busy(self) -> None:
        """One at a time.

        Raises:
            ConfigError: A job is under way.
        """
        for job in self.jobs():
            if job.state == "running":
                raise ConfigError(refusal(self.target, self.facts.folder, Refused("busy", job.name), ()))

    def job(self, name: str) -> Job:
        """What a job was told.

        Raises:
            ConfigError: There is none of that name, or another version started it.
        """
        text = self._ask(JobText, "job", name=name).job
        try:
            job = from_json(Job, text, name)
        except (NotThisRecord, RecursionError) as error:
            raise ConfigError(of_another_version(self.target, name, text, str(error))) from None
        if bad := [there for there in job.came_from if not there.startswith(self.facts.place(""))]:
            raise ConfigError(f"{self.target}: {name} names {shortened(bad[0])}, which is none of our folders there")
        return job

    def begin_to_follow(self, name: str, at: int) -> None:
        """Has the device tell what a job writes, from this place in its log on: see `told`."""
        self._line.request("follow", name=name, at=at)

    def told(self, seconds: float) -> tuple[str, int] | End | None:
        """The next that is told of a job: a piece of its log and where that ends, or its end; None where nothing comes."""
        if not self._line.waits(seconds):
            return None
        heard = self._answer(Followed)
        if heard.ended is None:
            return heard.log, heard.at
        state, left = heard.ended.state, heard.ended.ended
        if state != "ended":
            return End(state, None)
        try:
            ended = from_json(Ended, left, "how it ended")
            if ended.status not in _STATUSES:
                raise NotThisRecord(f"its status is {ended.status}")
        except (NotThisRecord, RecursionError) as error:
            raise RunFailed(of_another_version(self.target, "the run", {}, str(error))) from None
        return End(state, ended)

    def stop(self, number: int) -> None:
        """Passes a signal on to the job that is followed."""
        self._line.request("stop", signal=number)

    def fetch(self, name: str, into: Path) -> None:
        """Brings a job's run directory here.

        Args:
            name: Of the job.
            into: Made here; what is there is taken away.

        Raises:
            OSError: It cannot be written here.
            RunFailed: It is not what a run leaves, does not fit here, or did not come whole.
        """
        self._line.request("fetch", name=name)
        files = self._answer(Left).files
        places = [into / inside(file.name) for file in files]
        if odd := [file for file in files if file.size < 0]:
            raise RunFailed(f"{self.target} says that {shortened(ascii(odd[0].name))} has {odd[0].size:,} bytes")
        shutil.rmtree(into, ignore_errors=True)
        into.mkdir()
        total, free = sum(file.size for file in files), shutil.disk_usage(into).free
        if total > free:
            raise OSError(errno.ENOSPC, f"{bytes_text(total)} are to come, and {bytes_text(free)} are free")
        for file, place in zip(files, places, strict=True):
            place.parent.mkdir(parents=True, exist_ok=True)
            digest = hashlib.sha256()
            with place.open("xb") as opened:
                for piece in self._line.receive(file.size):
                    digest.update(piece)
                    opened.write(piece)
            if self._answer(LeftHash).sha256 != digest.hexdigest():
                raise RunFailed(f"{shortened(file.name)} of {name} did not come from {self.target} as it is there")

    def remove(self, name: str) -> None:
        """Takes a job away that was brought back."""
        self._ask(Done, "remove", name=name)

    def clean(self) -> int:
        """Takes all of ours away.

        Returns:
            Bytes that are free again.

        Raises:
            ConfigError: A job is under way.
        """
        return self._ask(Freed, "clean").freed_bytes

    def _ask(self, kind: type[Answer], what: str, **words: object) -> Answer:
        self._line.request(what, **words)
        return self._answer(kind)

    def _answer(self, kind: type[Answer]) -> Answer:
        try:
            return self._line.answer(kind)
        except Refused as refused:
            known = [job.name for job in self.jobs()] if refused.kind == "unknown" else []
            raise ConfigError(refusal(self.target, self.facts.folder, refused, known)) from None
