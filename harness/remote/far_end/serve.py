"""Hears requests and answers them, until the connection is gone."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.remote.far_end.installed import forget_others, install, install_deps, is_ready
from harness.remote.far_end.jobs import JobFolder
from harness.remote.far_end.machine import facts
from harness.remote.far_end.store import FULL, FileStore
from harness.remote.far_end.wire import CHUNK, Refused, Wire

_POLL_S = 0.5
_CLOSED = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST)


class FarEnd:
    """Each request is a method."""

    def __init__(self, folder: Path) -> None:
        self._wire, self._store = Wire(), FileStore(folder)
        self._jobs = JobFolder(self._store)

    def serve(self) -> None:
        """Says what this machine is, then answers."""
        # A login shell may have written something without the end of a line.
        self._wire.send(b"\n")
        self._wire.tell(tflite_loadgen=facts(self._store.folder))
        with contextlib.suppress(EOFError):
            while True:
                self._answer(json.loads(self._wire.line()))

    def _answer(self, request: dict[str, Any]) -> None:
        try:
            getattr(self, f"do_{request.pop('do')}")(**request)
        except Refused as refused:
            self._wire.tell(error=str(refused), kind=refused.kind)
        except OSError as error:
            kind = "full" if error.errno in FULL else "closed" if error.errno in _CLOSED else "system"
            self._wire.tell(error=f"{error.filename or self._store.folder}: {error.strerror}", kind=kind)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            # What lies here was damaged: whoever asked is told, and not that the connection broke.
            self._wire.tell(error=f"{type(error).__name__}: {error}", kind="broken")

    def do_missing(self, files: list[tuple[str, int]]) -> None:
        """Which files are not here yet."""
        self._wire.tell(missing=self._store.missing(files))

    def do_put(self, files: list[tuple[str, int]]) -> None:
        """Takes files whose bytes follow."""
        self._store.take(files, self._wire)
        self._wire.tell(ok=True)

    def do_tree(self, name: str, files: list[tuple[str, str, int]]) -> None:
        """Lays files out under their names."""
        self._store.tree(name, files)
        self._wire.tell(ok=True)

    def do_has(self, deps: str, env: str) -> None:
        """Whether these are installed. It is asked first: a folder that cannot be ours is refused before all else."""
        self._store.make()
        self._wire.tell(deps=is_ready(self._store, "deps", deps), env=is_ready(self._store, "envs", env))

    def do_install_deps(self, key: str, wheels: list[tuple[str, str, str]], pip: str) -> None:
        """Installs what the harness needs."""
        with self._alone("install"):
            if not is_ready(self._store, "deps", key):
                install_deps(self._store, key, wheels, pip)
        self._wire.tell(ok=True)

    def do_install(self, env: str, deps: str, wheel: str) -> None:
        """Installs the harness; earlier ones go, unless a run is under way."""
        with self._alone("install"):
            if not is_ready(self._store, "envs", env):
                install(self._store, env, deps, wheel)
            with contextlib.suppress(Refused):
                self._jobs.refuse_a_second()
                forget_others(self._store, env, deps)
        self._wire.tell(ok=True)

    def do_start(self, name: str, env: str, job: dict[str, Any]) -> None:
        """Starts a run."""
        with self._alone("start"):
            self._jobs.start(name, env, job)
        self._wire.tell(ok=True)

    def do_jobs(self) -> None:
        """All runs that are here, and how they are."""
        self._wire.tell(jobs=[{"name": name, "state": self._jobs.state(name)["state"]} for name in self._jobs.names()])

    def do_job(self, name: str) -> None:
        """What a run was told."""
        self._wire.tell(job=json.loads((self._jobs.folder(name) / "job.json").read_text()))

    def do_follow(self, name: str, at: int) -> None:
        """Tells what a run writes, from a place in its log on, until it ends; hears `stop` meanwhile."""
        place = self._jobs.folder(name) / "log"
        while True:
            # Its state first: what it wrote before it ended is told then.
            state = self._jobs.state(name)
            # One that was cut off by a loss of power may have none.
            with contextlib.suppress(FileNotFoundError), place.open("rb") as log:
                log.seek(at)
                while piece := log.read(CHUNK):
                    at += len(piece)
                    self._wire.tell(log=piece.decode("utf-8", "replace"), at=at)
            if state["state"] != "running":
                self._wire.tell(ended=state)
                return
            if self._wire.waits(_POLL_S):
                self._jobs.stop(name, json.loads(self._wire.line())["signal"])

    def do_stop(self, signal: int) -> None:
        """One that came when the run had ended by itself: nothing is left to do, and nobody waits for an answer."""

    def do_fetch(self, name: str) -> None:
        """Sends a run's directory: first which files, then of each its bytes and their SHA-256."""
        run, files = self._jobs.left(name)
        self._wire.tell(files=[{"name": relative, "size": size} for relative, size in files])
        for relative, size in files:
            self._wire.tell(sha256=self._sent(run / relative, size))

    def _sent(self, file: Path, size: int) -> str:
        """So many bytes of a file go out, whatever becomes of it meanwhile, or nothing behind it would be read right.

        Returns:
            Their SHA-256; empty where not all of them could be read.
        """
        digest, left = hashlib.sha256(), size
        with contextlib.suppress(OSError), file.open("rb") as opened:
            while left and (piece := opened.read(min(CHUNK, left))):
                digest.update(piece)
                left -= len(piece)
                self._wire.send(piece)
        for at in range(0, left, CHUNK):
            self._wire.send(bytes(min(CHUNK, left - at)))
        return "" if left else digest.hexdigest()

    def do_remove(self, name: str) -> None:
        """Takes a run away."""
        self._jobs.remove(name)
        self._wire.tell(ok=True)

    def do_clean(self) -> None:
        """Takes all of ours away, unless a run is under way."""
        self._jobs.refuse_a_second()
        self._wire.tell(freed_bytes=self._store.clean())

    @contextlib.contextmanager
    def _alone(self, what: str) -> Iterator[None]:
        """One connection at a time; a lock goes with the process that holds it."""
        self._store.make()
        with (self._store.folder / "locks" / what).open("wb") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError:
                    time.sleep(_POLL_S)
            yield


def main(folder: str) -> None:
    """Serves in a folder; empty for the usual one in the user's home."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    FarEnd(Path(folder) if folder else Path.home() / ".tflite-loadgen").serve()
