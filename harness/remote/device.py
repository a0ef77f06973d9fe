"""A device as this side knows it: the harness installed there, files sent that it lacks, jobs started and brought back."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self

from harness.errors import ConfigError, RunFailed
from harness.json_records import NotThisRecord, from_json, to_json
from harness.remote.facts import DeviceFacts, usable_facts
from harness.remote.far_end.wire import Refused
from harness.remote.own_wheel import own_wheel
from harness.remote.record import Ended, Job
from harness.remote.ssh import Connection
from harness.remote.target import SshTarget
from harness.remote.trees import Tree
from harness.remote.wheels import get_wheels, key_of, pins_for
from harness.units import bytes_text

_AT_ONCE_BYTES = 8 << 20
_PIECE_BYTES = 1 << 20
_AT_ONCE = 256
"""Files of one request, however small."""
_INSTALLED_BYTES = 400_000_000
"""What the harness needs, beside its wheels while they are unpacked."""
JobState = Literal["running", "ended", "died", "rebooted"]


class KnownJob(NamedTuple):
    """A job that the device has."""

    name: str
    state: JobState


@dataclass(frozen=True, slots=True)
class Content:
    """What is sent: a file, which may be larger than memory, or bytes."""

    size: int
    """In bytes."""
    source: Path | bytes

    def pieces(self) -> Iterator[bytes]:
        """All of it. A file that was cut meanwhile keeps its size, and is refused for its hash."""
        if isinstance(self.source, bytes):
            yield self.source
            return
        left = self.size
        with self.source.open("rb") as file:
            while left:
                piece = file.read(min(_PIECE_BYTES, left)) or bytes(min(_PIECE_BYTES, left))
                left -= len(piece)
                yield piece


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
        except BaseException:
            self._line.close()
            raise

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
        has = self._ask("has", deps=deps, env=env)
        if not has["deps"]:
            self._install_deps(deps, pins)
        if not has["env"]:
            self._say(f"{self.target}: installing this harness in {self.facts.folder}")
            self._send({sha256: Content(len(wheel), wheel)})
            self._ask("install", env=env, deps=deps, wheel=sha256)
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
        self._ask("install_deps", key=key, wheels=listed, pip=found.pip.sha256)

    def have(self, trees: Iterable[Tree]) -> None:
        """Sends the files of trees that the device lacks, and lays them out."""
        trees = list(trees)
        self._send({file.sha256: Content(file.size, file.path) for tree in trees for file in tree.files})
        for tree in trees:
            self._ask("tree", name=tree.id, files=[[file.name, file.sha256] for file in tree.files])

    def _send(self, files: Mapping[str, Content]) -> None:
        """Sends what is not there yet, by SHA-256."""
        asked = [[sha256, content.size] for sha256, content in files.items()]
        missing = [(sha256, files[sha256]) for sha256 in self._ask("missing", files=asked)["missing"]]
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
            self._answer()

    def start(self, name: str, env: str, job: Job) -> None:
        """Starts a job, which no lost connection ends.

        Raises:
            ConfigError: Another one is under way.
        """
        self._ask("start", name=name, env=env, job=to_json(job))

    def jobs(self) -> list[KnownJob]:
        """All that are there, in the order of their names, which begin with their time."""
        return [KnownJob(each["name"], each["state"]) for each in self._ask("jobs")["jobs"]]

    def refuse_busy(self) -> None:
        """One at a time.

        Raises:
            ConfigError: A job is under way.
        """
        for job in self.jobs():
            if job.state == "running":
                raise ConfigError(self._said(Refused("busy", job.name)))

    def job(self, name: str) -> Job:
        """What a job was told.

        Raises:
            ConfigError: There is none of that name, or another version started it.
        """
        try:
            return from_json(Job, self._ask("job", name=name)["job"], name)
        except NotThisRecord as error:
            raise ConfigError(
                f"{self.target}: {name} was started by another version of the harness ({error}): attach with that one"
            ) from None

    def begin_to_follow(self, name: str, at: int) -> None:
        """Has the device tell what a job writes, from this place in its log on: see `told`."""
        self._line.request("follow", name=name, at=at)

    def told(self, seconds: float) -> tuple[str, int] | End | None:
        """The next that is told of a job: a piece of its log and where that ends, or its end; None where nothing comes."""
        if not self._line.waits(seconds):
            return None
        answer = self._answer()
        if "log" in answer:
            return answer["log"], answer["at"]
        ended = answer["ended"]
        state: JobState = ended.pop("state")
        return End(state, from_json(Ended, ended, "ended") if state == "ended" else None)

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
            RunFailed: It is not what a run leaves.
        """
        self._line.request("fetch", name=name)
        listed = self._answer()["files"]
        shutil.rmtree(into, ignore_errors=True)
        into.mkdir()
        for relative, size in listed:
            place = into / _inside(relative)
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("xb") as file:
                for piece in self._line.receive(size):
                    file.write(piece)

    def remove(self, name: str) -> None:
        """Takes a job away that was brought back."""
        self._ask("remove", name=name)

    def clean(self) -> int:
        """Takes all of ours away.

        Returns:
            Bytes that are free again.

        Raises:
            ConfigError: A job is under way.
        """
        return int(self._ask("clean")["freed_bytes"])

    def _ask(self, what: str, **words: object) -> dict[str, Any]:
        self._line.request(what, **words)
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        try:
            return self._line.answer()
        except Refused as refused:
            raise ConfigError(self._said(refused)) from None

    def _said(self, refused: Refused) -> str:
        match refused.kind:
            case "full":
                return f"{self.target} is full: {refused}. Make room there, or name another folder: ssh://HOST/FOLDER"
            case "busy":
                return (
                    f"{self.target} is busy with {refused}: two runs at once would disturb each other. Wait for it, or pick "
                    f"it up with --target {self.target} --attach {refused}"
                )
            case "unknown":
                known = ", ".join(job.name for job in self.jobs()) or "none"
                return f"{self.target} has no run {refused}; it has {known}"
            case "pip":
                return f"{self.target}: the wheels could not be installed there: {refused}"
        return f"{self.target}: {refused}"


def _inside(relative: str) -> PurePosixPath:
    """A path that stays below where it is put, whatever the device says."""
    path = PurePosixPath(relative)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise RunFailed(f"the device names a file {relative!r}, which no run leaves")
    return path
